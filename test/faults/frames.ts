/** HTTP/2 as bytes. These functions check nothing, so that they can also write what is invalid. */

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const frameFlags = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

const nothing = Buffer.alloc(0);

/**
 * One frame (RFC 9113 section 4.1).
 *
 * @param length The length in the head. Default: that of the payload. Another one makes the frame invalid.
 */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = nothing,
  length = payload.byteLength,
): Buffer {
  const bytes = Buffer.alloc(9 + payload.byteLength);
  bytes.writeUIntBE(length & 0xffffff, 0, 3);
  bytes.writeUInt8(type & 0xff, 3);
  bytes.writeUInt8(flags & 0xff, 4);
  bytes.writeUInt32BE(streamId >>> 0, 5);
  bytes.set(payload, 9);
  return bytes;
}

export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** What a client sends first: the preface, its settings, and a window as large as can be. */
export const opening = Buffer.concat([
  preface,
  frame(frameTypes.settings, 0, 0),
  windowUpdate(0, 0x7fff0000),
]);

export function windowUpdate(streamId: number, increment: number): Buffer {
  return frame(frameTypes.windowUpdate, 0, streamId, uint32(increment));
}

export function reset(streamId: number, code = 8): Buffer {
  return frame(frameTypes.reset, 0, streamId, uint32(code));
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export type Fields = readonly (readonly [name: string, value: string])[];

/** A header block in HPACK's plainest form: literal, not indexed, no Huffman (RFC 7541 section 6.2.2). */
export function headerBlock(fields: Fields): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.of(0), hpackText(name), hpackText(value)]),
  );
}

/**
 * A field that enters HPACK's dynamic table as its newest entry (RFC 7541 section 6.2.1), and the
 * one byte that repeats it.
 */
export const indexedField = (name: string, value: string) =>
  Buffer.concat([Buffer.of(0x40), hpackText(name), hpackText(value)]);
export const newestField = 0x80 | 62;

function hpackText(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([hpackInteger(bytes.byteLength, 7), bytes]);
}

/** RFC 7541 section 5.1. */
function hpackInteger(value: number, prefixBits: number): Buffer {
  const most = 2 ** prefixBits - 1;
  if (value < most) return Buffer.of(value);
  const bytes = [most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** A HEADERS frame with a whole header block. */
export function headers(streamId: number, fields: Fields, flags: number = frameFlags.endHeaders) {
  return frame(frameTypes.headers, flags, streamId, headerBlock(fields));
}

/** DATA frames of at most 16,384 bytes; the last one ends the stream. */
export function data(streamId: number, body: Uint8Array): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < body.byteLength; at += 16_384) {
    const isLast = at + 16_384 >= body.byteLength;
    const part = body.subarray(at, at + 16_384);
    frames.push(frame(frameTypes.data, isLast ? frameFlags.endStream : 0, streamId, part));
  }
  return Buffer.concat(frames);
}
