import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Share, Shares } from "../bounds/shares.ts";
import type { InputTurns } from "../turns/input-turns.ts";

/** What the connections of a server share. */
export type FeedSite = {
  /** As `addressGroup`. */
  readonly groupOf: (address: string) => string;
  /** Bytes that were read and not fed. */
  readonly unfed: Shares;
  readonly inputTurns: InputTurns;
};

const nothing = Buffer.alloc(0);

const headEnd = Buffer.from("\r\n\r\n");

/** Pieces up to this are fed whole: a dozen requests at most. */
const smallBytes = 256;

/**
 * A chunked body is fed in pieces of this size, even if it contains what looks like heads. Within a piece nothing stops
 * Node's parser, which makes a buffer of each chunk.
 */
const chunkedBytes = 1024;

/**
 * Feeds Node's parser from a connection. The parser would take 64 KiB at once and make up to 2,600 requests of
 * them without a pause. So it is fed one head at a time, and nothing while there is no room. Chunks are fed when it is their
 * turn. The socket is paused meanwhile, so at most a few pieces are read and not fed.
 */
export class Feed {
  readonly #socket: Socket;
  readonly #site: FeedSite;
  readonly #client: string;
  readonly #parse: (piece: Buffer) => void;
  #rest: Buffer | undefined;
  #place: Share | undefined;
  #latest: IncomingMessage | undefined;
  /** Bytes of the latest request's body that were not fed yet, if it has a content length. */
  #bodyLeft = 0;
  #isFull = false;
  /** The latest request is the last one. */
  #isLast = false;
  /** Node waits until a body is read or an answer is sent. Feeding its parser now may be an error. */
  #isPausedByNode = false;
  /** Gives up the turn that chunks of it wait for, if any. */
  #leave: (() => void) | undefined;
  /** The client has closed its half, which is told when the body that has come is fed. */
  #tellEnd: (() => void) | undefined;

  /**
   * @param socket Adopted by an HTTP server, and not read yet. Closed if there is no place for what was
   *   read from it.
   */
  constructor(socket: Socket, site: FeedSite) {
    this.#socket = socket;
    this.#site = site;
    this.#client = site.groupOf(socket.remoteAddress ?? "");
    const [parse] = socket.listeners("data") as [(piece: Buffer) => void];
    this.#parse = parse;
    // With a listener for "data", Node no longer passes the bytes to its parser directly.
    socket.off("data", parse).on("data", (piece: Buffer) => this.#arrive(piece));
    socket.on("resume", () => this.#resumed());
    socket.once("close", () => {
      this.#keep(undefined);
      this.#leave?.();
    });
  }

  /**
   * A request has begun; what comes next is its body, if it has one.
   *
   * @param isFull Whether there is no room for another one.
   * @param isLast Whether what comes behind it is read and dropped.
   */
  began(request: IncomingMessage, isFull: boolean, isLast: boolean): void {
    this.#latest = request;
    this.#bodyLeft = Number(request.headers["content-length"] ?? 0);
    this.#isFull = isFull;
    this.#isLast = isLast;
  }

  /** There is room again. */
  goOn(): void {
    this.#isFull = false;
    if (this.#rest !== undefined && !this.#isPausedByNode) this.#socket.resume();
  }

  /**
   * The client has closed its half. What has come of a body is fed first, though Node may have paused: it resumes no socket that
   * has ended. Requests that wait for the one before them are not.
   */
  end(tell: () => void): void {
    this.#tellEnd = tell;
    if (this.#leave === undefined) this.#feed(this.#rest ?? nothing);
  }

  #arrive(piece: Buffer): void {
    if (this.#rest === undefined) this.#feed(piece);
    else this.#keep(Buffer.concat([this.#rest, piece]));
    if (this.#rest !== undefined) this.#socket.pause();
  }

  #keep(left: Buffer | undefined): void {
    const socket = this.#socket;
    this.#place?.end();
    this.#rest = left;
    this.#place =
      left && this.#site.unfed.take(this.#client, left.byteLength, () => socket.destroy());
    if (left !== undefined && this.#place === undefined) socket.destroy();
  }

  #feed(piece: Buffer): void {
    const socket = this.#socket;
    let at = 0;
    while (at < piece.byteLength && !socket.destroyed) {
      const isBetween = this.#latest?.complete !== false;
      if (isBetween) this.#bodyLeft = 0;
      if (isBetween && this.#isLast) at = piece.byteLength;
      const mayFeed = !this.#isPausedByNode || (!isBetween && this.#tellEnd !== undefined);
      if (!mayFeed || (isBetween && (this.#isFull || this.#isLast))) break;
      if (!isBetween && this.#bodyLeft === 0 && !this.#hasTime()) break;
      const end = endOfSlice(piece, at, this.#bodyLeft, isBetween);
      this.#bodyLeft = Math.max(0, this.#bodyLeft - (end - at));
      const isAll = at === 0 && end === piece.byteLength;
      this.#parse.call(socket, isAll ? piece : piece.subarray(at, end));
      at = end;
      this.#isPausedByNode = socket.isPaused();
    }
    const isLeft = at < piece.byteLength && !socket.destroyed;
    if (isLeft || this.#rest !== undefined) this.#keep(isLeft ? piece.subarray(at) : undefined);
    if (this.#leave !== undefined) return;
    this.#tellEnd?.();
    this.#tellEnd = undefined;
  }

  /** Whether there is time for chunks. If not, they wait for a turn. */
  #hasTime(): boolean {
    const { inputTurns } = this.#site;
    if (inputTurns.hasTime()) return true;
    this.#leave ??= inputTurns.wait(this.#client, () => this.#takeTurn());
    return false;
  }

  #takeTurn(): void {
    this.#leave = undefined;
    // Node resumes it later.
    if (this.#isPausedByNode && this.#tellEnd === undefined) return;
    this.#socket.resume();
    this.#resumed();
  }

  #resumed(): void {
    // Node tells it a tick later. The socket may have been paused again meanwhile.
    if (this.#socket.isPaused()) return;
    this.#isPausedByNode = false;
    if (this.#rest === undefined) return;
    this.#feed(this.#rest);
    if (this.#rest !== undefined) this.#socket.pause();
  }
}

/**
 * Where what is fed next ends.
 *
 * @param at Where it begins.
 */
function endOfSlice(piece: Buffer, at: number, bodyLeft: number, isBetween: boolean): number {
  if (bodyLeft > 0) return Math.min(piece.byteLength, at + bodyLeft);
  if (piece.byteLength - at <= smallBytes) return piece.byteLength;
  if (!isBetween) return Math.min(piece.byteLength, at + chunkedBytes);
  const found = piece.indexOf(headEnd, at);
  return found < 0 ? piece.byteLength : found + headEnd.byteLength;
}
