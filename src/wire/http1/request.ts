import type { Buffer } from "node:buffer";
import type { IncomingMessage as NodeRequest } from "node:http";
import type { BodyReader } from "../http/exchange.ts";
import { maxHeldBytes, maxHeldPieces } from "../limits.ts";

// Not by `import`: see `http1-server.ts`.
const { IncomingMessage } = process.getBuiltinModule("node:http");

/**
 * A request whose body goes from Node's parser straight to its reader. Node would put it through a stream, and
 * the events of that stream cost more than everything else that is done with the body of a call.
 *
 * So it never emits `data` and `end`. It emits `close` if the connection is closed before the answer is sent.
 */
export class Http1Request extends IncomingMessage {
  /** What came of the body before it was asked for. */
  #held: Buffer[] | undefined;
  #heldBytes = 0;
  #reader: BodyReader | undefined;
  #isDropped = false;
  #onEnd: (() => void) | undefined;

  /** As `Exchange.openBody`. */
  openBody(reader: BodyReader): void {
    if (this.#isDropped) return;
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#reader = reader;
    let wantsMore = true;
    for (const piece of held) wantsMore = reader.take(piece);
    if (wantsMore) this.resumeBody();
    if (this.complete) this.#end();
  }

  /** As `Exchange.resumeBody`. */
  resumeBody(): void {
    // What a stream calls when it wants more: Node reads from the connection again.
    this._read(0);
  }

  /**
   * Drop what has come of the body and what still comes.
   *
   * @param onEnd Called at the end of the body, if that has not come yet.
   */
  dropBody(onEnd?: () => void): void {
    this.#isDropped = true;
    this.#held = undefined;
    this.#reader = undefined;
    this.#onEnd = onEnd;
    this.resumeBody();
  }

  /**
   * Node's parser calls this with each piece of the body, and with null at its end.
   *
   * @returns Whether to read on from the connection.
   */
  override push(piece: Buffer | null): boolean {
    if (piece === null) {
      this.#end();
      return false;
    }
    if (this.#isDropped) return true;
    if (this.#reader !== undefined) return this.#reader.take(piece);
    this.#held ??= [];
    this.#heldBytes += piece.byteLength;
    return this.#held.push(piece) < maxHeldPieces && this.#heldBytes < maxHeldBytes;
  }

  #end(): void {
    const reader = this.#reader;
    const onEnd = this.#onEnd;
    this.#reader = undefined;
    this.#onEnd = undefined;
    reader?.end();
    onEnd?.();
  }
}

// Node reads it to tell whether the client broke off, and to free a request that was answered. TypeScript
// has no other way to override a property by an accessor.
Object.defineProperty(Http1Request.prototype, "readableEnded", {
  get(this: NodeRequest): boolean {
    return this.complete;
  },
});
