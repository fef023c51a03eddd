/** The extras depend on the store where they decide a change, so they run on PostgreSQL, too. */

import { describe } from "vitest";
import { useDatabases } from "../../support/api/setting.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";

useDatabases(newPostgresDatabase);

describe("on PostgreSQL", async () => {
  await import("./changes.test.ts");
  await import("./ignore-accents.test.ts");
  await import("./versions.test.ts");
});
