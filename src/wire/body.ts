import { Buffer } from "node:buffer";
import type { ConnectError } from "@connectrpc/connect";
import type { BodyReader, Exchange, RequestHead } from "./http/exchange.ts";
import { heavyBodyBytes, isCrumbled } from "./limits.ts";
import { refusal } from "./refusal.ts";

/** How large a body may be. */
export type BodyLimits = {
  readonly maxBytes: number;
  /** What the client is told: a body also holds what its protocol adds. */
  readonly maxMessageBytes: number;
};

/** Limits of a body, and callbacks for its end. */
export type WholeBodyReader = BodyLimits & {
  /** Called once with the whole body; not if the client breaks off, which `onGone` reports. */
  readonly done: (body: Buffer) => void;
  /** Called once instead: resource_exhausted above the limit, or in too many small pieces. */
  readonly refuse: (error: ConnectError) => void;
};

/** @throws ConnectError resource_exhausted if the head declares a body above the limit. */
export function assertDeclaredLength({ headers }: RequestHead, limits: BodyLimits): void {
  if (Number(headers["content-length"]) > limits.maxBytes) throw tooLarge(limits);
}

function tooLarge({ maxMessageBytes }: BodyLimits): ConnectError {
  return refusal("messageTooLarge", `message is larger than ${maxMessageBytes} bytes`);
}

/** A body or a message that comes in too many small pieces. */
export function crumbled(): ConnectError {
  return refusal("messageTooLarge", "the request body came in too many pieces");
}

/** Read a whole request body, in time linear in its size. No more than the limit is ever held. */
export function readBody(exchange: Exchange, reader: WholeBodyReader): void {
  exchange.openBody(new WholeBody(reader));
}

class WholeBody implements BodyReader {
  /** `undefined` once it was told. A stream may be kept for a while after its end: it must not keep the call. */
  #waiting: WholeBodyReader | undefined;
  #pieces: Buffer[] | undefined;
  #bytes = 0;

  constructor(reader: WholeBodyReader) {
    this.#waiting = reader;
  }

  take(piece: Buffer): boolean {
    const waiting = this.#waiting;
    // What comes after a refusal is dropped, not kept.
    if (waiting === undefined) return true;
    this.#bytes += piece.byteLength;
    this.#pieces ??= [];
    if (this.#bytes > waiting.maxBytes) this.#refuse(waiting, tooLarge(waiting));
    else if (isCrumbled(this.#pieces.push(piece), this.#bytes)) this.#refuse(waiting, crumbled());
    return true;
  }

  #refuse(waiting: WholeBodyReader, error: ConnectError): void {
    this.#waiting = undefined;
    this.#pieces = undefined;
    waiting.refuse(error);
  }

  end(): void {
    const waiting = this.#waiting;
    const pieces = this.#pieces;
    this.#waiting = undefined;
    this.#pieces = undefined;
    waiting?.done(joined(pieces));
  }
}

function joined(pieces: readonly Buffer[] | undefined): Buffer {
  const [only = nothing, ...others] = pieces ?? [];
  return pieces === undefined || others.length === 0 ? only : Buffer.concat(pieces);
}

const nothing = Buffer.alloc(0);

/** The coding of a body that is not compressed. */
const plain = "identity";

/** Whether it may take milliseconds to read a body: it is large or compressed. */
export function isHeavyBody({ headers }: RequestHead, body: Buffer): boolean {
  if (body.byteLength > heavyBodyBytes) return true;
  const coding = headers["grpc-encoding"] ?? headers["content-encoding"] ?? plain;
  return coding !== plain;
}
