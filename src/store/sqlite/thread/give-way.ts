import type { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";

/** New names fall anywhere into the index of unique keys, so a large batch writes a page for nearly each. */
const cacheKib = 65_536;
/** Pages that several batches write are copied from the log into the database once: 128 MiB of them. */
const aloneLogPages = 32_768;
/** SQLite's default. Beyond it the next to commit copies, and that should not be the server. */
const besideLogPages = 1_000;

/** How long a batch waits when others write, too. */
export const restMs = 20;

export type GiveWay = {
  /** Call it before each batch, outside a transaction. */
  readonly pause: () => Promise<void>;
  /** Whether no other process has written so far. */
  readonly isAlone: () => boolean;
};

/**
 * Prepare a connection for large batches, one after another.
 *
 * Alone it uses memory and log for speed. Once another process has written, it rests before each
 * batch: SQLite gives the write lock to whoever asks first, and a server beside it asks every 16 ms
 * or more often, so that without a rest it would hardly ever come to write.
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
