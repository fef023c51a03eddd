import type { Buffer } from "node:buffer";
import type { Unhandled } from "../../bounds/unhandled.ts";
import { http2Limits } from "../../limits.ts";
import type { Output, Transport } from "../output.ts";
import type { SessionSite } from "../session-site.ts";
import type { Receiver } from "./receiver.ts";

/** What the input of a connection needs of it. */
export type InputHost = {
  readonly isOver: boolean;
  readonly output: Output;
  /** Read the clock for what is handled next. */
  readClock(): void;
};

/**
 * What comes in on a connection, from turn to turn of the event loop: how much of it is handled in one turn, what
 * waits for the next, and when the socket stops reading.
 */
export class Input {
  /** Turns in which something was done. */
  turn = 0;
  readonly #host: InputHost;
  readonly #transport: Transport;
  readonly #site: Pick<SessionSite, "busy" | "soon" | "isTaking">;
  readonly #receiver: Receiver;
  readonly #unhandled: Unhandled;
  /** Frames are left for the next turn. */
  #isBusy = false;
  /** What came nevertheless, although reading is paused. */
  readonly #waiting: Buffer[] = [];
  #isTurnEndDue = false;
  #isPaused = false;

  constructor(
    host: InputHost,
    transport: Transport,
    site: Pick<SessionSite, "busy" | "soon" | "isTaking">,
    receiver: Receiver,
    unhandled: Unhandled,
  ) {
    this.#host = host;
    this.#transport = transport;
    this.#site = site;
    this.#receiver = receiver;
    this.#unhandled = unhandled;
  }

  /** Bytes have come. Nobody else changes them. */
  receive(chunk: Buffer): void {
    if (this.#host.isOver) return;
    this.endTurnSoon();
    if (this.#isBusy) this.#waiting.push(chunk);
    else this.#handle(chunk);
  }

  #handle(chunk: Buffer): void {
    this.#host.readClock();
    this.#receiver.push(chunk);
    this.#handleSome();
    this.setReading();
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
    this.#host.output.flush();
    this.#receiver.beginTurn();
    if (this.#isPaused || this.#unhandled.bytes > 0) this.countUnhandled();
    if (!this.#isBusy) return;
    // Other connections had their turn. Now what is left of this one has its own.
    this.endTurnSoon();
    if (this.#site.isTaking()) return;
    this.#host.readClock();
    this.#handleSome();
    while (!this.#isBusy && this.#waiting.length > 0) {
      this.#handle(this.#waiting.shift() as Buffer);
    }
    this.setReading();
  };

  /** See to it that what is written now leaves at the end of this turn, and that a new one begins. */
  readonly endTurnSoon = (): void => {
    if (this.#isTurnEndDue) return;
    this.#isTurnEndDue = true;
    this.#site.soon(this.#endTurn);
  };

  /** Read from the socket, or stop reading while too much waits to be handled or to be sent. */
  setReading(): void {
    const isPaused = !this.#host.isOver && (this.#isBusy || this.#host.output.isFull);
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#transport.pause();
    else this.#transport.resume();
    // The socket may read a little more before it stops.
    this.endTurnSoon();
  }

  /** Count what was read and is not handled. */
  countUnhandled(): void {
    const { begunBytes, waitingBytes } = this.#receiver;
    const behind = this.#waiting.reduce((sum, { length }) => sum + length, 0);
    const paused = this.#isPaused ? waitingBytes + behind + this.#transport.unread() : 0;
    this.#unhandled.set(begunBytes + paused);
  }

  /** The socket has closed. */
  end(): void {
    this.#site.busy.delete(this);
    this.#unhandled.end();
  }
}
