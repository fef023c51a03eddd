import { Buffer } from "node:buffer";
import { write, writeSync } from "node:fs";

/** Writes lines to a file descriptor, in the order in which it gets them. */
export type LineWriter = {
  /** Returns at once. The line is written within 10 ms if the reader keeps up. */
  write(line: string): void;
  /**
   * Write all lines before this returns, however long the reader takes. Only one batch may be left, in
   * flight on another thread. It comes after these lines, and the process ends after it. It is lost
   * if the descriptor is non-blocking and these lines have just filled the pipe.
   */
  flushSync(): void;
};

/** Lines are collected for so long and written together, because a system call costs more than a line. */
const batchMs = 10;

/** A pipe takes this much in one piece (PIPE_BUF of Linux), so lines of several workers do not mix. */
const maxBatchBytes = 4_096;

/** Bytes that are kept for a reader that does not read. Further lines are dropped, so that no call waits. */
const maxPendingBytes = 16_777_216;

/** The pause before the next try if the descriptor is non-blocking and its reader is behind. */
const retryMs = 100;

/**
 * Flushes at the exit of the process, too. If nobody can read any more (EPIPE), lines are dropped.
 *
 * Not pino's own destination: if a pipe is full when the process ends, that one loses the batch that it
 * was about to try again, and if the pipe is closed, its `flushSync` never returns.
 */
export function createLineWriter(fd: number): LineWriter {
  let lines = "";
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let inFlight: Buffer | undefined;
  let isWaiting = false;
  let isBroken = false;

  const closeBatch = () => {
    const batch = Buffer.from(lines);
    lines = "";
    if (batch.byteLength === 0 || isBroken) return;
    if (pendingBytes + batch.byteLength > maxPendingBytes) return;
    pending.push(batch);
    pendingBytes += batch.byteLength;
  };
  const send = () => {
    closeBatch();
    if (inFlight === undefined && !isWaiting) writeNext();
  };
  const writeNext = () => {
    isWaiting = false;
    inFlight = pending.shift();
    if (inFlight !== undefined) write(fd, inFlight, onWritten);
  };
  const onWritten = (error: NodeJS.ErrnoException | null, count: number) => {
    const rest = inFlight?.subarray(error === null ? count : 0) ?? Buffer.alloc(0);
    inFlight = undefined;
    pendingBytes -= error === null ? count : 0;
    if (rest.byteLength > 0) pending.unshift(rest);
    if (error === null) return writeNext();
    if (!isBehind(error)) return giveUp();
    isWaiting = true;
    setTimeout(writeNext, retryMs);
  };
  const giveUp = () => {
    isBroken = true;
    pending = [];
  };
  const flushSync = () => {
    closeBatch();
    try {
      for (const batch of pending) writeWhole(fd, batch);
      pending = [];
      pendingBytes = inFlight?.byteLength ?? 0;
    } catch {
      giveUp();
    }
  };

  process.on("exit", flushSync);
  return {
    write(line) {
      if (lines.length + line.length > maxBatchBytes) send();
      if (lines === "") setTimeout(send, batchMs);
      lines += line;
    },
    flushSync,
  };
}

function writeWhole(fd: number, batch: Buffer): void {
  let rest = batch;
  while (rest.byteLength > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if (!isBehind(error)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
    }
  }
}

/** The descriptor is non-blocking and its pipe is full. */
function isBehind(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EAGAIN";
}
