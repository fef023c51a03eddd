import { chmodSync, chownSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../src/store/sqlite/event-store.ts";
import { runGiraffe, runProgram, startGiraffe } from "../../support/child.ts";
import { startServer } from "../../support/server.ts";
import { createRandom } from "../random.ts";
import { startKeyedClients } from "./keyed-clients.ts";
import { runTrial, type Serving, type Trial, type TrialOptions, type Verdict } from "./trial.ts";

/** A fault, and what must hold although it happens. */
export type Fault = {
  readonly name: string;
  /** How often it strikes, in the short version (0: it is left out) and in the long one. */
  readonly times: { readonly short: number; readonly long: number };
  /** Default: it can strike everywhere. */
  readonly needs?: { readonly what: string; readonly isThere: () => Promise<boolean> };
  run(seed: string, times: number): Promise<Verdict>;
};

/** The first server. */
export const serverOf = ({ servers }: Trial) => servers[0] as Serving;

/** Run a trial on a SQLite file. */
export function trial(
  seed: string,
  strike: (trial: Trial) => Promise<void>,
  more: Partial<TrialOptions> = {},
) {
  const open = (database: string) =>
    createSqliteEventStore({
      database: openSqlite(database.replace(/^sqlite:/, "")),
      now: () => 0,
    });
  return runTrial({ seed, open, ...more }, strike);
}

/** Faults that happen to a server on a SQLite file while clients call it. */
export const sqliteFaults: readonly Fault[] = [
  {
    name: "F1: kill -9 at a random moment, and start again",
    times: { short: 4, long: 100 },
    run: (seed, times) =>
      trial(seed, async (each) => {
        const random = createRandom(`${seed} kills`);
        for (let kill = 0; kill < times; kill += 1) {
          await each.recorder.acknowledged(1 + random.int(500));
          await pause(random.int(30));
          const server = serverOf(each);
          server.kill("SIGKILL");
          const { code, stderr } = await server.ended;
          each.check(code === null && stderr === "", `ended with ${code}: ${stderr}`);
          await each.start(0);
        }
        await each.recorder.acknowledged(100);
      }),
  },
  {
    name: "F1: kill -9, and every call is repeated with its key",
    times: { short: 4, long: 50 },
    run: (seed, times) =>
      trial(seed, async (each) => {
        const random = createRandom(`${seed} kills with keys`);
        const keyed = await startKeyedClients(each, seed);
        for (let kill = 0; kill < times; kill += 1) {
          await keyed.answered(1 + random.int(200));
          await pause(random.int(30));
          const server = serverOf(each);
          server.kill("SIGKILL");
          await server.ended;
          await each.start(0);
        }
        await keyed.answered(50);
        await keyed.stop();
      }),
  },
  {
    name: "F22: SIGTERM under load, and start again",
    times: { short: 2, long: 50 },
    run: (seed, times) =>
      trial(seed, async (each) => {
        for (let stop = 0; stop < times; stop += 1) {
          await each.recorder.acknowledged(300);
          const server = serverOf(each);
          server.kill("SIGTERM");
          const { code, stderr } = await server.ended;
          each.check(code === 0 && stderr === "", `ended with ${code}: ${stderr}`);
          await each.start(0);
        }
        await each.recorder.acknowledged(100);
      }),
  },
  {
    name: "F4: a full disk that gets room again",
    times: { short: 2, long: 20 },
    run: (seed, times) =>
      trial(seed, async (each) => {
        for (let full = 0; full < times; full += 1) {
          await each.recorder.acknowledged(200);
          const { pid, ended, kill } = serverOf(each);
          await limitFiles(pid, statSync(join(each.folder, "giraffe.db-wal")).size);
          const before = each.recorder.operations.length;
          const since = (kind: string) =>
            each.recorder.operations.slice(before).filter(({ outcome }) => outcome.kind === kind);
          await until(() => since("refused").length > 200);
          each.check(
            since("done").some(({ kind }) => kind === "read"),
            "nobody could read while the disk was full",
          );
          each.check(since("unknown").length === 0, "an outcome was left open by a full disk");
          if (full % 2 === 0) await limitFiles(pid, undefined);
          else {
            // A refused change must not appear later because the disk has taken a part of it.
            kill("SIGKILL");
            await ended;
            await each.start(0);
          }
          await each.recorder.acknowledged(200);
        }
      }),
  },
  {
    name: "F5: a folder that cannot be written any more",
    times: { short: 1, long: 5 },
    run: (seed, times) =>
      trial(seed, async (each) => {
        for (let strike = 0; strike < times; strike += 1) {
          await each.recorder.acknowledged(100);
          const server = serverOf(each);
          server.kill("SIGTERM");
          await server.ended;
          await withoutWriting(each.folder, async () => {
            const refusal = await startServer([], each.folder).then(
              () => "it started",
              (error: Error) => error.message,
            );
            each.check(/^cannot open the database .*giraffe\.db\S*: /.test(refusal), refusal);
          });
          await each.start(0);
        }
        await each.recorder.acknowledged(100);
      }),
  },
  {
    name: "F6: admin commands beside the server",
    times: { short: 3, long: 40 },
    run: (seed, times) =>
      trial(seed, async (each) => {
        const administer = async (...argv: string[]) => {
          const { code, stdout, stderr } = await runGiraffe(
            ...argv,
            "--database",
            each.database,
            "--json",
          );
          each.check(code === 0, `${argv.join(" ")} ended with ${code}: ${stderr}`);
          return stdout;
        };
        for (let turn = 0; turn < times; turn += 1) {
          await each.recorder.acknowledged(20);
          const { id } = JSON.parse(await administer("org", "create", `Zoo ${turn}`));
          const token = ["token", "create", "--name", "keeper", "--role", "ORG_OWNER", "--org", id];
          const { secret } = JSON.parse(await administer(...token));
          const list = await fetch(`${serverOf(each).url}/management/v1/users/1/profile`, {
            headers: { authorization: `Bearer ${secret}` },
          });
          each.check(list.status === 404, `the new token was answered with ${list.status}`);
        }
        const listed = await administer("org", "list");
        for (let turn = 0; turn < times; turn += 1) {
          each.check(listed.includes(`"Zoo ${turn}"`), `Zoo ${turn} is lost`);
        }
      }),
  },
  {
    name: "a second server on the same file",
    times: { short: 2, long: 20 },
    run: (seed, times) =>
      trial(seed, async (each) => {
        for (let turn = 0; turn < times; turn += 1) {
          const second = startGiraffe([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--database",
            each.database,
          ]);
          const { code, stderr } = await second.ended;
          each.check(
            code === 1 && stderr.includes("another server is using"),
            `${code}: ${stderr}`,
          );
          await each.recorder.acknowledged(100);
        }
      }),
  },
  {
    name: "F7: a clock that goes backwards",
    times: { short: 1, long: 20 },
    run: (seed, times) =>
      trial(seed, ({ recorder }) => recorder.acknowledged(times * 1_000), {
        preload: new URL("clock.ts", import.meta.url).href,
      }),
  },
];

/** Limit the size of the files that a process may write, which looks like a full disk; `undefined`: no limit. */
async function limitFiles(pid: number, bytes: number | undefined): Promise<void> {
  const limit = `${bytes ?? "unlimited"}:unlimited`;
  const { code, stderr } = await runProgram("prlimit", [`--pid=${pid}`, `--fsize=${limit}`]);
  if (code !== 0) throw new Error(`prlimit: ${stderr}`);
}

/** Take away the right to write to a folder, but not to its files. Root has to become `nobody` for that. */
async function withoutWriting(folder: string, work: () => Promise<void>): Promise<void> {
  const { geteuid, seteuid } = process;
  if (geteuid === undefined || seteuid === undefined) throw new Error("there is no uid to change");
  const user = geteuid();
  const owner = user === 0 ? 65_534 : user;
  const files = readdirSync(folder).map((name) => join(folder, name));
  const give = (uid: number) => {
    for (const path of [folder, ...files]) if (user === 0) chownSync(path, uid, -1);
  };
  give(owner);
  chmodSync(folder, 0o555);
  seteuid(owner);
  try {
    await work();
  } finally {
    seteuid(user);
    chmodSync(folder, 0o700);
    give(user);
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(20);
}
