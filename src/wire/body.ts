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

/** Read a whole request body, in time linear in its size. */
export function readBody({ head, body }: Exchange, reader: BodyReader): void {
  const { maxBytes, maxMessageBytes } = reader;
  const chunks: Buffer[] = [];
  let bytes = 0;
  let isRefused = false;
  const refuse = (text: string) => {
    isRefused = true;
    reader.refuse(refusal("messageTooLarge", text));
  };
  const refuseSize = () => refuse(`message is larger than ${maxMessageBytes} bytes`);

  if (Number(head.headers["content-length"]) > maxBytes) {
    refuseSize();
    return;
  }
  body.on("data", (chunk: Buffer) => {
    // What comes after a refusal is dropped, not kept.
    if (isRefused) return;
    bytes += chunk.byteLength;
    if (bytes > maxBytes) refuseSize();
    else if (chunks.push(chunk) > maxBodyChunks) {
      refuse("the request body came in too many pieces");
    }
  });
  body.on("end", () => {
    if (isRefused) return;
    reader.done(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
  });
}
