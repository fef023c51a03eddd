import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { Shares } from "../bounds/shares.ts";
import { Unhandled } from "../bounds/unhandled.ts";
import type { InputTurns } from "../turns/input-turns.ts";

/** What connections under TLS share. */
export type PacedSite = {
  /** As `addressGroup`. */
  readonly groupOf: (address: string) => string;
  /** Room for bytes that were read and wait. */
  readonly unhandled: Shares;
  readonly turns: InputTurns;
};

/**
 * TLS is given no more at once, because nothing stops OpenSSL before it has taken all that it was given. So many bytes take a
 * millisecond if they are requests for new keys, and up to four if they are a step of a handshake.
 */
const sliceBytes = 4_096;

/** No more is read while so much waits. Node reads as much again before it stops, which is not counted. */
const maxRestBytes = 65_536;

/**
 * The connection under TLS. It gives TLS the bytes of the client in their turn. From a socket of Node itself, OpenSSL would
 * take all that has come, up to 2 MiB of each connection in one turn of the event loop.
 *
 * It has what Node's TLS needs of a stream, and no more: a whole `Duplex` would cost a call over HTTP/1.1 another 10 µs.
 */
export class PacedSocket extends EventEmitter {
  /** The one whose bytes TLS is taking. The events of TLS that come meanwhile are about it. */
  static current: PacedSocket | undefined;
  readonly socket: Socket;
  readonly readable = true;
  readonly writable = true;
  /** Bytes that TLS has taken. */
  bytesRead = 0;
  /** Called when TLS has taken some. It is no event, because a second listener would take longer. */
  onTaken: (() => void) | undefined;
  readonly #turns: InputTurns;
  readonly #client: string;
  readonly #unhandled: Unhandled;
  /** TLS wants bytes. */
  #isRead = false;
  #rest: Buffer | undefined;
  #hasEnded = false;
  /** Gives up the turn that it waits for, if any. */
  #leave: (() => void) | undefined;

  /** @param socket Paused. It may have bytes that were put back. */
  constructor(socket: Socket, { groupOf, unhandled, turns }: PacedSite) {
    super();
    this.socket = socket;
    this.#turns = turns;
    this.#client = groupOf(socket.remoteAddress ?? "");
    this.#unhandled = new Unhandled(unhandled, this.#client, () => socket.destroy());
    socket.on("data", (piece: Buffer) => this.#arrive(piece));
    socket.once("end", () => {
      this.#hasEnded = true;
      if (this.#rest === undefined) this.emit("end");
    });
    socket.once("close", () => {
      this.#rest = undefined;
      this.#unhandled.end();
      this.#leave?.();
      this.emit("close");
    });
  }

  get allowHalfOpen(): boolean {
    return this.socket.allowHalfOpen;
  }

  pause(): void {
    this.#isRead = false;
    this.socket.pause();
  }

  resume(): void {
    this.#isRead = true;
    if (this.#rest === undefined) this.socket.resume();
    else this.#wait();
  }

  cork(): void {
    this.socket.cork();
  }

  uncork(): void {
    this.socket.uncork();
  }

  write(bytes: Uint8Array, done: (error?: Error | null) => void): boolean {
    return this.socket.write(bytes, done);
  }

  end(done: () => void): void {
    this.socket.end(done);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #arrive(piece: Buffer): void {
    this.#feed(this.#rest === undefined ? piece : Buffer.concat([this.#rest, piece]));
  }

  #feed(bytes: Buffer): void {
    const { socket } = this;
    let at = 0;
    while (at < bytes.byteLength && this.#isRead && !socket.destroyed) {
      if (!this.#turns.hasTime()) {
        this.#wait();
        break;
      }
      const slice = bytes.byteLength <= sliceBytes ? bytes : bytes.subarray(at, at + sliceBytes);
      at += slice.byteLength;
      this.bytesRead += slice.byteLength;
      PacedSocket.current = this;
      this.emit("data", slice);
      PacedSocket.current = undefined;
      this.onTaken?.();
    }
    if (socket.destroyed) return;
    if (at < bytes.byteLength) this.#keep(bytes.subarray(at));
    else if (this.#rest !== undefined) this.#goOn();
  }

  #keep(rest: Buffer): void {
    this.#rest = rest;
    this.#unhandled.set(rest.byteLength);
    if (rest.byteLength >= maxRestBytes) this.socket.pause();
  }

  #goOn(): void {
    this.#rest = undefined;
    this.#unhandled.set(0);
    if (this.#hasEnded) this.emit("end");
    else if (this.#isRead) this.socket.resume();
  }

  #wait(): void {
    this.#leave ??= this.#turns.wait(this.#client, () => {
      this.#leave = undefined;
      if (this.#rest !== undefined) this.#feed(this.#rest);
    });
  }
}
