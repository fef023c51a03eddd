import type { Buffer } from "node:buffer";
import type { Share } from "../bounds/shares.ts";
import type { BodyReader } from "../http/exchange.ts";
import { http2Limits } from "../limits.ts";
import { ownCopy } from "./own-copy.ts";
import { firstWindow, ReceiveWindow } from "./windows.ts";

/** The stream whose body it is. */
export interface BodyOwner {
  /** Room for 64 KiB of a body. `undefined` if there is none; if it is taken back, the stream is reset. */
  takeBodyRoom(): Share | undefined;
  /** There is no room: the stream must be reset. */
  refuseBody(): void;
  /** The client may send so much more (RFC 9113, section 6.9). */
  giveCredit(bytes: number): void;
}

/** What a client sends after the head of a request. It is kept until somebody asks for it. */
export class RequestBody {
  /** END_STREAM has come. */
  isWhole = false;
  /** As in `content-length`; negative without one. */
  readonly declared: number;
  readonly #owner: BodyOwner;
  #received = 0;
  #window: ReceiveWindow | undefined;
  #reader: BodyReader | undefined;
  /** What came before somebody asked for it. */
  #kept: Buffer[] | undefined;
  /** What came and still fills the window. */
  #unread = 0;
  /** One for each window of the body. */
  readonly #rooms: Share[] = [];
  /** So much may come without further room. */
  #roomFor: number = http2Limits.freeBodyBytes;
  #isWanted = true;

  constructor(owner: BodyOwner, declared: number) {
    this.#owner = owner;
    this.declared = declared;
  }

  /** Section 8.1.1. What is too short is noticed at the end. */
  get isTooLong(): boolean {
    return this.declared >= 0 && this.#received > this.declared;
  }

  get isAsDeclared(): boolean {
    return this.declared < 0 || this.#received === this.declared;
  }

  /**
   * Count what has come.
   *
   * @param framed Bytes that count for the window, so with padding (section 6.1).
   * @returns False if that is more than the client may send.
   */
  count(bytes: number, framed: number, isLast: boolean): boolean {
    this.#received += bytes;
    // One frame always fits into a whole window.
    if (!isLast) this.#window ??= new ReceiveWindow(firstWindow);
    return this.#window?.receive(framed) !== false;
  }

  /** Hand on what has come and was counted, or keep it. */
  take(bytes: Buffer, from: number, to: number, framed: number, isLast: boolean): void {
    // What is kept must not keep all that was read from the socket with it.
    const isKept = this.#reader === undefined || !isLast;
    const piece = isKept ? ownCopy(bytes, from, to) : bytes.subarray(from, to);
    if (!isLast && !this.#hasRoom()) return;
    if (this.#reader === undefined) {
      this.#unread += framed;
      this.#kept ??= [];
      if (piece.length > 0) this.#kept.push(piece);
    } else if (piece.length === 0 || this.#reader.take(piece)) this.#credit(framed);
    else this.#unread += framed;
  }

  /** A body that is not small and does not come at once needs room, and more of it as it grows. */
  #hasRoom(): boolean {
    if (this.#received <= this.#roomFor) return true;
    const room = this.#owner.takeBodyRoom();
    if (room === undefined) {
      this.#owner.refuseBody();
      return false;
    }
    this.#rooms.push(room);
    this.#roomFor = this.#rooms.length * firstWindow;
    return true;
  }

  #leaveRoom(): void {
    for (const room of this.#rooms) room.end();
    this.#rooms.length = 0;
  }

  #credit(bytes: number): void {
    if (this.isWhole || !this.#isWanted) return;
    const credit = this.#window?.release(bytes) ?? 0;
    if (credit > 0) this.#owner.giveCredit(credit);
  }

  /** END_STREAM has come, and the length is as declared. */
  end(): void {
    this.isWhole = true;
    this.#leaveRoom();
    this.#reader?.end();
  }

  /** Somebody asks for the body: once. */
  open(reader: BodyReader): void {
    if (!this.#isWanted) return;
    this.#reader = reader;
    const kept = this.#kept;
    this.#kept = undefined;
    let wantsMore = true;
    for (const piece of kept ?? []) wantsMore = reader.take(piece);
    if (wantsMore) this.resume();
    if (this.isWhole) this.#reader?.end();
  }

  resume(): void {
    const unread = this.#unread;
    this.#unread = 0;
    this.#credit(unread);
  }

  /** The answer is complete: what still comes is of no use. It is counted, and not taken. */
  forget(): void {
    this.#isWanted = false;
    this.#kept = undefined;
    this.#reader = undefined;
  }

  /** The stream is closed. */
  close(): void {
    this.#leaveRoom();
    this.forget();
  }
}
