import { Buffer } from "node:buffer";
import type { Readable } from "node:stream";
import type { Exchange } from "./exchange.ts";
import { maxBodyChunks } from "./limits.ts";
import { refusal } from "./refusal.ts";

/**
 * Read a whole request body, in time linear in its size.
 *
 * @param maxBytes Checked against the declared length, and again while the body arrives, so no more
 *   than this is ever held.
 * @param maxMessageBytes What the client is told: a body also holds what its protocol adds.
 * @throws ConnectError resource_exhausted above `maxBytes`, or in more than `maxBodyChunks` pieces.
 * @throws ConnectError canceled if the client breaks off.
 */
export async function readBody(
  { head, body }: Exchange,
  maxBytes: number,
  maxMessageBytes: number,
): Promise<Buffer> {
  const tooLarge = () =>
    refusal("messageTooLarge", `message is larger than ${maxMessageBytes} bytes`);
  if (Number(head.headers["content-length"]) > maxBytes) throw tooLarge();
  return readWhole(body, maxBytes, tooLarge);
}

function readWhole(body: Readable, maxBytes: number, tooLarge: () => Error): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let isRefused = false;
    const refuse = (error: Error) => {
      isRefused = true;
      reject(error);
    };
    const onGone = () => refuse(refusal("canceled", "the client broke off"));

    body.on("data", (chunk: Buffer) => {
      // What comes after a refusal is dropped, not kept.
      if (isRefused) return;
      bytes += chunk.byteLength;
      if (bytes > maxBytes) {
        refuse(tooLarge());
      } else if (chunks.push(chunk) > maxBodyChunks) {
        refuse(refusal("messageTooLarge", "the request body came in too many pieces"));
      }
    });
    body.once("end", () => {
      body.off("close", onGone);
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
    body.once("close", onGone);
    // Stays: an error that comes later must still find a listener, or it would end the process.
    body.on("error", onGone);
  });
}
