import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Share } from "../bounds/shares.ts";

/** Feeds an HTTP/1.1 parser no more requests than there is room for. */
export type Feed = {
  /**
   * A request has begun; what comes next is its body, if it has one.
   *
   * @param isFull Whether there is no room for another one.
   * @param isLast Whether what comes behind it is read and dropped.
   */
  began(request: IncomingMessage, isFull: boolean, isLast: boolean): void;
  /** There is room again. */
  goOn(): void;
};

const headEnd = Buffer.from("\r\n\r\n");

/** Pieces up to this are fed whole: a dozen requests at most. */
const smallBytes = 256;

/**
 * A chunked body is fed in pieces of this size, even if it contains what looks like heads. Within a piece nothing stops
 * Node's parser, which makes a buffer of each chunk.
 */
const chunkedBytes = 1024;

/**
 * Feed Node's parser from a connection. The parser would take 64 KiB at once and make up to 2,600 requests of
 * them without a pause. So it is fed one head at a time, and nothing while there is no room. The socket is
 * paused meanwhile, so at most a few pieces are read and not fed.
 *
 * @param socket Adopted by an HTTP server, and not read yet. Closed if there is no place for what was
 *   read from it.
 * @param hold Reserves so many bytes; `undefined` if there is no room.
 */
export function feedRequests(socket: Socket, hold: (bytes: number) => Share | undefined): Feed {
  const [parse] = socket.listeners("data") as [(piece: Buffer) => void];
  // With a listener for "data", Node no longer passes the bytes to its parser directly.
  socket.off("data", parse).on("data", arrive).on("resume", resumed);
  let rest: Buffer | undefined;
  let place: Share | undefined;
  let latest: IncomingMessage | undefined;
  /** Bytes of the latest request's body that were not fed yet, if it has a content length. */
  let bodyLeft = 0;
  let isFull = false;
  /** The latest request is the last one. */
  let isLast = false;
  /** Node waits until a body is read or an answer is sent. Feeding its parser now may be an error. */
  let isPausedByNode = false;

  function arrive(piece: Buffer): void {
    if (rest === undefined) feed(piece);
    else keep(Buffer.concat([rest, piece]));
    if (rest !== undefined) socket.pause();
  }

  function keep(left: Buffer | undefined): void {
    place?.end();
    rest = left;
    place = left && hold(left.byteLength);
    if (left !== undefined && place === undefined) socket.destroy();
  }

  function feed(piece: Buffer): void {
    let at = 0;
    while (at < piece.byteLength && !socket.destroyed) {
      const isBetween = latest?.complete !== false;
      if (isBetween) bodyLeft = 0;
      if (isBetween && isLast) at = piece.byteLength;
      if (isPausedByNode || (isBetween && (isFull || isLast))) break;
      const end = endOfSlice(piece, at);
      bodyLeft = Math.max(0, bodyLeft - (end - at));
      const isAll = at === 0 && end === piece.byteLength;
      parse.call(socket, isAll ? piece : piece.subarray(at, end));
      at = end;
      isPausedByNode = socket.isPaused();
    }
    const isLeft = at < piece.byteLength && !socket.destroyed;
    if (isLeft || rest !== undefined) keep(isLeft ? piece.subarray(at) : undefined);
  }

  function endOfSlice(piece: Buffer, at: number): number {
    if (bodyLeft > 0) return Math.min(piece.byteLength, at + bodyLeft);
    if (piece.byteLength - at <= smallBytes) return piece.byteLength;
    if (latest?.complete === false) return Math.min(piece.byteLength, at + chunkedBytes);
    const found = piece.indexOf(headEnd, at);
    return found < 0 ? piece.byteLength : found + headEnd.byteLength;
  }

  function resumed(): void {
    // Node tells it a tick later. The socket may have been paused again meanwhile.
    if (socket.isPaused()) return;
    isPausedByNode = false;
    const held = rest;
    if (held === undefined) return;
    feed(held);
    if (rest !== undefined) socket.pause();
  }

  socket.once("close", () => keep(undefined));
  return {
    began(request, isNowFull, isTheLast) {
      latest = request;
      bodyLeft = Number(request.headers["content-length"] ?? 0);
      isFull = isNowFull;
      isLast = isTheLast;
    },
    goOn() {
      isFull = false;
      if (rest !== undefined && !isPausedByNode) socket.resume();
    },
  };
}
