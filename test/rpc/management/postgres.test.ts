/** The tests that depend most on the store, run on PostgreSQL, too. */

import { describe } from "vitest";
import { useDatabases } from "../../support/api/setting.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";

useDatabases(newPostgresDatabase);

describe("on PostgreSQL", async () => {
  await import("./contact.test.ts");
  await import("./life-cycle.test.ts");
  await import("./list-user-changes.test.ts");
  await import("./list-users.test.ts");
  await import("./lookups.test.ts");
  await import("./update-human-profile-rest.test.ts");
  await import("./user-metadata.test.ts");
  await import("./user-name.test.ts");
});
