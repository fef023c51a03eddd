import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventStore } from "../../../src/store/event-store.ts";
import { closeCallers } from "../../support/api/callers.ts";
import { type Program, startGiraffe } from "../../support/child.ts";
import { violations } from "../history/check.ts";
import { type Recorder, startRecorder } from "../history/record.ts";
import { storedUsers } from "../history/stored.ts";

/** A server process that listens. */
export type Serving = Program & { readonly url: string };

/** One database, its servers and the clients that call them. */
export type Trial = {
  readonly recorder: Recorder;
  /** As `--database` takes it. */
  readonly database: string;
  readonly folder: string;
  /** The servers that the clients call. */
  readonly servers: readonly Serving[];
  /** Start a server in place of one that has ended, or a further one. */
  start(place: number): Promise<Serving>;
  /** Counted by clients that repeat calls with keys. */
  readonly keyed: KeyedTally;
  /** Note a failure unless `holds`. The trial goes on. */
  check(holds: boolean, text: string): void;
};

/** Calls with a key: different ones that were answered, and repeats of one that was sent before. */
export type KeyedTally = { keys: number; repeats: number };

/** What a trial found. */
export type Verdict = {
  readonly calls: number;
  readonly acknowledged: number;
  /** Calls without an answer, or with one that leaves the outcome open. */
  readonly open: number;
  /** Calls that were refused, except updates that change nothing. */
  readonly refused: number;
  /** As `KeyedTally`. */
  readonly keys: number;
  readonly repeats: number;
  readonly seconds: number;
  /** One line each; none if every promise was kept. */
  readonly failures: readonly string[];
};

export type TrialOptions = {
  readonly seed: string;
  /** Default: a SQLite file in the trial's folder. */
  readonly database?: string;
  /** Opens the database when all servers have ended. */
  readonly open: (database: string) => Promise<EventStore> | EventStore;
  /** Servers at once. Default: 1. */
  readonly servers?: number;
  /** Default: 32 and 20. */
  readonly clients?: number;
  readonly users?: number;
  /** A module that every server process loads first. */
  readonly preload?: string;
  /** Flags of the interpreter of every server process. */
  readonly nodeFlags?: readonly string[];
};

/** When servers are killed. Longer than any trial, because the servers live as long as it does. */
const hangsMs = 3_600_000;

const organization = "69629023906488334";

/**
 * Let clients call the servers while `strike` makes its faults. Then end everything, and check that what was
 * answered is what is stored.
 */
export async function runTrial(
  options: TrialOptions,
  strike: (trial: Trial) => Promise<void>,
): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-faults-"));
  const { seed, open, database = `sqlite:${join(folder, "giraffe.db")}` } = options;
  const { servers: count = 1, clients = 32, users = 20, preload, nodeFlags = [] } = options;
  const startedAt = performance.now();
  const failures: string[] = [];
  const servers: Serving[] = [];
  const keyed: KeyedTally = { keys: 0, repeats: 0 };

  async function start(place: number): Promise<Serving> {
    const program = startGiraffe(
      [
        ...["serve", "--listen", "127.0.0.1:0", "--log-level", "error"],
        ...["--database", database, "--admin-token-file", join(folder, "admin.token")],
      ],
      { hangsMs, nodeFlags, ...(preload !== undefined && { preload }) },
    );
    const [, url = ""] = await program.until("stdout", /^ready (\S+)\n/m);
    const serving = { ...program, url };
    servers[place] = serving;
    return serving;
  }

  try {
    for (let place = 0; place < count; place += 1) await start(place);
    const recorder = await startRecorder({
      seed,
      urls: () => servers.map(({ url }) => url),
      token: readFileSync(join(folder, "admin.token"), "utf8").trim(),
      clients,
      users,
    });
    const check = (holds: boolean, text: string) => {
      if (!holds) failures.push(text);
    };
    try {
      await strike({ recorder, database, folder, servers, start, keyed, check });
    } catch (error) {
      for (const server of servers) server.kill("SIGKILL");
      throw error;
    } finally {
      await recorder.stop();
    }
    for (const server of servers) server.kill("SIGTERM");
    for (const server of servers) {
      const { code, stderr } = await server.ended;
      check(code === 0, `a server ended with ${code} at last: ${stderr.slice(-500)}`);
    }

    const { operations } = recorder;
    const store = await open(database);
    const ids = [...new Set(operations.map(({ user }) => user))];
    failures.push(
      ...violations({ operations, users: await storedUsers(store, organization, ids) }),
    );
    await store.close();
    const kinds = Map.groupBy(operations, ({ outcome, kind }) => `${kind} ${outcome.kind}`);
    const countOf = (kind: string) => kinds.get(kind)?.length ?? 0;
    return {
      calls: operations.length,
      acknowledged: countOf("update done"),
      open: countOf("update unknown"),
      refused: countOf("update refused"),
      ...keyed,
      seconds: (performance.now() - startedAt) / 1_000,
      failures,
    };
  } finally {
    closeCallers();
    for (const server of servers) server.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}
