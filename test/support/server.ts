import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ReadCommand } from "../../src/cli/command/command.ts";
import { commandsFor } from "../../src/cli/commands.ts";
import { parseCommand } from "../../src/cli/program.ts";
import type { Config } from "../../src/config/config.ts";
import { createService } from "../../src/server/service.ts";
import type { RequestRecord } from "../../src/telemetry/log.ts";

/** A real server on a free port, with a database of its own in a temporary folder. */
export type TestServer = {
  /** Such as `http://127.0.0.1:41234`. */
  readonly url: string;
  /** Of the service account `admin`, which has IAM_OWNER. */
  readonly adminToken: string;
  /** The organization that the server made. */
  readonly organization: string;
  /** The folder of the token file, and of a SQLite database; removed on close. */
  readonly folder: string;
  readonly database: string;
  /** The records of answered requests, in order, which `serve` would log. */
  readonly records: readonly RequestRecord[];
  /** Run an admin command beside the server, as on the command line; returns its JSON document. */
  administer(...argv: string[]): Promise<Record<string, unknown>>;
  /** Stop the server. Its folder stays, so that another server can use it. */
  stop(): Promise<void>;
  /** Stop the server and remove its folder. */
  close(): Promise<void>;
};

/**
 * @param flags Of `serve`, beside those that this function sets.
 * @param folder Of a server that was stopped; without one, a new one is made.
 * @param database As the flag. Default: SQLite in the folder.
 */
export async function startServer(
  flags: readonly string[] = ["--demo"],
  folder = mkdtempSync(join(tmpdir(), "giraffe-")),
  database = `sqlite:${join(folder, "giraffe.db")}`,
): Promise<TestServer> {
  const tokenFile = join(folder, "admin.token");
  const argv = [
    ...["serve", "--listen", "127.0.0.1:0", "--database", database],
    // The longest that is allowed, because the time that a call takes depends on the machine.
    ...["--admin-token-file", tokenFile, "--default-deadline-ms", "60000", ...flags],
  ];
  const config = readCommand(argv).options as Config;
  const records: RequestRecord[] = [];
  // Tests share the event loop, and how late it is depends on the machine.
  const options = { maxLagMs: Number.POSITIVE_INFINITY };
  const service = await createService(config, (record) => records.push(record), options);
  const url = await service.listen();
  const stop = () => service.close();
  return {
    url,
    adminToken: readFileSync(tokenFile, "utf8").trim(),
    organization: "69629023906488334",
    folder,
    database,
    records,
    async administer(...admin) {
      const lines: string[] = [];
      const command = readCommand([...admin, "--database", database, "--json"]);
      await command.run((line) => lines.push(line));
      return JSON.parse(lines.join("\n"));
    },
    stop,
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const commands = await commandsFor([]);

function readCommand(argv: readonly string[]): ReadCommand {
  const parsed = parseCommand(argv, commands, {});
  if (parsed.kind === "help") throw new Error(`not a command: ${argv.join(" ")}`);
  return parsed.command;
}
