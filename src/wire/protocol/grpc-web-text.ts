import { Buffer } from "node:buffer";
import { refusal } from "../refusal.ts";

/** Whether a request speaks the text form of gRPC-Web, in which the whole body is base64. */
export function isGrpcWebText(contentType: string): boolean {
  return /^application\/grpc-web-text(?:[+;]|$)/i.test(contentType);
}

/** Encode frames as base64. A body may consist of several such texts, each with its own padding. */
export function textFromFrames(frames: Uint8Array): Buffer {
  return Buffer.from(Buffer.from(frames).toString("base64"));
}

/**
 * Decode base64 that was written in pieces: each piece may end with its own padding.
 *
 * @throws ConnectError invalid_argument if it is not base64.
 */
export function framesFromText(body: Buffer): Buffer {
  const text = body.toString("latin1");
  if (!/^[A-Za-z0-9+/=\s]*$/.test(text)) throw notBase64();
  const pieces = text.replace(/\s+/g, "").match(/[^=]+={0,2}|=+/g) ?? [];
  return Buffer.concat(
    pieces.map((piece) => {
      if (piece.length % 4 !== 0 || piece.startsWith("=")) throw notBase64();
      return Buffer.from(piece, "base64");
    }),
  );
}

/**
 * The same while the body arrives, in pieces that may be cut anywhere.
 *
 * @throws ConnectError invalid_argument if it is not base64.
 */
export async function* framesFromTextStream(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest = "";
  for await (const piece of pieces) {
    const text = rest + piece.toString("latin1").replace(/\s+/g, "");
    const end = text.length - (text.length % 4);
    rest = text.slice(end);
    if (end > 0) yield framesFromText(Buffer.from(text.slice(0, end), "latin1"));
  }
  if (rest !== "") throw notBase64();
}

function notBase64(): Error {
  return refusal("messageMalformed", "the body is not base64");
}
