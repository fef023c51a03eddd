import type { Socket } from "node:net";
import type { Share, Shares } from "./shares.ts";

/**
 * What was read from a connection and is not handled. There is a bound on it, because it stays in memory for as long
 * as the client likes.
 */
export class Unhandled {
  readonly #shares: Shares;
  readonly #client: string;
  readonly #cutOff: () => void;
  #share: Share | undefined;
  #bytes = 0;
  #hasEnded = false;

  /**
   * @param shares What there is room for.
   * @param client As `addressGroup` has it.
   * @param cutOff Ends the connection, because there is no room for it.
   */
  constructor(shares: Shares, client: string, cutOff: () => void) {
    this.#shares = shares;
    this.#client = client;
    this.#cutOff = cutOff;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** So many bytes are there now. Without effect once the connection has closed. */
  set(bytes: number): void {
    if (this.#hasEnded) return;
    const more = bytes - this.#bytes;
    this.#bytes = bytes;
    if (more < 0) this.#share?.shrink(-more);
    if (more <= 0) return;
    this.#share?.end();
    this.#share = this.#shares.take(this.#client, bytes, this.#cutOff);
    if (this.#share === undefined) this.#cutOff();
  }

  /** The connection has closed. */
  end(): void {
    this.#hasEnded = true;
    this.#share?.end();
  }
}

/**
 * Count what is read from a connection although it is paused, and end the connection if there is no room for it.
 *
 * @param shares What there is room for.
 * @param client As `addressGroup` has it.
 * @returns To be called when the connection is read again, or closed.
 */
export function countUnread(socket: Socket, shares: Shares, client: string): () => void {
  const counted = new Unhandled(shares, client, () => socket.destroy());
  const look = () => counted.set(socket.readableLength);
  socket.on("readable", look);
  look();
  return () => {
    socket.off("readable", look);
    counted.end();
  };
}
