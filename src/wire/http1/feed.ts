import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Share, Shares } from "../bounds/shares.ts";
import type { InputTurns } from "../turns/input-turns.ts";

/** What the connections of a server share. */
export type FeedSite = {
  /** As `addressGroup`. */
  readonly groupOf: (address: string) => string;
  /** Room for bytes that were read and not fed. */
  readonly unfed: Shares;
  readonly inputTurns: InputTurns;
};

const nothing = Buffer.alloc(0);

const cr = 0x0d;
const lf = 0x0a;
const headEnd = Buffer.of(cr, lf, cr, lf);
/** So many bytes of `headEnd` may come later than the others. */
const cutBytes = headEnd.byteLength - 1;

/** So few bytes are fed whole: they hold a dozen requests at most. */
const smallBytes = 256;

/**
 * A chunked body is fed in pieces of this size, even if it contains what looks like heads. Node's parser makes a buffer of each
 * chunk, and nothing stops it within a piece.
 */
const chunkedBytes = 1024;

/**
 * Feeds Node's parser from a connection. The parser would take 64 KiB at once and make up to 2,600 requests of
 * them without a pause. So it is fed one head at a time, and nothing while there is no room for a request. Chunks are fed in
 * their turn. While something waits the socket is paused, so at most a few pieces are read and not fed.
 */
export class Feed {
  readonly #socket: Socket;
  readonly #site: FeedSite;
  readonly #client: string;
  readonly #parse: (piece: Buffer) => void;
  #rest: Buffer | undefined;
  #place: Share | undefined;
  #latest: IncomingMessage | undefined;
  /** Bytes that are still to be fed of the latest request's body. 0 if it has no content length. */
  #bodyLeft = 0;
  /** What was fed last ended in what may be a part of the end of a head. */
  #isCut = false;
  #isFull = false;
  /** The latest request is the last one. What comes behind it is dropped. */
  #isLast = false;
  /** Node has paused the socket until a body is read or an answer is sent. Feeding its parser meanwhile may be an error. */
  #isPausedByNode = false;
  /** Gives up the turn for which chunks wait, if any do. */
  #leave: (() => void) | undefined;
  /** The client has closed its half, which is told when the body that has come is fed. */
  #tellEnd: (() => void) | undefined;

  /**
   * @param socket Adopted by an HTTP server, and not read yet. Closed if there is no room for what was
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
   * Node has parsed the head of a request. What comes next is its body, if it has one.
   *
   * @param isFull Whether there is no room for another request.
   * @param isLast Whether it is the last one, so that what comes behind it is dropped.
   */
  began(request: IncomingMessage, isFull: boolean, isLast: boolean): void {
    this.#latest = request;
    this.#bodyLeft = Number(request.headers["content-length"] ?? 0);
    this.#isFull = isFull;
    this.#isLast = isLast;
  }

  /** There is room for a request again. */
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
    // The socket was resumed in this very tick. In the next one, what waits goes on.
    else this.#keep(Buffer.concat([this.#rest, piece]));
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
      const end = endOfSlice(piece, at, this.#bodyLeft, isBetween, this.#isCut);
      this.#isCut = end === piece.byteLength && endsInCut(piece);
      this.#bodyLeft = Math.max(0, this.#bodyLeft - (end - at));
      const isAll = at === 0 && end === piece.byteLength;
      this.#parse.call(socket, isAll ? piece : piece.subarray(at, end));
      at = end;
      this.#isPausedByNode = socket.isPaused();
    }
    const isLeft = at < piece.byteLength && !socket.destroyed;
    if (isLeft || this.#rest !== undefined) this.#keep(isLeft ? piece.subarray(at) : undefined);
    if (isLeft) socket.pause();
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
    // The event comes a tick after the call of `resume`, and the socket may have been paused again meanwhile.
    if (this.#socket.isPaused()) return;
    this.#isPausedByNode = false;
    if (this.#rest !== undefined) this.#feed(this.#rest);
  }
}

/**
 * Where the slice ends that is fed next.
 *
 * @param at Where it begins.
 * @param isBetween Whether no body is under way, so that a head comes next.
 * @param isCut Whether the end of a head may have been fed in part.
 */
function endOfSlice(
  piece: Buffer,
  at: number,
  bodyLeft: number,
  isBetween: boolean,
  isCut: boolean,
): number {
  if (bodyLeft > 0) return Math.min(piece.byteLength, at + bodyLeft);
  if (piece.byteLength - at <= smallBytes) return piece.byteLength;
  if (!isBetween) return Math.min(piece.byteLength, at + chunkedBytes);
  // The end of a head may be in them. What comes behind it may be a body, whose bytes are counted.
  if (isCut) return at + cutBytes;
  const found = piece.indexOf(headEnd, Math.max(0, at - cutBytes));
  return found < 0 ? piece.byteLength : found + headEnd.byteLength;
}

/** Whether the last bytes are the beginning of `headEnd`, and not all of it. */
function endsInCut(piece: Buffer): boolean {
  const end = piece.byteLength;
  return piece[end - 1] === cr || (piece[end - 1] === lf && piece[end - 3] !== lf);
}
