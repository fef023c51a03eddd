import type { TestProject } from "vitest/node";
import { startPostgres } from "./postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Of any database of the server that the run shares. */
    postgresUrl: string;
  }
}

/** Once per run: a PostgreSQL server, unless GIRAFFE_TEST_POSTGRES_URL names another one. */
export async function setup({ provide }: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env.GIRAFFE_TEST_POSTGRES_URL;
  if (given) {
    provide("postgresUrl", given);
    return undefined;
  }
  const server = await startPostgres();
  provide("postgresUrl", server.url("postgres"));
  return () => server.close();
}
