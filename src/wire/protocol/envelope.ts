import { Buffer } from "node:buffer";
import { refusal } from "../refusal.ts";
import type { Compression } from "./compression.ts";

/** One byte of flags and four of length stand before every message of gRPC and gRPC-Web. */
export const envelopeHeadBytes = 5;

const compressedFlag = 0b1;

/**
 * Take the one message out of the body of a unary call.
 *
 * @param maxBytes Of the message, after decompression.
 * @throws ConnectError unimplemented for no message or more than one, resource_exhausted above
 *   `maxBytes`, internal for a compressed message without a declared compression, invalid_argument
 *   for anything else that is not an envelope.
 */
export function openEnvelope(
  body: Buffer,
  compression: Compression | undefined,
  maxBytes: number,
): Uint8Array {
  if (body.byteLength === 0) throw refusal("messageMissing", "the request has no message");
  if (body.byteLength < envelopeHeadBytes) {
    throw refusal("messageMalformed", "the request ends within the head of its message");
  }
  const flags = body.readUInt8(0);
  const length = body.readUInt32BE(1);
  if (length > maxBytes) {
    throw refusal("messageTooLarge", `message is larger than ${maxBytes} bytes`);
  }
  const end = envelopeHeadBytes + length;
  if (body.byteLength < end) {
    throw refusal(
      "messageMalformed",
      `promised ${length} bytes of message, got ${body.byteLength - envelopeHeadBytes}`,
    );
  }
  if (body.byteLength > end) throw after(body.subarray(end));
  assertKnownFlags(flags);
  const message = body.subarray(envelopeHeadBytes, end);
  if ((flags & compressedFlag) === 0) return message;
  if (compression === undefined) {
    throw refusal(
      "compressionUndeclared",
      "the message is compressed, but no compression is named",
    );
  }
  return compression.decompress(message, maxBytes);
}

/** @throws ConnectError invalid_argument for flags that no message of a request has. */
export function assertKnownFlags(flags: number): void {
  if ((flags & ~compressedFlag) !== 0) {
    throw refusal("messageMalformed", `unknown flags of a message: ${flags}`);
  }
}

/** What is wrong with a body that has more bytes after its message. */
function after(rest: Buffer): Error {
  const isWhole =
    rest.byteLength >= envelopeHeadBytes &&
    rest.byteLength >= envelopeHeadBytes + rest.readUInt32BE(1);
  return isWhole
    ? refusal("messageRepeated", "the request has a second message")
    : refusal("messageMalformed", "the request has bytes behind its message");
}

/** Put the head of an envelope before a message. */
export function sealEnvelope(message: Uint8Array, compression: Compression | undefined): Buffer {
  return compression === undefined
    ? frame(0, message)
    : frame(compressedFlag, compression.compress(message));
}

/** @param flags One byte. */
export function frame(flags: number, payload: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(envelopeHeadBytes + payload.byteLength);
  framed.writeUInt8(flags, 0);
  framed.writeUInt32BE(payload.byteLength, 1);
  framed.set(payload, envelopeHeadBytes);
  return framed;
}
