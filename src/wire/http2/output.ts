import { Buffer } from "node:buffer";
import type { UnsentAnswer } from "../bounds/unsent.ts";
import { http2Limits, pieceBytes } from "../limits.ts";
import { flags, frameTypes, headBytes, maxPayloadBytes } from "./frames.ts";
import { createHpackEncoder, listBytes } from "./hpack/encoder.ts";
import { firstWindow, SendWindow } from "./windows.ts";

/** Carries the bytes of a connection. */
export type Transport = {
  write(pieces: readonly Uint8Array[]): void;
  /** Bytes that were written and that the system has not taken. */
  unsent(): number;
  /** Bytes that have come and that were not passed on, because it was paused. */
  unread(): number;
  pause(): void;
  resume(): void;
  /** Close once everything is sent. */
  end(): void;
  destroy(): void;
};

/** A stream whose answer has more to send. */
export interface Sender {
  /** Frame one piece of it, if its windows are open. @returns Whether there was one, and no more is left. */
  sendPiece(): "none" | "some" | "all";
  /** What is left waits for the client. */
  wait(): void;
}

/** Bytes of a slab. Small frames of one turn share it; a connection that has nothing to send has none. */
const slabBytes = 16_384;

/** Larger payloads are passed on as they are. */
const maxCopiedBytes = 2_048;

/** Slabs with room that no connection uses at the moment. */
const spareSlabs: Slab[] = [];
const maxSpareSlabs = 16;

/** What is written stays as it is, because the system may not have taken it yet. */
type Slab = { readonly bytes: Buffer; at: number };

/**
 * What leaves a connection: everything of one turn of the event loop in one write. Heads and control frames leave in
 * the order in which they are made. Bodies are cut into frames no sooner than the system takes them, and streams
 * take turns.
 */
export class Output {
  /** What we may send on all streams together (RFC 9113, section 5.2.1). */
  readonly window = new SendWindow(firstWindow);
  readonly encoder = createHpackEncoder();
  /** How many HEADERS and DATA frames were sent, and how many of them were DATA. */
  answerFrames = 0;
  dataFrames = 0;
  readonly #transport: Transport;
  readonly #flushSoon: () => void;
  readonly #beginUnsent: () => UnsentAnswer;
  readonly #senders = new Set<Sender>();
  #pieces: Uint8Array[] = [];
  /** Of what is in `#pieces`. */
  #bytes = 0;
  #slab: Slab | undefined;
  /** Where in the slab what is not in `#pieces` begins. */
  #from = 0;
  #isFlushing = false;
  /** Set while the system has not taken everything for some time. */
  #unsent: UnsentAnswer | undefined;
  #counted = 0;

  /**
   * @param flushSoon Sees to it that `flush` is called at the end of this turn of the event loop. Called often.
   * @param beginUnsent As `Unsent.begin`, for what the system does not take.
   */
  constructor(transport: Transport, flushSoon: () => void, beginUnsent: () => UnsentAnswer) {
    this.#transport = transport;
    this.#flushSoon = flushSoon;
    this.#beginUnsent = beginUnsent;
  }

  /** Bytes that the system has not taken. */
  get waitingBytes(): number {
    return this.#transport.unsent() + this.#bytes + (this.#slab?.at ?? 0) - this.#from;
  }

  /** How much of a body may be framed now. */
  get room(): number {
    return pieceBytes - this.waitingBytes;
  }

  /** A whole frame. */
  frame(type: number, bits: number, streamId: number, payload: Uint8Array = nothing): void {
    const isCopied = payload.length <= maxCopiedBytes;
    const slab = this.#roomFor(headBytes + (isCopied ? payload.length : 0));
    writeHead(slab, payload.length, type, bits, streamId);
    if (isCopied) {
      slab.bytes.set(payload, slab.at);
      slab.at += payload.length;
    } else {
      this.#seal(slab);
      this.#push(payload);
    }
    this.schedule();
  }

  /** A DATA frame (section 6.1). It must fit into the window of the connection. */
  data(streamId: number, isLast: boolean, payload: Uint8Array): void {
    this.window.left -= payload.length;
    this.answerFrames += 1;
    this.dataFrames += 1;
    this.frame(frameTypes.data, isLast ? flags.endStream : 0, streamId, payload);
  }

  /** A frame whose payload is one number (sections 6.4 and 6.9). */
  number(type: number, streamId: number, value: number): void {
    const slab = this.#roomFor(headBytes + 4);
    writeHead(slab, 4, type, 0, streamId);
    slab.at = slab.bytes.writeUInt32BE(value, slab.at);
    this.schedule();
  }

  /**
   * A field block (section 6.2).
   *
   * @param fields Names and values in turn.
   * @throws TypeError if one cannot be sent. Then nothing is.
   */
  block(streamId: number, bits: number, fields: readonly string[]): void {
    const most = listBytes(fields);
    if (most > slabBytes - headBytes) {
      this.#largeBlock(streamId, bits, fields, Buffer.allocUnsafe(most));
      return;
    }
    const slab = this.#roomFor(headBytes + most);
    const start = slab.at + headBytes;
    const end = this.encoder.write(fields, slab.bytes, start);
    writeHead(slab, end - start, frameTypes.headers, bits | flags.endHeaders, streamId);
    slab.at = end;
    this.answerFrames += 1;
    this.schedule();
  }

  /** In as many frames as it needs (section 6.10). */
  #largeBlock(streamId: number, bits: number, fields: readonly string[], to: Buffer): void {
    const block = to.subarray(0, this.encoder.write(fields, to, 0));
    for (let at = 0; at < block.length; at += maxPayloadBytes) {
      const isLast = at + maxPayloadBytes >= block.length;
      const type = at === 0 ? frameTypes.headers : frameTypes.continuation;
      const set = (at === 0 ? bits : 0) | (isLast ? flags.endHeaders : 0);
      this.frame(type, set, streamId, block.subarray(at, at + maxPayloadBytes));
    }
  }

  #roomFor(bytes: number): Slab {
    const slab = this.#slab;
    if (slab !== undefined && slab.at + bytes <= slabBytes) return slab;
    if (slab !== undefined) this.#seal(slab);
    const next = spareSlabs.pop() ?? { bytes: Buffer.allocUnsafeSlow(slabBytes), at: 0 };
    this.#slab = next;
    this.#from = next.at;
    return next;
  }

  /** What is in the slab so far is a piece to be written. */
  #seal(slab: Slab): void {
    if (slab.at === this.#from) return;
    this.#push(slab.bytes.subarray(this.#from, slab.at));
    this.#from = slab.at;
  }

  #push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** A stream has a body to send. What its windows and the system take now is framed at once. */
  send(sender: Sender): void {
    if (this.#senders.size === 0) {
      while (this.room > 0) {
        const sent = sender.sendPiece();
        if (sent === "all") return;
        if (sent === "none") break;
      }
    }
    this.#senders.add(sender);
    this.schedule();
  }

  /** It has nothing to send any more. */
  forget(sender: Sender): void {
    this.#senders.delete(sender);
  }

  /** Write what there is, and what can be framed, at the end of this turn. */
  schedule(): void {
    // What is framed by the flush itself needs none of its own.
    if (!this.#isFlushing) this.#flushSoon();
  }

  flush(): void {
    this.#isFlushing = true;
    this.#takeTurns();
    this.#isFlushing = false;
    const slab = this.#slab;
    if (slab !== undefined) {
      this.#seal(slab);
      this.#slab = undefined;
      this.#from = 0;
      if (slab.at + maxCopiedBytes <= slabBytes && spareSlabs.length < maxSpareSlabs)
        spareSlabs.push(slab);
    }
    if (this.#bytes > 0) {
      const pieces = this.#pieces;
      this.#pieces = [];
      this.#bytes = 0;
      this.#transport.write(pieces);
      if (this.#transport.unsent() >= slabBytes) this.countUnsent();
    }
    for (const sender of this.#senders) sender.wait();
  }

  #takeTurns(): void {
    // One that has sent goes to the end of the set, and is met again there. One whose window is shut is passed over.
    for (const sender of this.#senders) {
      if (this.room <= 0) return;
      const sent = sender.sendPiece();
      if (sent === "none") continue;
      this.#senders.delete(sender);
      if (sent === "some") this.#senders.add(sender);
    }
  }

  /** The system has taken something. */
  taken(): void {
    if (this.#unsent !== undefined) this.countUnsent();
    this.goOn();
  }

  /** What waits may be able to go on. */
  goOn(): void {
    if (this.#senders.size > 0) this.schedule();
  }

  /** Count what the system has not taken as unsent: it must move, and there is a bound on it. */
  countUnsent(): void {
    const now = this.#transport.unsent();
    if (now === 0 && this.#unsent === undefined) return;
    this.#unsent ??= this.#beginUnsent();
    const before = this.#counted;
    this.#counted = now;
    if (now > before) this.#unsent.hand(now - before);
    else if (now < before) this.#unsent.took(before - now);
  }

  /** The connection is over. */
  end(): void {
    this.#senders.clear();
    this.#unsent?.end();
    this.#unsent = undefined;
  }

  /** Whether so much waits that no more should be read, because what is read leads to more. */
  get isFull(): boolean {
    return this.waitingBytes > http2Limits.maxUnsentControlBytes;
  }
}

/** Section 4.1. */
function writeHead(slab: Slab, length: number, type: number, bits: number, streamId: number): void {
  const { bytes, at } = slab;
  bytes.writeUInt32BE(length * 256 + type, at);
  bytes[at + 4] = bits;
  bytes.writeUInt32BE(streamId, at + 5);
  slab.at = at + headBytes;
}

const nothing = new Uint8Array();
