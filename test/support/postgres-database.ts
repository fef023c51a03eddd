import { inject } from "vitest";
import { createDatabase } from "./postgres.ts";

/** An empty database on the server that all test files share. */
export async function newPostgresDatabase(): Promise<string> {
  const answer = await fetch(inject("postgresDoor"));
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return createDatabase(text);
}
