import { Buffer } from "node:buffer";
import type { ConnectError } from "@connectrpc/connect";
import type { Exchange } from "./exchange.ts";
import { maxBodyChunks } from "./limits.ts";
import { refusal } from "./refusal.ts";

/** What a body may be, and who waits for it. */
export type BodyReader = {
  /**
   * Checked against the declared length, and again while the body arrives, so no more than this is
   * ever held.
   */
  readonly maxBytes: number;
  /** What the client is told: a body also holds what its protocol adds. */
  readonly maxMessageBytes: number;
  /** Called once with the whole body, even of a client that broke off: `onGone` tells of that. */
  readonly done: (body: Buffer) => void;
  /** Called once instead: resource_exhausted above the limit, or in more than 1,024 pieces. */
  readonly refuse: (error: ConnectError) => void;
};

/**
 * Read a whole request body, in time linear in its size.
 *
 * Node keeps a stream for a while after its end, and with it all that its listeners hold; so they let
 * go of the call as soon as it has its body.
 */
export function readBody({ head, body }: Exchange, reader: BodyReader): void {
  const { maxBytes, maxMessageBytes } = reader;
  let waiting: BodyReader | undefined = reader;
  let chunks: Buffer[] = [];
  let bytes = 0;
  const refuse = (text: string) => {
    const refused = waiting;
    waiting = undefined;
    chunks = [];
    refused?.refuse(refusal("messageTooLarge", text));
  };
  const refuseSize = () => refuse(`message is larger than ${maxMessageBytes} bytes`);

  if (Number(head.headers["content-length"]) > maxBytes) {
    refuseSize();
    return;
  }
  body.on("data", (chunk: Buffer) => {
    // What comes after a refusal is dropped, not kept.
    if (waiting === undefined) return;
    bytes += chunk.byteLength;
    if (bytes > maxBytes) refuseSize();
    else if (chunks.push(chunk) > maxBodyChunks) {
      refuse("the request body came in too many pieces");
    }
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
