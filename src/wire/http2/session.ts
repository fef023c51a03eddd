import { Buffer } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import type { Share, Shares } from "../bounds/shares.ts";
import type { UnsentAnswer } from "../bounds/unsent.ts";
import type { Exchange, ExchangeSite, RequestHead } from "../http/exchange.ts";
import { http2IdleMs, http2Limits, http2MaxAgeMs, lingerMs, openingTimeoutMs } from "../limits.ts";
import { FieldBlock } from "./field-block.ts";
import { areTrailers, readHead } from "./fields.ts";
import { codes, FrameReader, flags, frameTypes, optionalBytes, preface } from "./frames.ts";
import { createHpackDecoder, HpackError } from "./hpack-decoder.ts";
import { Meter } from "./meters.ts";
import { Output, type Transport } from "./output.ts";
import { applySettings, ourSettings } from "./settings.ts";
import { Http2Stream, type StreamHost } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";
import { firstWindow, maxWindow, ReceiveWindow } from "./windows.ts";

// Long because it is one state machine: which frame is allowed when, and what it leads to.

/** What the connections of a server have in common. Times are in milliseconds. */
export type SessionSite = Pick<ExchangeSite, "clientOf" | "groupOf" | "unsent" | "isDraining"> & {
  readonly dispatch: (exchange: Exchange) => void;
  /** Requests that are open, one each. */
  readonly requests: Shares;
  /** Bytes of bodies that have not arrived whole. */
  readonly bodies: Shares;
  /** How long a client may take for what is left when its connection has ended. */
  readonly unsentTimeoutMs: number;
  /** Never goes back. */
  readonly now: () => number;
  /** Calls back at the end of this turn of the event loop. */
  readonly soon: (callback: () => void) => void;
  /** As the field `date` has it (RFC 9110, section 6.6.1). */
  readonly date: () => string;
  /** Default: `http2IdleMs` and `http2MaxAgeMs`. */
  readonly idleMs?: number;
  readonly maxAgeMs?: number;
};

/** How far a connection is with its end: the two steps of GOAWAY (RFC 9113, section 6.8), and no more input. */
type Phase = "open" | "announced" | "last" | "over";

/** The payload of the PING that follows the first GOAWAY. */
const drainPing = Buffer.from("draining");

/** One connection of HTTP/2, server side (RFC 9113). It knows nothing of sockets and has no timer. */
export class Http2Session implements StreamHost {
  readonly output: Output;
  now: number;
  firstSendWindow = firstWindow;
  readonly #transport: Transport;
  readonly #site: SessionSite;
  readonly #clientOf: (headers: IncomingHttpHeaders) => string;

  // What comes in.
  readonly #reader = new FrameReader();
  readonly #block = new FieldBlock();
  readonly #decoder = createHpackDecoder({
    maxBytes: http2Limits.maxListBytes,
    maxFields: http2Limits.maxFields,
  });
  readonly #window = new ReceiveWindow(http2Limits.windowBytes);
  #prefaceAt = 0;
  #hasSettings = false;
  /** SETTINGS of ours that were not acknowledged. */
  #unacknowledged = 1;
  /** Frames are left for the next turn of the event loop. */
  #isBusy = false;
  #isPaused = false;

  // Requests.
  readonly #streams = new StreamTable();
  /** Something works for so many, also for some whose stream is closed. */
  #running = 0;
  #opened = 0;

  // What the client does for nothing.
  readonly #resets = new Meter(http2Limits.resets);
  readonly #pings = new Meter(http2Limits.pings);
  readonly #settings = new Meter(http2Limits.settings);
  readonly #oddities = new Meter(http2Limits.oddities);
  #answersAtPing = 0;
  #updates = 0;
  #emptyData = 0;

  // Its end.
  #phase: Phase = "open";
  #phaseSince = 0;
  #hasFailed = false;
  #isPeerLeaving = false;
  /** Streams above this are not served any more. */
  #lastAccepted = maxWindow;
  readonly #bornAt: number;
  readonly #diesAt: number;
  #usedAt: number;

  /** @param peer The address of the other side. */
  constructor(transport: Transport, peer: string, site: SessionSite) {
    this.#transport = transport;
    this.#site = site;
    this.#clientOf = (headers) => site.clientOf(peer, headers);
    this.now = site.now();
    this.#bornAt = this.now;
    this.#usedAt = this.now;
    const jitter = 0.9 + 0.2 * Math.random();
    this.#diesAt = this.now + jitter * (site.maxAgeMs ?? http2MaxAgeMs);
    this.output = new Output(transport, site.soon, () =>
      site.unsent.begin(site.groupOf(peer), () => transport.destroy()),
    );
    this.output.frame(frameTypes.settings, 0, 0, ourSettings);
    this.output.number(frameTypes.windowUpdate, 0, http2Limits.windowBytes - firstWindow);
  }

  // ---- What the socket tells.

  /** Bytes have come. Nobody else changes them. */
  receive(chunk: Buffer): void {
    if (this.#phase === "over") return;
    this.now = this.#site.now();
    this.#reader.push(this.#prefaceAt < preface.length ? this.#afterPreface(chunk) : chunk);
    this.#work();
  }

  /** Section 3.4. */
  #afterPreface(chunk: Buffer): Buffer {
    const size = Math.min(chunk.length, preface.length - this.#prefaceAt);
    const expected = preface.subarray(this.#prefaceAt, this.#prefaceAt + size);
    this.#prefaceAt += size;
    if (!expected.equals(chunk.subarray(0, size))) this.#fail(codes.protocolError, "no preface");
    return chunk.subarray(size);
  }

  #work(): void {
    for (let count = 0; this.#phase !== "over"; count++) {
      if (count === http2Limits.framesATurn) {
        this.#isBusy = true;
        this.#site.soon(this.#goOn);
        break;
      }
      if (!this.#reader.next()) break;
      if (this.#reader.fault !== codes.noError) this.#fail(this.#reader.fault, "frame");
      else this.#handle(this.#reader);
    }
    this.#setReading();
  }

  readonly #goOn = (): void => {
    this.#isBusy = false;
    this.now = this.#site.now();
    this.#work();
  };

  #setReading(): void {
    const isPaused = this.#phase !== "over" && (this.#isBusy || this.output.isFull);
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#transport.pause();
    else this.#transport.resume();
  }

  /** The system has taken something of what was written. */
  taken(): void {
    this.output.taken();
    this.#setReading();
  }

  /** The socket has closed. */
  hangUp(): void {
    this.#phase = "over";
    this.#endStreams();
    this.output.end();
  }

  /** Called a few times a second: does what has become due. */
  look(): void {
    this.now = this.#site.now();
    const { now } = this;
    const inPhase = now - this.#phaseSince;
    if (this.#phase === "over") {
      const allowed = this.#hasFailed ? lingerMs : this.#site.unsentTimeoutMs;
      if (inPhase >= Math.min(allowed, this.#site.unsentTimeoutMs)) this.#transport.destroy();
      return;
    }
    if (!this.#hasSettings && now - this.#bornAt >= openingTimeoutMs) this.#transport.destroy();
    if (this.#block.streamId !== 0 && now - this.#block.since >= openingTimeoutMs) {
      this.#fail(codes.enhanceYourCalm, "slow_field_block");
    }
    this.output.countUnsent();
    for (const stream of this.#streams.values()) stream.look();
    if (this.#phase === "announced" && inPhase >= lingerMs) this.#refuseMore();
    const idleMs = this.#site.idleMs ?? http2IdleMs;
    if (now >= this.#diesAt || now - this.#usedAt >= idleMs) this.drain();
  }

  // ---- Frames: section 6, and the states of section 5.1.

  #handle(frame: FrameReader): void {
    // Section 4.3: nothing comes between the frames of a field block.
    const { streamId: blockId } = this.#block;
    const isContinuation = frame.type === frameTypes.continuation;
    if (isContinuation ? blockId !== frame.streamId : blockId !== 0) {
      this.#fail(codes.protocolError, "field block");
      return;
    }
    // Section 3.4.
    if (!this.#hasSettings && (frame.type !== frameTypes.settings || isAck(frame))) {
      this.#fail(codes.protocolError, "no settings");
      return;
    }
    switch (frame.type) {
      case frameTypes.data:
        this.#onData(frame);
        break;
      case frameTypes.headers:
        this.#onHeaders(frame);
        break;
      case frameTypes.continuation:
        this.#onContinuation(frame);
        break;
      case frameTypes.reset:
        this.#onReset(frame);
        break;
      case frameTypes.settings:
        this.#onSettings(frame);
        break;
      case frameTypes.ping:
        this.#onPing(frame);
        break;
      case frameTypes.goAway:
        this.#onGoAway();
        break;
      case frameTypes.windowUpdate:
        this.#onWindowUpdate(frame);
        break;
      case frameTypes.priority:
        this.#onPriority(frame);
        break;
      default:
        this.#odd();
    }
  }

  /** Section 6.1. */
  #onData(frame: FrameReader): void {
    const { bytes, streamId, length } = frame;
    // Section 5.2: it counts for the connection whatever becomes of the stream, and it is credited at once.
    if (!this.#window.receive(length)) {
      this.#fail(codes.flowControlError, "connection window");
      return;
    }
    const credit = this.#window.release(length);
    if (credit > 0) this.output.number(frameTypes.windowUpdate, 0, credit);
    const isPadded = (frame.flags & flags.padded) !== 0;
    const padding = isPadded ? (bytes[frame.start] as number) : 0;
    const from = frame.start + (isPadded ? 1 : 0);
    const to = frame.start + length - padding;
    if (to < from) {
      this.#fail(codes.protocolError, "padding");
      return;
    }
    const isLast = isLastFrame(frame);
    if (to === from && !isLast && ++this.#emptyData > http2Limits.maxEmptyData) {
      this.#fail(codes.enhanceYourCalm, "too_many_empty_frames");
      return;
    }
    const stream = this.#streams.get(streamId);
    if (stream === undefined) this.#onLateData(streamId);
    // Half-closed (remote).
    else if (stream.isWhole) this.#fail(codes.streamClosed, "data after the end");
    else {
      const fault = stream.receive(bytes, from, to, length, isLast);
      if (fault !== codes.noError) this.#fail(fault, "stream window");
    }
  }

  #onLateData(streamId: number): void {
    const state = this.#streams.stateOf(streamId);
    if (state === "idle") this.#fail(codes.protocolError, "data on an idle stream");
    else if (state === "closed" && streamId <= this.#lastAccepted) {
      this.#fail(codes.streamClosed, "data on a closed stream");
    }
  }

  /** Section 6.2. */
  #onHeaders(frame: FrameReader): void {
    const { bytes, streamId, start } = frame;
    const isPadded = (frame.flags & flags.padded) !== 0;
    const from = start + optionalBytes(frame.flags);
    const to = start + frame.length - (isPadded ? (bytes[start] as number) : 0);
    const hasPriority = (frame.flags & flags.priority) !== 0;
    if (to < from || (hasPriority && dependencyOf(bytes, from - 5) === streamId)) {
      this.#fail(codes.protocolError, to < from ? "padding" : "a stream depends on itself");
      return;
    }
    const fragment = bytes.subarray(from, to);
    if ((frame.flags & flags.endHeaders) !== 0) {
      this.#onBlock(streamId, isLastFrame(frame), fragment);
    } else this.#block.begin(streamId, isLastFrame(frame), fragment, this.now);
  }

  /** Section 6.10. */
  #onContinuation({ bytes, start, length, flags: bits }: FrameReader): void {
    const { streamId, isLast } = this.#block;
    const isEnd = (bits & flags.endHeaders) !== 0;
    if (!this.#block.add(bytes.subarray(start, start + length), isEnd)) {
      this.#fail(codes.enhanceYourCalm, "too_large_field_block");
    } else if (isEnd) this.#onBlock(streamId, isLast, this.#block.take());
  }

  /** A whole field block. It is decoded in any case, because the table must follow it (section 4.3). */
  #onBlock(streamId: number, isLast: boolean, block: Buffer): void {
    let fields: string[] | undefined;
    try {
      fields = this.#decoder.decode(block);
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      this.#fail(codes.compressionError, error.message);
      return;
    }
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) this.#onTrailers(stream, isLast, fields);
    else if (streamId > this.#streams.lastId) this.#onRequest(streamId, isLast, fields);
    else if (this.#streams.stateOf(streamId) === "idle") {
      this.#fail(codes.protocolError, "a stream of the server");
    } else if (this.#streams.stateOf(streamId) === "closed" && streamId <= this.#lastAccepted) {
      this.#fail(codes.streamClosed, "headers on a closed stream");
    }
  }

  /** Section 8.1. Nobody asks for their values. */
  #onTrailers(stream: Http2Stream, isLast: boolean, fields: string[] | undefined): void {
    if (stream.isWhole) this.#fail(codes.streamClosed, "headers after the end");
    else if (!isLast || fields === undefined || !areTrailers(fields)) {
      this.violated(stream, codes.protocolError);
    } else stream.endRequest();
  }

  #onRequest(streamId: number, isLast: boolean, fields: string[] | undefined): void {
    if (streamId % 2 === 0) {
      this.#fail(codes.protocolError, "a stream of the server");
      return;
    }
    this.#streams.lastId = streamId;
    if (streamId > this.#lastAccepted) return;
    this.#usedAt = this.now;
    this.#opened += 1;
    if (fields === undefined) {
      this.#refuseList(streamId, isLast);
      return;
    }
    const head = readHead(fields, this.#clientOf);
    if (head === undefined) {
      this.#refuse(streamId, codes.protocolError);
      return;
    }
    if (Math.max(this.#streams.size, this.#running) >= http2Limits.maxStreams) {
      // Section 5.1.2.
      this.#refuse(streamId, codes.refusedStream);
      return;
    }
    this.#begin(new Http2Stream(this, streamId, head), isLast);
  }

  /** The list is over the limits: RFC 6585, section 5. */
  #refuseList(streamId: number, isLast: boolean): void {
    if (!this.#mayReset()) return;
    this.output.block(streamId, flags.endStream, [":status", "431", "date", this.date()]);
    if (!isLast) this.#resetNew(streamId, codes.noError);
  }

  #refuse(streamId: number, code: number): void {
    if (this.#mayReset()) this.#resetNew(streamId, code);
  }

  /** Whether one more stream may end without a good answer. If not, the connection ends. */
  #mayReset(): boolean {
    const may = this.#resets.take(this.now);
    if (!may) this.#fail(codes.enhanceYourCalm, "too_many_resets");
    return may;
  }

  #resetNew(streamId: number, code: number): void {
    this.output.number(frameTypes.reset, streamId, code);
    this.#streams.rememberReset(streamId);
  }

  #begin(stream: Http2Stream, isLast: boolean): void {
    const takeBack = () => this.reset(stream, codes.enhanceYourCalm);
    stream.place = this.#site.requests.take(this.#site.groupOf(stream.head.peer), 1, takeBack);
    if (stream.place === undefined) {
      this.#resetNew(stream.id, codes.refusedStream);
      return;
    }
    this.#streams.add(stream);
    if (isLast) stream.endRequest();
    if (stream.isWhole !== isLast) return;
    this.#running += 1;
    this.#site.dispatch(stream);
  }

  /** Section 6.4. */
  #onReset({ streamId }: FrameReader): void {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) {
      if (stream.isSent || this.#mayReset()) this.closed(stream);
    } else if (this.#streams.stateOf(streamId) === "idle") {
      this.#fail(codes.protocolError, "reset of an idle stream");
    } else this.#odd();
  }

  /** Section 6.5. */
  #onSettings(frame: FrameReader): void {
    if (isAck(frame)) {
      this.#unacknowledged -= 1;
      if (this.#unacknowledged < 0) this.#fail(codes.protocolError, "unasked acknowledgement");
      return;
    }
    const { bytes, start, length } = frame;
    if (!this.#settings.take(this.now) || length > 6 * http2Limits.maxSettings) {
      this.#fail(codes.enhanceYourCalm, "too_many_settings");
      return;
    }
    this.#hasSettings = true;
    const fault = applySettings(bytes, start, start + length, this);
    if (fault !== codes.noError) {
      this.#fail(fault, "settings");
      return;
    }
    // Before anything that uses them (section 6.5.3).
    this.output.frame(frameTypes.settings, flags.ack, 0);
  }

  setHeaderTableSize(bytes: number): void {
    this.output.encoder.setMaxTableSize(bytes);
  }

  /** Section 6.9.2. */
  setInitialWindow(bytes: number): boolean {
    const change = bytes - this.firstSendWindow;
    this.firstSendWindow = bytes;
    for (const { window } of this.#streams.values()) if (!window.grow(change)) return false;
    return true;
  }

  /** Section 6.7. */
  #onPing(frame: FrameReader): void {
    const payload = frame.bytes.subarray(frame.start, frame.start + 8);
    if (isAck(frame)) {
      if (this.#phase === "announced" && payload.equals(drainPing)) this.#refuseMore();
      else this.#odd();
      return;
    }
    if (this.output.answerFrames !== this.#answersAtPing) this.#pings.fill();
    this.#answersAtPing = this.output.answerFrames;
    if (this.#pings.take(this.now)) this.output.frame(frameTypes.ping, flags.ack, 0, payload);
    else this.#fail(codes.enhanceYourCalm, "too_many_pings");
  }

  /** Section 6.8. A client that leaves still waits for its answers. */
  #onGoAway(): void {
    this.#odd();
    this.#isPeerLeaving = true;
    this.#closeIfDone();
  }

  /** Section 6.9. */
  #onWindowUpdate({ bytes, start, streamId }: FrameReader): void {
    const { freeUpdates, updatesPerStream, updatesPerData } = http2Limits;
    const earned = updatesPerStream * this.#opened + updatesPerData * this.output.dataFrames;
    if (++this.#updates > freeUpdates + earned) {
      this.#fail(codes.enhanceYourCalm, "too_many_window_updates");
      return;
    }
    const increment = bytes.readUInt32BE(start) & maxWindow;
    const stream = this.#streams.get(streamId);
    if (streamId !== 0 && stream === undefined) {
      if (this.#streams.stateOf(streamId) === "idle") {
        this.#fail(codes.protocolError, "window of an idle stream");
      }
    } else if (increment === 0) this.#fail(codes.protocolError, "window update of 0");
    else if (stream !== undefined && !stream.window.grow(increment)) {
      // Section 6.9.1.
      this.violated(stream, codes.flowControlError);
    } else if (stream === undefined && !this.output.window.grow(increment)) {
      this.#fail(codes.flowControlError, "connection window");
    } else this.output.schedule();
  }

  /** Section 5.3.2: priorities are not used. */
  #onPriority({ bytes, start, streamId }: FrameReader): void {
    if (dependencyOf(bytes, start) === streamId) {
      this.#fail(codes.protocolError, "a stream depends on itself");
    } else this.#odd();
  }

  #odd(): void {
    if (!this.#oddities.take(this.now)) this.#fail(codes.enhanceYourCalm, "too_many_frames");
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
    this.#odd();
  }

  answered(): void {
    this.#resets.earn();
  }

  released(): void {
    this.#running -= 1;
  }

  reset(stream: Http2Stream, code: number): void {
    this.output.number(frameTypes.reset, stream.id, code);
    this.#streams.rememberReset(stream.id);
    this.closed(stream);
  }

  violated(stream: Http2Stream, code: number): void {
    if (this.#mayReset()) this.reset(stream, code);
  }

  closed(stream: Http2Stream): void {
    this.#streams.delete(stream.id);
    stream.close();
    this.#closeIfDone();
  }

  // ---- The end.

  /**
   * Tell the client to open no more streams, and close once those open have ended. What the client has sent before
   * it knows is still served, unless the server ends.
   */
  drain(): void {
    if (this.#phase !== "open" && this.#phase !== "announced") return;
    if (this.#site.isDraining() || this.#streams.size === 0) this.#refuseMore();
    else if (this.#phase === "open") {
      this.#enter("announced");
      this.#goAway(codes.noError, "");
      this.output.frame(frameTypes.ping, 0, 0, drainPing);
    }
  }

  #refuseMore(): void {
    this.#enter("last");
    this.#lastAccepted = this.#streams.lastId;
    this.#goAway(codes.noError, "");
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.#streams.size > 0) return;
    if (this.#phase === "last") this.#close();
    else if (this.#isPeerLeaving && this.#phase !== "over") this.#refuseMore();
  }

  /** An error of the connection (section 5.4.1). */
  #fail(code: number, reason: string): void {
    if (this.#phase === "over") return;
    this.#hasFailed = true;
    this.#lastAccepted = Math.min(this.#lastAccepted, this.#streams.lastId);
    this.#goAway(code, reason);
    this.#close();
  }

  #goAway(code: number, reason: string): void {
    const text = Buffer.from(reason);
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(this.#lastAccepted, 0);
    payload.writeUInt32BE(code, 4);
    this.output.frame(frameTypes.goAway, 0, 0, Buffer.concat([payload, text]));
  }

  /** What still comes is read and dropped: closing with unread input would reset what was sent. */
  #close(): void {
    this.#enter("over");
    this.#endStreams();
    this.output.flush();
    this.output.end();
    this.#setReading();
    this.#transport.end();
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#phaseSince = this.now;
  }

  #endStreams(): void {
    for (const stream of this.#streams.values()) {
      this.#streams.delete(stream.id);
      stream.close();
    }
  }
}

const isAck = ({ flags: bits }: FrameReader) => (bits & flags.ack) !== 0;
const isLastFrame = ({ flags: bits }: FrameReader) => (bits & flags.endStream) !== 0;

/** The stream that another one depends on (section 6.3). */
function dependencyOf(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) & maxWindow;
}
