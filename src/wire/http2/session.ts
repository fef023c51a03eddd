import { Buffer } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import type { Share, Shares } from "../bounds/shares.ts";
import type { UnsentAnswer } from "../bounds/unsent.ts";
import type { Exchange, ExchangeSite, RequestHead } from "../http/exchange.ts";
import { http2IdleMs, http2Limits, http2MaxAgeMs, lingerMs, openingTimeoutMs } from "../limits.ts";
import type { ClosedConnection, CloseReason } from "./close-reason.ts";
import { readHead } from "./fields.ts";
import { codes, flags, frameTypes } from "./frames.ts";
import { Output, type Transport } from "./output.ts";
import { Receiver } from "./receiver.ts";
import { ourSettings, type SettingsTarget } from "./settings.ts";
import { Http2Stream, type StreamHost } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";
import { Unhandled } from "./unhandled.ts";
import { firstWindow, maxWindow } from "./windows.ts";

// Long because a connection is one state: its streams, its phase, and what both sides may still do.

/** What the connections of a server have in common. Times are in milliseconds. */
export type SessionSite = Pick<ExchangeSite, "clientOf" | "groupOf" | "unsent" | "isDraining"> & {
  readonly dispatch: (exchange: Exchange) => void;
  /** Requests that are open, one each. */
  readonly requests: Shares;
  /** Bytes of bodies that have not arrived whole. */
  readonly bodies: Shares;
  /** Bytes that were read and wait to be handled. */
  readonly unhandled: Shares;
  /** Connections that have more frames than one turn of the event loop handles. */
  readonly busy: Set<object>;
  /** Called once for each connection that the server ends, as soon as it knows why. */
  readonly observeClose: (closed: ClosedConnection) => void;
  /** How long a client may take for what is left when its connection has ended. */
  readonly unsentTimeoutMs: number;
  /** Never goes back. */
  readonly now: () => number;
  /** Calls back at the end of this turn of the event loop. */
  readonly soon: (callback: () => void) => void;
  /** As the field `date` has it (RFC 9110, section 6.6.1). */
  readonly date: () => string;
};

/** How far a connection is with its end: the two steps of GOAWAY (RFC 9113, section 6.8), and no more input. */
type Phase = "open" | "announced" | "last" | "over";

/** The payload of the PING that follows the first GOAWAY. */
const drainPing = Buffer.from("draining");

/** One connection of HTTP/2, server side (RFC 9113). It knows nothing of sockets and has no timer. */
export class Http2Session implements StreamHost, SettingsTarget {
  readonly output: Output;
  readonly streams = new StreamTable();
  /** Read once for each chunk of input. */
  now: number;
  /** Turns of the event loop in which something was done. */
  turn = 0;
  firstSendWindow = firstWindow;
  /** Streams above this are not served any more. */
  lastAccepted = maxWindow;
  readonly #transport: Transport;
  readonly #site: SessionSite;
  readonly #clientOf: (headers: IncomingHttpHeaders) => string;
  readonly #receiver = new Receiver(this);
  /** Requests that something works for, also if their stream is closed. */
  #running = 0;
  /** Frames are left for the next turn of the event loop. */
  #isBusy = false;
  readonly #unhandled: Unhandled;
  /** What came nevertheless, although reading is paused. */
  readonly #waiting: Buffer[] = [];
  #isTurnEndDue = false;
  #isPaused = false;
  #phase: Phase = "open";
  #phaseSince: number;
  #hasFailed = false;
  #isCloseObserved = false;
  #isPeerLeaving = false;
  readonly #bornAt: number;
  readonly #diesAt: number;
  #usedAt: number;

  /** @param peer The address of the other side. */
  constructor(transport: Transport, peer: string, site: SessionSite) {
    this.#transport = transport;
    this.#site = site;
    const group = site.groupOf(peer);
    this.#unhandled = new Unhandled(site.unhandled, group, () => this.#cutOff("too_much_waiting"));
    this.#clientOf = (headers) => site.clientOf(peer, headers);
    this.now = site.now();
    this.#bornAt = this.now;
    this.#phaseSince = this.now;
    this.#usedAt = this.now;
    this.#diesAt = this.now + (0.9 + 0.2 * Math.random()) * http2MaxAgeMs;
    this.output = new Output(transport, this.#endTurnSoon, () =>
      site.unsent.begin(group, () => this.#cutOff("unread_answers")),
    );
    this.output.frame(frameTypes.settings, 0, 0, ourSettings);
    this.output.number(frameTypes.windowUpdate, 0, http2Limits.windowBytes - firstWindow);
  }

  // ---- What the socket tells.

  /** Bytes have come. Nobody else changes them. */
  receive(chunk: Buffer): void {
    if (this.isOver) return;
    this.#endTurnSoon();
    if (this.#isBusy) this.#waiting.push(chunk);
    else this.#handle(chunk);
  }

  #handle(chunk: Buffer): void {
    this.now = this.#site.now();
    this.#receiver.push(chunk);
    this.#handleSome();
    this.#setReading();
  }

  /**
   * Handle some of what has come. Connections that have much to be handled share what fits into a turn, so that
   * a turn stays short however many they are.
   */
  #handleSome(): void {
    const { busy } = this.#site;
    const { framesATurn, framesPerRequest, framesOfBusyATurn } = http2Limits;
    const share = Math.max(framesPerRequest, framesOfBusyATurn / (busy.size + 1));
    this.#isBusy = this.#receiver.handleSome(Math.min(framesATurn, share));
    if (this.#isBusy) busy.add(this);
    else busy.delete(this);
  }

  readonly #endTurn = (): void => {
    this.#isTurnEndDue = false;
    this.turn += 1;
    this.output.flush();
    this.#receiver.beginTurn();
    if (this.#isPaused || this.#unhandled.bytes > 0) this.#countUnhandled();
    if (!this.#isBusy) return;
    // Other connections had their turn. Now what is left of this one has its own.
    this.#endTurnSoon();
    this.now = this.#site.now();
    this.#handleSome();
    while (!this.#isBusy && this.#waiting.length > 0) {
      this.#handle(this.#waiting.shift() as Buffer);
    }
    this.#setReading();
  };

  readonly #endTurnSoon = (): void => {
    if (this.#isTurnEndDue) return;
    this.#isTurnEndDue = true;
    this.#site.soon(this.#endTurn);
  };

  #setReading(): void {
    const isPaused = !this.isOver && (this.#isBusy || this.output.isFull);
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#transport.pause();
    else this.#transport.resume();
    // The socket may read a little more before it stops.
    this.#endTurnSoon();
  }

  #countUnhandled(): void {
    const { begunBytes, waitingBytes } = this.#receiver;
    const behind = this.#waiting.reduce((sum, { length }) => sum + length, 0);
    const paused = this.#isPaused ? waitingBytes + behind + this.#transport.unread() : 0;
    this.#unhandled.set(begunBytes + paused);
  }

  /** The system has taken something of what was written. */
  taken(): void {
    this.output.taken();
    this.#setReading();
  }

  /** The socket has closed. */
  hangUp(): void {
    this.#phase = "over";
    this.#site.busy.delete(this);
    this.#unhandled.end();
    this.#endStreams();
    this.output.end();
  }

  /** Called a few times a second: does what has become due. */
  look(): void {
    this.now = this.#site.now();
    const { now } = this;
    const inPhase = now - this.#phaseSince;
    if (this.isOver) {
      const { unsentTimeoutMs } = this.#site;
      const allowed = this.#hasFailed ? Math.min(lingerMs, unsentTimeoutMs) : unsentTimeoutMs;
      if (inPhase >= allowed) this.#transport.destroy();
      return;
    }
    if (!this.#receiver.isGreeted && now - this.#bornAt >= openingTimeoutMs) {
      this.#cutOff("slow_opening");
    }
    if (now - this.#receiver.blockSince >= openingTimeoutMs) {
      this.fail(codes.enhanceYourCalm, "slow_field_block");
    }
    this.output.countUnsent();
    this.#countUnhandled();
    for (const stream of this.streams.values()) stream.look();
    if (this.#phase === "announced" && inPhase >= lingerMs) this.#acceptNoMore();
    if (now >= this.#diesAt) this.drain("max_age");
    else if (now - this.#usedAt >= http2IdleMs) this.drain("idle");
  }

  // ---- Requests.

  /** The fields of a new stream have come; `undefined` if they are too many or too large. */
  onRequest(streamId: number, isLast: boolean, fields: readonly string[] | undefined): void {
    this.streams.lastId = streamId;
    if (streamId > this.lastAccepted) return;
    this.#usedAt = this.now;
    this.#receiver.meters.opened();
    if (fields === undefined) {
      // RFC 6585, section 5.
      this.output.block(streamId, flags.endStream, [":status", "431", "date", this.date()]);
      this.#refuse(streamId, isLast ? undefined : codes.noError);
      return;
    }
    const head = readHead(fields, this.#clientOf);
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

  // ---- What streams need.

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
    this.#closeIfDone();
  }

  // ---- The client's settings.

  setHeaderTableSize(bytes: number): void {
    this.output.encoder.setMaxTableSize(bytes);
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
    return this.#phase === "over";
  }

  /**
   * Tell the client to open no more streams, and close once those open have ended. What the client has sent before
   * it knows is still served, unless the server ends.
   */
  drain(reason: CloseReason = "shutdown"): void {
    if (this.#phase === "last" || this.isOver) return;
    this.#observeClose(reason, true);
    if (this.#site.isDraining()) this.#acceptNoMore();
    else if (this.#phase === "open") {
      this.#enter("announced");
      this.#goAway(codes.noError, "");
      this.output.frame(frameTypes.ping, 0, 0, drainPing);
    }
  }

  /** A PING was acknowledged. If it is ours, the client knows that it must not open streams. */
  onPong(payload: Buffer): void {
    if (this.#phase === "announced" && payload.equals(drainPing)) this.#acceptNoMore();
  }

  /** The client has sent GOAWAY. */
  peerLeaves(): void {
    this.#isPeerLeaving = true;
    this.#closeIfDone();
  }

  #acceptNoMore(): void {
    this.#enter("last");
    this.lastAccepted = this.streams.lastId;
    this.#goAway(codes.noError, "");
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.streams.size > 0 || this.isOver) return;
    if (this.#phase === "last") this.#close();
    else if (this.#isPeerLeaving) this.#acceptNoMore();
  }

  /** An error of the connection (section 5.4.1). @param words What the client is told. Default: the reason. */
  fail(code: number, reason: CloseReason, words: string = reason): void {
    if (this.isOver) return;
    this.#hasFailed = true;
    this.#observeClose(reason, false);
    this.lastAccepted = Math.min(this.lastAccepted, this.streams.lastId);
    this.#goAway(code, words);
    this.#close();
  }

  /** Close without a word, because the client does not read, or has not spoken HTTP/2 yet. */
  #cutOff(reason: CloseReason): void {
    if (!this.isOver) this.#observeClose(reason, false);
    this.#transport.destroy();
  }

  #observeClose(reason: CloseReason, isPlanned: boolean): void {
    if (this.#isCloseObserved) return;
    this.#isCloseObserved = true;
    this.#site.observeClose({
      reason,
      isPlanned,
      streams: Math.ceil(this.streams.lastId / 2),
      ageMs: this.now - this.#bornAt,
    });
  }

  #goAway(code: number, reason: string): void {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(this.lastAccepted, 0);
    payload.writeUInt32BE(code, 4);
    const whole = Buffer.concat([payload, Buffer.from(reason)]);
    this.output.frame(frameTypes.goAway, 0, 0, whole);
  }

  /** What still comes is read and dropped: closing with unread input would reset what was sent. */
  #close(): void {
    this.#enter("over");
    this.#endStreams();
    this.output.flush();
    // What the client has not read stays counted until the socket has closed.
    this.output.countUnsent();
    this.#setReading();
    this.#transport.end();
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#phaseSince = this.now;
  }

  #endStreams(): void {
    for (const stream of this.streams.values()) {
      this.streams.delete(stream.id);
      stream.close();
    }
  }
}
