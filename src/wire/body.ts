import { Buffer } from "node:buffer";
import type { Readable } from "node:stream";
import type { Exchange } from "./exchange.ts";
import { bodyTimeoutMs, maxBodyChunks } from "./limits.ts";
import { refusal } from "./refusal.ts";

/**
 * Read a whole request body, in time linear in its size.
 *
 * @param maxBytes Checked against the declared length, and again while the body arrives, so no more
 *   than this is ever held.
 * @param maxMessageBytes What the client is told: a body also holds what its protocol adds.
 * @throws ConnectError resource_exhausted above `maxBytes`, or in more than `maxBodyChunks` pieces.
 * @throws ConnectError deadline_exceeded after `bodyTimeoutMs`, whatever the call's own deadline.
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
    const timer = setTimeout(
      () => settle(() => reject(refusal("bodyTooSlow", "the request body came too slowly"))),
      bodyTimeoutMs,
    );

    const onData = (chunk: Buffer) => {
      bytes += chunk.byteLength;
      chunks.push(chunk);
      if (bytes > maxBytes) {
        settle(() => reject(tooLarge()));
      } else if (chunks.length > maxBodyChunks) {
        settle(() =>
          reject(refusal("messageTooLarge", "the request body came in too many pieces")),
        );
      }
    };
    const onEnd = () =>
      settle(() => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    const onGone = () => settle(() => reject(refusal("canceled", "the client broke off")));

    function settle(finish: () => void): void {
      clearTimeout(timer);
      body.off("data", onData).off("end", onEnd).off("close", onGone).off("error", onGone);
      // An error that comes later must still find a listener, or it would end the process.
      body.on("error", () => undefined);
      finish();
    }

    body.on("data", onData).on("end", onEnd).on("close", onGone).on("error", onGone);
  });
}
