import { Buffer } from "node:buffer";
import type { ConnectError } from "@connectrpc/connect";
import { crumbled } from "../../body.ts";
import type { BodyReader, Exchange } from "../../http/exchange.ts";
import { isCrumbled } from "../../limits.ts";
import { refusal } from "../../refusal.ts";
import { assertKnownFlags, envelopeHeadBytes } from "../envelope.ts";

/** Pieces of one message that are kept apart. Each costs a hundred bytes beside its own. */
const maxPiecesApart = 256;

/**
 * The body as it arrives. It is opened when its first piece is wanted, which is after the gate. No more is
 * asked of the client while pieces wait.
 */
export class BodyPieces implements BodyReader {
  readonly #exchange: Exchange;
  #waiting: Buffer[] = [];
  #isWhole = false;
  #failure: ConnectError | undefined;
  #wake = () => {};

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  take(piece: Buffer): boolean {
    this.#waiting.push(piece);
    this.#wake();
    return false;
  }

  end(): void {
    this.#isWhole = true;
    this.#wake();
  }

  /** It does not come any more, so whoever reads it gets this error. */
  breakOff(reason: ConnectError): void {
    this.#failure = reason;
    this.#waiting = [];
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    this.#exchange.openBody(this);
    for (;;) {
      const pieces = this.#waiting;
      this.#waiting = [];
      yield* pieces;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#waiting.length > 0) continue;
      if (this.#isWhole) return;
      this.#exchange.resumeBody();
      if (!this.#isReady()) await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Asking for more may bring it at once. */
  #isReady(): boolean {
    return this.#waiting.length > 0 || this.#isWhole || this.#failure !== undefined;
  }
}

/** The reason of a stream whose client has left. */
export function clientGone(): ConnectError {
  return refusal("canceled", "the client has gone");
}

/** How the messages of a stream are taken in. */
export type MessageInput = {
  /** Bytes of one message, as sent. */
  readonly maxMessageBytes: number;
  /** As `createMessageTurns`. */
  readonly nextTurn: () => Promise<void> | undefined;
};

/**
 * Cut a body into whole envelopes, in time linear in its size. The reader of `@connectrpc/connect` adds up
 * all pieces again for each piece that arrives, so a message in one-byte pieces would take quadratic time.
 *
 * If a declared length is above `maxMessageBytes`, only the head of that envelope is passed on: the reader
 * refuses it, with the error that its protocol has for that.
 *
 * @throws ConnectError resource_exhausted for a message in too many small pieces, invalid_argument for unknown flags.
 */
export async function* wholeEnvelopes(
  body: AsyncIterable<Buffer>,
  { maxMessageBytes, nextTurn }: MessageInput,
): AsyncGenerator<Uint8Array> {
  let pieces: Buffer[] = [];
  let held = 0;
  let wanted = envelopeHeadBytes;
  let arrived = 0;
  for await (const piece of body) {
    if (pieces.push(piece) > maxPiecesApart) pieces = [Buffer.concat(pieces)];
    held += piece.byteLength;
    arrived += 1;
    if (held < wanted && isCrumbled(arrived, held)) throw crumbled();
    while (held >= wanted) {
      const joined: Buffer = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
      const length = joined.readUInt32BE(1);
      if (length > maxMessageBytes) {
        yield joined.subarray(0, envelopeHeadBytes);
        throw refusal("messageTooLarge", `message is larger than ${maxMessageBytes} bytes`);
      }
      const end = envelopeHeadBytes + length;
      const isWhole = held >= end;
      if (isWhole) {
        assertKnownFlags(joined.readUInt8(0));
        arrived = 0;
        const turn = nextTurn();
        if (turn !== undefined) await turn;
        yield joined.subarray(0, end);
      }
      const rest = isWhole ? joined.subarray(end) : joined;
      pieces = [rest];
      held = rest.byteLength;
      wanted = isWhole ? envelopeHeadBytes : end;
    }
  }
  if (held > 0) yield Buffer.concat(pieces);
}

/** The body of a call whose headers are wrong: reading it throws the error. */
// biome-ignore lint/correctness/useYield: an iterable that fails at once.
export async function* failing(error: ConnectError): AsyncGenerator<never> {
  throw error;
}
