import type { Buffer } from "node:buffer";
import type { Share } from "../bounds/shares.ts";
import { Unhandled } from "../bounds/unhandled.ts";
import type { UnsentAnswer } from "../bounds/unsent.ts";
import type { RequestHead } from "../http/exchange.ts";
import { http2Limits, openingTimeoutMs } from "../limits.ts";
import type { CloseReason } from "./close-reason.ts";
import { Closing, type ClosingHost } from "./closing.ts";
import { createHeadReader } from "./fields.ts";
import { codes, flags, frameTypes } from "./frames.ts";
import { Input, type InputHost } from "./input/input.ts";
import { Receiver } from "./input/receiver.ts";
import { Output, type Transport } from "./output.ts";
import type { SessionSite } from "./session-site.ts";
import { ourSettings, type SettingsTarget } from "./settings.ts";
import { Http2Stream, type StreamHost } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";
import { firstWindow } from "./windows.ts";

/** One connection of HTTP/2, server side (RFC 9113). It knows nothing of sockets and has no timer. */
export class Http2Session implements StreamHost, SettingsTarget, InputHost, ClosingHost {
  readonly output: Output;
  readonly streams = new StreamTable();
  readonly closing: Closing;
  /** Read once for each chunk of input. */
  now: number;
  firstSendWindow = firstWindow;
  readonly #site: SessionSite;
  readonly #readHead: ReturnType<typeof createHeadReader>;
  readonly #receiver: Receiver;
  readonly #input: Input;
  /** Requests that something works for, also if their stream is closed. */
  #running = 0;
  /** When a stream was opened last. */
  #usedAt: number;

  /** @param peer The address of the other side. */
  constructor(transport: Transport, peer: string, site: SessionSite) {
    this.#site = site;
    this.#readHead = createHeadReader((headers) => site.clientOf(peer, headers));
    this.now = site.now();
    this.#usedAt = this.now;
    this.closing = new Closing(this, transport, site);
    const group = site.groupOf(peer);
    const cutOff = () => this.closing.cutOff("too_much_waiting");
    const unhandled = new Unhandled(site.unhandled, group, cutOff);
    this.#receiver = new Receiver(this);
    this.#input = new Input(this, transport, site, this.#receiver, unhandled);
    this.output = new Output(transport, this.#input.endTurnSoon, () =>
      site.unsent.begin(group, () => this.closing.cutOff("unread_answers")),
    );
    this.output.frame(frameTypes.settings, 0, 0, ourSettings);
    this.output.number(frameTypes.windowUpdate, 0, http2Limits.windowBytes - firstWindow);
  }

  // ---- What the socket tells.

  /** Bytes have come. Nobody else changes them. */
  receive(chunk: Buffer): void {
    this.#input.receive(chunk);
  }

  /** The system has taken something of what was written. */
  taken(): void {
    this.output.taken();
    this.#input.setReading();
  }

  /** The socket has closed. */
  hangUp(): void {
    this.closing.hangUp();
    this.#input.end();
    this.streams.closeAll();
    this.output.end();
  }

  /** Called a few times a second: does what has become due. */
  look(): void {
    this.readClock();
    if (this.isOver) {
      this.closing.lookAfterEnd();
      return;
    }
    if (!this.#receiver.isGreeted && this.closing.ageMs >= openingTimeoutMs) {
      this.closing.cutOff("slow_opening");
    }
    if (this.now - this.#receiver.blockSince >= openingTimeoutMs) {
      this.fail(codes.enhanceYourCalm, "slow_field_block");
    }
    this.output.countUnsent();
    this.#input.countUnhandled();
    for (const stream of this.streams.values()) stream.look();
    this.closing.look(this.#usedAt);
  }

  // ---- Requests.

  /** The fields of a new stream have come; `undefined` if they are too many or too large. */
  onRequest(streamId: number, isLast: boolean, fields: readonly string[] | undefined): void {
    this.streams.lastId = streamId;
    if (streamId > this.closing.lastAccepted) return;
    this.#usedAt = this.now;
    this.#receiver.meters.opened();
    if (fields === undefined) {
      // RFC 6585, section 5.
      this.output.block(streamId, flags.endStream, [":status", "431", "date", this.date()]);
      this.#refuse(streamId, isLast ? undefined : codes.noError);
      return;
    }
    const head = this.#readHead(fields);
    // Section 8.1.1.
    if (head === undefined) this.#refuse(streamId, codes.protocolError);
    // Section 5.1.2.
    else if (this.streams.size >= http2Limits.maxStreams) {
      this.#refuse(streamId, codes.refusedStream);
    }
    // What runs counts, so that a client gains nothing from resetting its streams. It does not know how many run.
    else if (this.#running >= http2Limits.maxStreams) {
      this.#refuse(streamId, codes.refusedStream, false);
    } else this.#begin(new Http2Stream(this, streamId, head), isLast);
  }

  /** @param code Of RST_STREAM. `undefined` if the stream has ended anyhow. */
  #refuse(streamId: number, code: number | undefined, isFault = true): void {
    if (!this.#receiver.meters.reset(this.now, isFault)) {
      this.fail(codes.enhanceYourCalm, "too_many_resets");
    } else if (code !== undefined) this.#sendReset(streamId, code);
  }

  #sendReset(streamId: number, code: number): void {
    this.output.number(frameTypes.reset, streamId, code);
    this.streams.rememberReset(streamId);
  }

  #begin(stream: Http2Stream, isLast: boolean): void {
    const takeBack = () => this.reset(stream, codes.enhanceYourCalm);
    stream.place = this.#site.requests.take(this.#site.groupOf(stream.head.peer), 1, takeBack);
    if (stream.place === undefined) {
      this.#sendReset(stream.id, codes.refusedStream);
      return;
    }
    this.streams.add(stream);
    if (isLast) stream.endRequest();
    if (stream.isWhole !== isLast) return;
    this.#running += 1;
    this.#site.dispatch(stream);
  }

  // ---- What streams, the input and the end need.

  get turn(): number {
    return this.#input.turn;
  }

  readClock(): void {
    this.now = this.#site.now();
  }

  dropInput(): void {
    this.#input.setReading();
  }

  date(): string {
    return this.#site.date();
  }

  beginUnsent({ peer }: RequestHead, abort: () => void): UnsentAnswer {
    return this.#site.unsent.begin(this.#site.groupOf(peer), abort);
  }

  takeBodyRoom({ peer }: RequestHead, takeBack: () => void): Share | undefined {
    return this.#site.bodies.take(this.#site.groupOf(peer), firstWindow, takeBack);
  }

  dribbled(): void {
    this.#receiver.odd();
  }

  answered(): void {
    this.#receiver.meters.answered();
  }

  released(): void {
    this.#running -= 1;
  }

  reset(stream: Http2Stream, code: number): void {
    this.#sendReset(stream.id, code);
    this.closed(stream);
  }

  violated(stream: Http2Stream, code: number): void {
    if (this.#receiver.meters.reset(this.now, true)) this.reset(stream, code);
    else this.fail(codes.enhanceYourCalm, "too_many_resets");
  }

  closed(stream: Http2Stream): void {
    this.streams.delete(stream.id);
    stream.close();
    this.closing.closeIfDone();
  }

  // ---- The client's settings.

  setHeaderTableSize(bytes: number): void {
    this.output.setMaxTableSize(bytes);
  }

  /** Section 6.9.2. */
  setInitialWindow(bytes: number): boolean {
    const change = bytes - this.firstSendWindow;
    this.firstSendWindow = bytes;
    for (const { window } of this.streams.values()) if (!window.grow(change)) return false;
    return true;
  }

  // ---- The end.

  get isOver(): boolean {
    return this.closing.isOver;
  }

  /** The server stops. */
  drain(): void {
    this.closing.drain("shutdown");
  }

  /** An error of the connection (section 5.4.1). @param words What the client is told. Default: the reason. */
  fail(code: number, reason: CloseReason, words: string = reason): void {
    this.closing.fail(code, reason, words);
  }
}
