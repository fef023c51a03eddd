import type { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";

/** New unique keys are spread over the whole index, so a large batch touches a page for nearly each. */
const cacheKib = 65_536;
/** With a log of up to 128 MiB, a page that several batches write is copied into the database only once. */
const aloneLogPages = 32_768;
/** Half of what a server's log may have: the commit beyond it copies the pages, which should not be the server's. */
const besideLogPages = 1_000;

/** How long a batch waits when others write, too. */
export const restMs = 20;

/** Lets other processes write between large batches. */
export type GiveWay = {
  /** Call it before each batch, outside a transaction. */
  readonly pause: () => Promise<void>;
  /** Whether no other process has written so far. */
  readonly isAlone: () => boolean;
};

/**
 * Prepare a connection for large batches, one after another.
 *
 * While no other process writes, it uses much memory and a long log for speed. Once another process has
 * written, it pauses before each batch, because SQLite gives the write lock to the first who asks: a server
 * that waits asks every 16 ms or more often, and without a pause it would hardly ever get the lock.
 *
 * @param rest Waits for so many milliseconds.
 */
export function createGiveWay(
  db: DatabaseSync,
  rest: (ms: number) => Promise<void> = pause,
): GiveWay {
  // Changes when another connection commits.
  const selectVersion = db.prepare("pragma data_version");
  const dataVersion = () => selectVersion.get()?.data_version;
  db.exec(`pragma cache_size = -${cacheKib}; pragma wal_autocheckpoint = ${aloneLogPages};`);
  const first = dataVersion();
  let wasAlone = true;

  function isAlone(): boolean {
    if (wasAlone && dataVersion() !== first) {
      wasAlone = false;
      db.exec(`pragma wal_autocheckpoint = ${besideLogPages}`);
    }
    return wasAlone;
  }

  return {
    isAlone,
    async pause() {
      if (!isAlone()) await rest(restMs);
    },
  };
}
