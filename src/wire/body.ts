import { Buffer } from "node:buffer";
import type { ConnectError } from "@connectrpc/connect";
import type { Exchange, RequestHead } from "./http/exchange.ts";
import { isCrumbled } from "./limits.ts";
import { refusal } from "./refusal.ts";

/** How large a body may be. */
export type BodyLimits = {
  readonly maxBytes: number;
  /** What the client is told: a body also holds what its protocol adds. */
  readonly maxMessageBytes: number;
};

/** Limits of a body, and callbacks for its end. */
export type BodyReader = BodyLimits & {
  /** Called once with the whole body, also when the client broke off: `onGone` reports that. */
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

/**
 * Read a whole request body, in time linear in its size. No more than the limit is ever held.
 *
 * Node keeps a stream for a while after its end, and with it everything that its listeners refer to. So the
 * listeners drop their reference to the call as soon as it has its body.
 */
export function readBody(exchange: Exchange, reader: BodyReader): void {
  const body = exchange.openBody();
  // While the gate waited, an empty body over HTTP/2 may have ended: Node does not wait for a reader then.
  if (body.readableEnded) {
    reader.done(Buffer.alloc(0));
    return;
  }
  let waiting: BodyReader | undefined = reader;
  let chunks: Buffer[] = [];
  let bytes = 0;
  const refuse = (error: ConnectError) => {
    const refused = waiting;
    waiting = undefined;
    chunks = [];
    refused?.refuse(error);
  };

  body.on("data", (chunk: Buffer) => {
    // What comes after a refusal is dropped, not kept.
    if (waiting === undefined) return;
    bytes += chunk.byteLength;
    if (bytes > waiting.maxBytes) refuse(tooLarge(waiting));
    else if (isCrumbled(chunks.push(chunk), bytes)) refuse(crumbled());
  });
  body.on("end", () => {
    const [only, ...others] = chunks;
    const whole = only !== undefined && others.length === 0 ? only : Buffer.concat(chunks);
    const done = waiting;
    waiting = undefined;
    chunks = [];
    done?.done(whole);
  });
}
