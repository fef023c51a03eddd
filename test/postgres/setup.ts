import { once } from "node:events";
import { createServer } from "node:net";
import type { TestProject } from "vitest/node";
import { type PostgresServer, startPostgres } from "./server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** A port that answers with the URL of a PostgreSQL server, and starts it when first asked. */
    postgresDoor: number;
  }
}

/**
 * One PostgreSQL for the whole run, which starts when the first test needs it: most runs of a few
 * files need none.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let server: Promise<PostgresServer> | undefined;
  const door = createServer(async (socket) => {
    socket.on("error", () => {});
    server ??= startPostgres();
    const answer = await server.then(
      ({ url }) => ({ url }),
      (error: Error) => ({ problem: error.message }),
    );
    socket.end(JSON.stringify(answer));
  }).listen(0, "127.0.0.1");
  await once(door, "listening");
  const address = door.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  project.provide("postgresDoor", address.port);
  return async () => {
    door.close();
    await (await server)?.close();
  };
}
