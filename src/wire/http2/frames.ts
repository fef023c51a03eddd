import { Buffer } from "node:buffer";

/** RFC 9113, section 6. */
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

/** The same bit means `endStream` or `ack`, as the type of the frame has it. */
export const flags = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** RFC 9113, section 7. */
export const codes = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
} as const;

/** What a client sends first (RFC 9113, section 3.4). */
export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Bytes of the head of a frame (section 4.1). */
export const headBytes = 9;

/** The largest payload that each side must take, and the largest that we do (section 4.2). */
export const maxPayloadBytes = 16_384;

/**
 * Cuts what arrives into frames. Its fields describe the current frame, so that no object is made for each.
 *
 * A frame that came in one piece is not copied. Of one that comes in several, the pieces are gathered in a
 * buffer of its size, so that a client that sends bytes one by one costs no more than its frame.
 */
export class FrameReader {
  type = 0;
  flags = 0;
  streamId = 0;
  /** Bytes of the payload. */
  length = 0;
  /** Why the frame must not be: an error code, or `codes.noError`. Then there is no payload. */
  fault: number = codes.noError;
  /** Where the payload is. */
  bytes: Buffer = nothing;
  start = 0;
  #input: Buffer = nothing;
  #at = 0;
  /** The head of a frame of which not everything is here, and then all of it. */
  #partial: Buffer | undefined;
  #filled = 0;

  /** @param input What has arrived. Everything before must have been read. */
  push(input: Buffer): void {
    this.#input = input;
    this.#at = 0;
  }

  /** Bytes that were pushed and not read. */
  get left(): number {
    return this.#input.length - this.#at;
  }

  /** Bytes that are set aside for a frame of which not everything is here. */
  get partialBytes(): number {
    return this.#partial?.length ?? 0;
  }

  /** Go to the next frame. @returns Whether there is one, or a head that is at fault. */
  next(): boolean {
    if (this.#partial !== undefined) return this.#gather(this.#partial);
    const left = this.#input.length - this.#at;
    if (left < headBytes) return this.#set(headBytes);
    this.#readHead(this.#input, this.#at);
    if (this.fault !== codes.noError) return true;
    const whole = headBytes + this.length;
    if (left < whole) return this.#set(whole);
    this.bytes = this.#input;
    this.start = this.#at + headBytes;
    this.#at += whole;
    return true;
  }

  /** Put what is left, if anything, aside, in memory of its own: one byte of Node's pool would keep all of the pool. */
  #set(size: number): false {
    if (this.#at === this.#input.length) return false;
    const partial = Buffer.allocUnsafeSlow(size);
    this.#filled = this.#input.copy(partial, 0, this.#at);
    this.#at = this.#input.length;
    this.#partial = partial;
    return false;
  }

  #gather(partial: Buffer): boolean {
    if (!this.#fill(partial)) return false;
    if (partial.length === headBytes) {
      this.#readHead(partial, 0);
      if (this.fault !== codes.noError) return true;
      if (this.length > 0) {
        const whole = Buffer.allocUnsafeSlow(headBytes + this.length);
        partial.copy(whole);
        this.#partial = whole;
        return this.#gather(whole);
      }
    }
    this.bytes = partial;
    this.start = headBytes;
    this.#partial = undefined;
    this.#filled = 0;
    return true;
  }

  #fill(partial: Buffer): boolean {
    const end = Math.min(this.#input.length, this.#at + partial.length - this.#filled);
    this.#filled += this.#input.copy(partial, this.#filled, this.#at, end);
    this.#at = end;
    return this.#filled === partial.length;
  }

  #readHead(bytes: Buffer, at: number): void {
    const first = bytes.readUInt32BE(at);
    this.length = first >>> 8;
    this.type = first & 0xff;
    this.flags = bytes[at + 4] as number;
    // The reserved bit is ignored (section 4.1).
    this.streamId = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    this.fault = faultOf(this.type, this.flags, this.streamId, this.length);
  }
}

const nothing = Buffer.alloc(0);

/**
 * What is wrong with the head of a frame, whatever the state of its stream. An error of size ends the connection
 * also where section 4.2 lets it end the stream, because we would have to skip what the stream sends.
 */
function faultOf(type: number, bits: number, streamId: number, length: number): number {
  const { noError, protocolError, frameSizeError } = codes;
  const isOf = (size: number) => (length === size ? noError : frameSizeError);
  // Section 4.2.
  if (length > maxPayloadBytes) return frameSizeError;
  const isOnStream = streamId !== 0;
  switch (type) {
    case frameTypes.data: // Section 6.1.
      if (!isOnStream) return protocolError;
      return (bits & flags.padded) !== 0 && length < 1 ? frameSizeError : noError;
    case frameTypes.headers: // Section 6.2.
      if (!isOnStream) return protocolError;
      return length < optionalBytes(bits) ? frameSizeError : noError;
    case frameTypes.priority: // Section 6.3.
      return isOnStream ? isOf(5) : protocolError;
    case frameTypes.reset: // Section 6.4.
      return isOnStream ? isOf(4) : protocolError;
    case frameTypes.settings: // Section 6.5.
      if (isOnStream) return protocolError;
      return (bits & flags.ack) !== 0 ? isOf(0) : isOf(length - (length % 6));
    case frameTypes.pushPromise: // Section 8.4: a client cannot push.
      return protocolError;
    case frameTypes.ping: // Section 6.7.
      return isOnStream ? protocolError : isOf(8);
    case frameTypes.goAway: // Section 6.8.
      if (isOnStream) return protocolError;
      return length < 8 ? frameSizeError : noError;
    case frameTypes.windowUpdate: // Section 6.9.
      return isOf(4);
    case frameTypes.continuation: // Section 6.10.
      return isOnStream ? noError : protocolError;
    default: // Section 4.1: unknown types are ignored.
      return noError;
  }
}

/** The bytes before the field block of a HEADERS frame (section 6.2). */
export function optionalBytes(bits: number): number {
  return ((bits & flags.padded) !== 0 ? 1 : 0) + ((bits & flags.priority) !== 0 ? 5 : 0);
}

/** The stream that another one depends on (section 6.3). The highest bit says something else. */
export function dependencyOf(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) & 0x7fffffff;
}
