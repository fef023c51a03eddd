import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type PostgresServer, startPostgres } from "./postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Answers with the URL of any database of the server that the run shares; starts that first. */
    postgresDoor: string;
  }
}

/**
 * Once per run: a PostgreSQL server for all test files, unless GIRAFFE_TEST_POSTGRES_URL names another
 * one. It is started when the first test asks for it, so a run without such a test needs none. Test
 * files run in processes of their own, and ask over HTTP on loopback.
 *
 * @param start Default: start a real one.
 */
export async function setup(
  { provide }: { readonly provide: (key: "postgresDoor", url: string) => void },
  start: () => Promise<Pick<PostgresServer, "url" | "close">> = startPostgres,
): Promise<() => Promise<void>> {
  let starting: ReturnType<typeof start> | undefined;
  const urlOf = async () => {
    const given = process.env.GIRAFFE_TEST_POSTGRES_URL;
    if (given) return given;
    starting ??= start();
    return (await starting).url("postgres");
  };
  const door = createServer((_, response) => {
    urlOf().then(
      (url) => response.end(url),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  }).listen(0, "127.0.0.1");
  await once(door, "listening");
  provide("postgresDoor", `http://127.0.0.1:${(door.address() as AddressInfo).port}`);
  return async () => {
    door.closeAllConnections();
    door.close();
    const server = await starting?.catch(() => undefined);
    await server?.close();
  };
}
