import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startGiraffe } from "../support/child.ts";
import { processTree } from "../support/open-ports.ts";
import { newPostgresDatabase } from "../support/postgres-database.ts";
import { createPlace } from "./serving.ts";

/** Each process says on SIGUSR2 whether its objects have `__proto__`, and each thread when it has started. */
const preload = `data:text/javascript,${encodeURIComponent(`
  import { syncBuiltinESMExports } from "node:module";
  import threads from "node:worker_threads";
  threads.Worker = class extends threads.Worker {
    constructor(text, options) {
      super(text + '; setImmediate(() => process._rawDebug("thread: " + ("__proto__" in {})));', options);
    }
  };
  syncBuiltinESMExports();
  process.on("SIGUSR2", () => process._rawDebug(process.pid + ": " + ("__proto__" in {})));
`)}`;

test.runIf(process.platform === "linux").for<{
  name: string;
  url?: () => Promise<string>;
  flags: string[];
  threads: number;
}>([
  { name: "SQLite", flags: [], threads: 1 },
  { name: "PostgreSQL", url: newPostgresDatabase, flags: ["--workers", "2"], threads: 0 },
])("O5: no object of a server on $name has __proto__", async ({ url, flags, threads }) => {
  const { database, folder } = createPlace(await url?.());
  const server = startGiraffe(
    [
      ...["serve", "--listen", "127.0.0.1:0", "--database", database],
      ...["--admin-token-file", join(folder, "admin.token"), ...flags],
    ],
    { preload },
  );
  onTestFinished(async () => {
    server.kill("SIGTERM");
    await server.ended;
  });
  await server.until("stdout", /^ready /m);
  for (const pid of processTree(server.pid)) {
    process.kill(pid, "SIGUSR2");
    const [, answer] = await server.until("stderr", new RegExp(`^${pid}: (\\w+)$`, "m"));
    expect(answer).toBe("false");
  }
  for (const _ of Array(threads)) {
    const [, answer] = await server.until("stderr", /^thread: (\w+)$/m);
    expect(answer).toBe("false");
  }
});
