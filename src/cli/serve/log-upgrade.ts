import { Worker } from "node:worker_threads";

/** What the thread that writes the lines is started with. */
export type UpgradeLines = {
  readonly logLevel: string;
  readonly isShared: boolean;
  /** Two whole numbers of 32 bits: the version of the schema to which the step leads, and the users that it has written. */
  readonly state: SharedArrayBuffer;
};

/**
 * Say every five seconds how far an upgrade of the database is.
 *
 * SQLite works on the calling thread, which writes no line until it is done, and one statement may take minutes. So a
 * thread of its own writes the lines. It is started when an upgrade begins.
 */
export function logUpgrade(logLevel: string, isShared: boolean) {
  const state = new SharedArrayBuffer(8);
  const far = new Int32Array(state);
  let thread: Worker | undefined;
  return {
    /** As `UpgradeProgress` of the store. */
    progress(version: number, users: number): void {
      Atomics.store(far, 0, version);
      Atomics.store(far, 1, users);
      thread ??= startLines({ logLevel, isShared, state });
    },
    /** No line comes after this. */
    async end(): Promise<void> {
      await thread?.terminate();
    },
  };
}

/** What is loaded before the server, by flags of Node.js, is not loaded there. An upgrade goes on without its lines. */
function startLines(workerData: UpgradeLines): Worker {
  const url = new URL("./upgrade-lines.ts", import.meta.url);
  return new Worker(url, { workerData, execArgv: [] }).on("error", () => {});
}
