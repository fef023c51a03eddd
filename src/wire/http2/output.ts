import type { UnsentAnswer } from "../bounds/unsent.ts";
import { http2Limits, pieceBytes } from "../limits.ts";
import { FrameWriter, slabBytes } from "./frame-writer.ts";
import { flags, frameTypes } from "./frames.ts";
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

/**
 * What leaves a connection: everything of one turn of the event loop in one write. Heads and control frames leave in
 * the order in which they are made. Bodies are cut into frames no sooner than the system takes them, and streams
 * take turns.
 */
export class Output {
  /** What we may send on all streams together (RFC 9113, section 5.2.1). */
  readonly window = new SendWindow(firstWindow);
  /** How many HEADERS and DATA frames were sent, and how many of them were DATA. */
  answerFrames = 0;
  dataFrames = 0;
  readonly #writer = new FrameWriter();
  readonly #transport: Transport;
  readonly #flushSoon: () => void;
  readonly #beginUnsent: () => UnsentAnswer;
  readonly #senders = new Set<Sender>();
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
    return this.#transport.unsent() + this.#writer.bytes;
  }

  /** How much of a body may be framed now. */
  get room(): number {
    return pieceBytes - this.waitingBytes;
  }

  /** The largest table that the client keeps for our fields (RFC 7541, section 4.2). */
  setMaxTableSize(bytes: number): void {
    this.#writer.encoder.setMaxTableSize(bytes);
  }

  /** A whole frame. */
  frame(type: number, bits: number, streamId: number, payload: Uint8Array = nothing): void {
    this.#writer.frame(type, bits, streamId, payload);
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
    this.#writer.number(type, streamId, value);
    this.schedule();
  }

  /**
   * A field block (section 6.2).
   *
   * @param fields Names and values in turn.
   * @throws TypeError if one cannot be sent. Then nothing is.
   */
  block(streamId: number, bits: number, fields: readonly string[]): void {
    this.#writer.block(streamId, bits, fields);
    this.answerFrames += 1;
    this.schedule();
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
    const pieces = this.#writer.take();
    if (pieces.length > 0) {
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

const nothing = new Uint8Array();
