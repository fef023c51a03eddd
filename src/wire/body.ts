import { Buffer } from "node:buffer";
import type { Readable } from "node:stream";
import { bodyTimeoutMs, maxBodyChunks } from "./limits.ts";
import { refusal } from "./refusal.ts";

/**
 * Read a whole request body, in time linear in its size.
 *
 * @param maxBytes Checked while the body arrives, so no more than this is ever held.
 * @throws ConnectError resource_exhausted above `maxBytes`, or in more than `maxBodyChunks` pieces.
 * @throws ConnectError deadline_exceeded after `bodyTimeoutMs`, whatever the call's own deadline.
 * @throws ConnectError canceled if the client breaks off.
 */
export function readBody(body: Readable, maxBytes: number): Promise<Buffer> {
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
        settle(() => reject(refusal("messageTooLarge", `message is larger than ${maxBytes} bytes`)));
      } else if (chunks.length > maxBodyChunks) {
        settle(() => reject(refusal("messageTooLarge", "the request body came in too many pieces")));
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
