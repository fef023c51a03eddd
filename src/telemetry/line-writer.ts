import { Buffer } from "node:buffer";
import { fstatSync, write, writeSync } from "node:fs";

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

/** A pipe takes this much in one piece (PIPE_BUF of Linux), so lines of several processes do not mix. */
const maxBatchBytes = 4_096;

/**
 * Batches that wait are written together, up to this, where lines cannot mix. A write ends in a later turn of the
 * event loop, so without this a server that is busy would fall behind with 4 KiB a turn.
 */
const maxWriteBytes = 262_144;

/** Bytes that are kept for a reader that does not read. Further lines are dropped, so that no call waits. */
const maxPendingBytes = 16_777_216;

/** The pause before the next try if the descriptor is non-blocking and its reader is behind, or if the disk is full. */
const retryMs = 100;

/**
 * Flushes at the exit of the process, too. If nobody can read any more (EPIPE), lines are dropped. While the disk is full, they
 * wait like those for a slow reader, but the exit does not wait for room.
 *
 * What waits is kept as strings. Buffers are outside of V8's heap, and those that stay for long would leave gaps there,
 * so that the memory of the process would not shrink again.
 *
 * Not pino's own destination: if a pipe is full when the process ends, that one loses the batch that it
 * was about to try again, and if the pipe is closed, its `flushSync` never returns.
 *
 * @param isShared Whether other processes write to the same descriptor.
 */
export function createLineWriter(fd: number, isShared: boolean): LineWriter {
  const maxBytes = isShared && !isFile(fd) ? maxBatchBytes : maxWriteBytes;
  let lines = "";
  /** Batches, one character for each byte. */
  let pending: string[] = [];
  let pendingBytes = 0;
  let inFlight: Buffer | undefined;
  /** What the descriptor has not taken of the latest write. */
  let rest: Buffer | undefined;
  let isWaiting = false;
  let isBroken = false;

  const closeBatch = () => {
    const batch = Buffer.from(lines).toString("latin1");
    lines = "";
    if (batch === "" || isBroken) return;
    if (pendingBytes + batch.length > maxPendingBytes) return;
    pending.push(batch);
    pendingBytes += batch.length;
  };
  const send = () => {
    closeBatch();
    if (inFlight === undefined && !isWaiting) writeNext();
  };
  const takeNext = () => {
    let count = 1;
    let bytes = pending[0]?.length ?? 0;
    while (count < pending.length) {
      bytes += (pending[count] as string).length;
      if (bytes > maxBytes) break;
      count += 1;
    }
    const batches = pending.splice(0, count).join("");
    pendingBytes -= batches.length;
    return batches === "" ? undefined : Buffer.from(batches, "latin1");
  };
  const writeNext = () => {
    isWaiting = false;
    inFlight = rest ?? takeNext();
    rest = undefined;
    if (inFlight !== undefined) write(fd, inFlight, onWritten);
  };
  const onWritten = (error: NodeJS.ErrnoException | null, count: number) => {
    const left = inFlight?.subarray(error === null ? count : 0);
    inFlight = undefined;
    if (left !== undefined && left.byteLength > 0) rest = left;
    if (error === null) return writeNext();
    if (!isBehind(error) && !hasNoRoom(error)) return giveUp();
    isWaiting = true;
    setTimeout(writeNext, retryMs);
  };
  const giveUp = () => {
    isBroken = true;
    pending = [];
    pendingBytes = 0;
    rest = undefined;
  };
  const flushSync = () => {
    closeBatch();
    try {
      if (rest !== undefined) writeWhole(fd, rest);
      rest = undefined;
      for (const batch of pending) writeWhole(fd, Buffer.from(batch, "latin1"));
      pending = [];
      pendingBytes = 0;
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

/** Writes to a file do not mix, however long they are. */
function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

function writeWhole(fd: number, batch: Buffer): void {
  let left = batch;
  while (left.byteLength > 0) {
    try {
      left = left.subarray(writeSync(fd, left));
    } catch (error) {
      if (!isBehind(error)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
    }
  }
}

/** The descriptor is non-blocking and its pipe is full. */
function isBehind(error: unknown): boolean {
  return hasCode(error, "EAGAIN");
}

/** The disk, or the part of it that the user may have, is full. */
function hasNoRoom(error: unknown): boolean {
  return hasCode(error, "ENOSPC", "EDQUOT");
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
