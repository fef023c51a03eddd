/** One message of gRPC or gRPC-Web, or the trailers of gRPC-Web. */
export type Frame = { readonly flags: number; readonly payload: Buffer };

/** A message behind its five bytes of flags and length. */
export function envelope(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([head, message]);
}

/** @throws Error if the last frame is not complete. */
export function framesOf(body: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < body.byteLength; ) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    if (end > body.byteLength) throw new Error("a frame ends too early");
    frames.push({ flags: body.readUInt8(at), payload: body.subarray(at + 5, end) });
    at = end;
  }
  return frames;
}

/** The block of HTTP/1 headers that a trailer frame holds. */
export function trailersFrom(block: string): Headers {
  const lines = block.split("\r\n");
  if (lines.pop() !== "") throw new Error("the trailers do not end with a line end");
  return new Headers(
    lines.map((line) => {
      const [, name, value] = /^([a-z0-9_.-]+):[ ]?(.*)$/.exec(line) ?? [];
      if (name === undefined || value === undefined) throw new Error(`no trailer: ${line}`);
      return [name, value];
    }),
  );
}

/** gRPC-Web text: each block may have its own padding. */
export function bytesFromBase64Blocks(encoded: string): Buffer {
  return Buffer.concat((encoded.match(/[^=]+={0,2}|=+/g) ?? []).map(bytesFromBase64));
}

/** Padded or not; anything else that is no base64 throws. */
export function bytesFromBase64(encoded: string): Buffer {
  const bytes = Buffer.from(encoded, "base64");
  const bare = (value: string) => value.replace(/=*$/, "");
  if (bare(bytes.toString("base64")) !== bare(encoded)) throw new Error(`no base64: ${encoded}`);
  return bytes;
}
