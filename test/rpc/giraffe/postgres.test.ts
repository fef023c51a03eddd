/** Everything of our own, on PostgreSQL. */

import { describe } from "vitest";
import { useDatabases } from "../../support/api/setting.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";

useDatabases(newPostgresDatabase);

describe("on PostgreSQL", async () => {
  await import("./erase-user.test.ts");
  await import("./list-changes.test.ts");
  await import("./update-profiles.test.ts");
});
