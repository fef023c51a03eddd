import { Buffer } from "node:buffer";
import { http2IdleMs, http2MaxAgeMs, lingerMs } from "../limits.ts";
import type { CloseReason } from "./close-reason.ts";
import { codes, frameTypes } from "./frames.ts";
import type { Output, Transport } from "./output.ts";
import type { SessionSite } from "./session-site.ts";
import type { StreamTable } from "./stream-table.ts";
import { maxWindow } from "./windows.ts";

/** What the end of a connection needs of it. */
export type ClosingHost = {
  readonly now: number;
  readonly output: Output;
  readonly streams: StreamTable;
  /** What still comes is read and dropped. */
  dropInput(): void;
};

/** How far a connection is with its end: the two steps of GOAWAY (RFC 9113, section 6.8), and no more input. */
type Phase = "open" | "announced" | "last" | "over";

/** The payload of the PING that follows the first GOAWAY. */
const drainPing = Buffer.from("draining");

/** How a connection ends, and why: at once by an error, or step by step with GOAWAY. */
export class Closing {
  /** Streams above this are not served any more. */
  lastAccepted = maxWindow;
  readonly #host: ClosingHost;
  readonly #transport: Transport;
  readonly #site: SessionSite;
  #phase: Phase = "open";
  #phaseSince: number;
  #hasFailed = false;
  #isObserved = false;
  #isPeerLeaving = false;
  readonly #bornAt: number;
  readonly #diesAt: number;

  constructor(host: ClosingHost, transport: Transport, site: SessionSite) {
    this.#host = host;
    this.#transport = transport;
    this.#site = site;
    this.#bornAt = host.now;
    this.#phaseSince = host.now;
    this.#diesAt = host.now + (0.9 + 0.2 * Math.random()) * http2MaxAgeMs;
  }

  /** The connection takes no more input. */
  get isOver(): boolean {
    return this.#phase === "over";
  }

  get ageMs(): number {
    return this.#host.now - this.#bornAt;
  }

  /**
   * Tell the client to open no more streams, and close once those open have ended. What the client has sent before
   * it knows is still served, unless the server ends.
   */
  drain(reason: CloseReason): void {
    if (this.#phase === "last" || this.isOver) return;
    this.#observe(reason, true);
    if (this.#site.isDraining()) this.#acceptNoMore();
    else if (this.#phase === "open") {
      this.#enter("announced");
      this.#goAway(codes.noError, "");
      this.#host.output.frame(frameTypes.ping, 0, 0, drainPing);
    }
  }

  /** A PING was acknowledged. If it is ours, the client knows that it must not open streams. */
  onPong(payload: Buffer): void {
    if (this.#phase === "announced" && payload.equals(drainPing)) this.#acceptNoMore();
  }

  /** The client has sent GOAWAY. */
  peerLeaves(): void {
    this.#isPeerLeaving = true;
    this.closeIfDone();
  }

  #acceptNoMore(): void {
    this.#enter("last");
    this.lastAccepted = this.#host.streams.lastId;
    this.#goAway(codes.noError, "");
    this.closeIfDone();
  }

  /** A stream has ended, and it may have been the last one. */
  closeIfDone(): void {
    if (this.#host.streams.size > 0 || this.isOver) return;
    if (this.#phase === "last") this.#close();
    else if (this.#isPeerLeaving) this.#acceptNoMore();
  }

  /** An error of the connection (section 5.4.1). @param words What the client is told. */
  fail(code: number, reason: CloseReason, words: string): void {
    if (this.isOver) return;
    this.#hasFailed = true;
    this.#observe(reason, false);
    this.lastAccepted = Math.min(this.lastAccepted, this.#host.streams.lastId);
    this.#goAway(code, words);
    this.#close();
  }

  /** Close without a word, because the client does not read, or has not spoken HTTP/2 yet. */
  cutOff(reason: CloseReason): void {
    if (!this.isOver) this.#observe(reason, false);
    this.#transport.destroy();
  }

  /** The socket has closed. */
  hangUp(): void {
    this.#phase = "over";
  }

  /** Called a few times a second while the connection takes input. @param usedAt When a stream was opened last. */
  look(usedAt: number): void {
    const { now } = this.#host;
    if (this.#phase === "announced" && now - this.#phaseSince >= lingerMs) this.#acceptNoMore();
    if (now >= this.#diesAt) this.drain("max_age");
    else if (now - usedAt >= http2IdleMs) this.drain("idle");
  }

  /** Called a few times a second when the connection is over: what is left must leave in time. */
  lookAfterEnd(): void {
    const { unsentTimeoutMs } = this.#site;
    const allowed = this.#hasFailed ? Math.min(lingerMs, unsentTimeoutMs) : unsentTimeoutMs;
    if (this.#host.now - this.#phaseSince >= allowed) this.#transport.destroy();
  }

  #observe(reason: CloseReason, isPlanned: boolean): void {
    if (this.#isObserved) return;
    this.#isObserved = true;
    this.#site.observeClose({
      reason,
      isPlanned,
      streams: Math.ceil(this.#host.streams.lastId / 2),
      ageMs: this.ageMs,
    });
  }

  #goAway(code: number, reason: string): void {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(this.lastAccepted, 0);
    payload.writeUInt32BE(code, 4);
    const whole = Buffer.concat([payload, Buffer.from(reason)]);
    this.#host.output.frame(frameTypes.goAway, 0, 0, whole);
  }

  /** What still comes is read and dropped: closing with unread input would reset what was sent. */
  #close(): void {
    this.#enter("over");
    const { streams, output } = this.#host;
    streams.closeAll();
    output.flush();
    // What the client has not read stays counted until the socket has closed.
    output.countUnsent();
    this.#host.dropInput();
    this.#transport.end();
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#phaseSince = this.#host.now;
  }
}
