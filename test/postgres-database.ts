import { inject } from "vitest";
import { createDatabase } from "./postgres.ts";

/** An empty database on the server that all test files share. */
export function newPostgresDatabase(): Promise<string> {
  return createDatabase(inject("postgresUrl"));
}
