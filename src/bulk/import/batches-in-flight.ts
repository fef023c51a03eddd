import type { Line } from "./line-batches.ts";
import type { ReadyBatch } from "./prepare-batch.ts";

/**
 * Batches that are ready or being written. Some writes take much longer than others, because they also sort, or copy the
 * log into the database: lines are made ready meanwhile, and written when it goes faster again.
 */
const maxBatches = 4;
/** Bytes of their lines. Only batches of very long lines come near. */
const maxBytes = 33_554_432;

/** A batch that is not written yet. */
export type InFlight = {
  readonly ready: ReadyBatch;
  /** Rejects if it cannot be written, or one before it could not. */
  readonly end: Promise<void>;
};

/** The batches of an import that are on their way. */
export type BatchesInFlight = {
  /** In order. */
  all(): readonly InFlight[];
  /**
   * Resolves once there is room for one more.
   *
   * @throws As the end of a batch rejects.
   */
  room(): Promise<void>;
  add(batch: InFlight, lines: readonly Line[]): void;
  /**
   * Resolves once all are written.
   *
   * @throws As the end of a batch rejects.
   */
  written(): Promise<void>;
  /** Resolves once all have ended. */
  settled(): Promise<void>;
};

export function createBatchesInFlight(): BatchesInFlight {
  const flying: { readonly batch: InFlight; readonly bytes: number }[] = [];
  const isFull = () =>
    flying.length >= maxBatches || flying.reduce((sum, { bytes }) => sum + bytes, 0) >= maxBytes;
  const first = () => flying[0]?.batch.end;
  return {
    all: () => flying.map(({ batch }) => batch),
    async room() {
      while (isFull()) await first();
    },
    add(batch, lines) {
      const entry = { batch, bytes: bytesOf(lines) };
      flying.push(entry);
      // They end in order. One that has failed stays the first, so that everybody who waits learns of it.
      batch.end.then(
        () => void flying.shift(),
        () => {},
      );
    },
    async written() {
      while (flying.length > 0) await first();
    },
    async settled() {
      await Promise.allSettled(flying.map(({ batch }) => batch.end));
    },
  };
}

function bytesOf(lines: readonly Line[]): number {
  let sum = 0;
  for (const { bytes } of lines) sum += bytes?.byteLength ?? 0;
  return sum;
}
