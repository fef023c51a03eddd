/** Everything of v2 on PostgreSQL, but the matrices of roles: those are decided before the store is asked. */

import { describe } from "vitest";
import { useDatabases } from "../../support/api/setting.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";

useDatabases(newPostgresDatabase);

describe("on PostgreSQL", async () => {
  await import("./add-user.test.ts");
  await import("./concurrency.test.ts");
  await import("./conformance.test.ts");
  await import("./contact.test.ts");
  await import("./list-users.test.ts");
  await import("./mixed-writers.test.ts");
  await import("./self-service.test.ts");
  await import("./states.test.ts");
  await import("./user-metadata.test.ts");
});
