import { Buffer } from "node:buffer";
import { flags, frameTypes, headBytes, maxPayloadBytes } from "./frames.ts";
import { createHpackEncoder, listBytes } from "./hpack/encoder.ts";

/** Bytes of a slab. Small frames of one turn share it; a connection that has nothing to send has none. */
export const slabBytes = 16_384;

/** Larger payloads are passed on as they are. */
const maxCopiedBytes = 2_048;

/** Slabs with room that no connection uses at the moment. */
const spareSlabs: Slab[] = [];
const maxSpareSlabs = 16;

/** What is written stays as it is, because the system may not have taken it yet. */
type Slab = { readonly bytes: Buffer; at: number };

/** Writes frames (RFC 9113, section 4.1), one behind the other, into as few pieces of memory as possible. */
export class FrameWriter {
  readonly encoder = createHpackEncoder();
  #pieces: Uint8Array[] = [];
  /** Of what is in `#pieces`. */
  #bytes = 0;
  #slab: Slab | undefined;
  /** Where in the slab what is not in `#pieces` begins. */
  #from = 0;

  /** Bytes that were written and not taken. */
  get bytes(): number {
    return this.#bytes + (this.#slab?.at ?? 0) - this.#from;
  }

  /** A whole frame. */
  frame(type: number, bits: number, streamId: number, payload: Uint8Array): void {
    const isCopied = payload.length <= maxCopiedBytes;
    const slab = this.#roomFor(headBytes + (isCopied ? payload.length : 0));
    writeHead(slab, payload.length, type, bits, streamId);
    if (isCopied) {
      slab.bytes.set(payload, slab.at);
      slab.at += payload.length;
    } else {
      this.#seal(slab);
      this.#push(payload);
    }
  }

  /** A frame whose payload is one number (sections 6.4 and 6.9). */
  number(type: number, streamId: number, value: number): void {
    const slab = this.#roomFor(headBytes + 4);
    writeHead(slab, 4, type, 0, streamId);
    slab.at = slab.bytes.writeUInt32BE(value, slab.at);
  }

  /**
   * A field block (section 6.2).
   *
   * @param fields Names and values in turn.
   * @throws TypeError if one cannot be sent. Then nothing is written.
   */
  block(streamId: number, bits: number, fields: readonly string[]): void {
    const most = listBytes(fields);
    if (most > slabBytes - headBytes) {
      this.#largeBlock(streamId, bits, fields, Buffer.allocUnsafe(most));
      return;
    }
    const slab = this.#roomFor(headBytes + most);
    const start = slab.at + headBytes;
    const end = this.encoder.write(fields, slab.bytes, start);
    writeHead(slab, end - start, frameTypes.headers, bits | flags.endHeaders, streamId);
    slab.at = end;
  }

  /** In as many frames as it needs (section 6.10). */
  #largeBlock(streamId: number, bits: number, fields: readonly string[], to: Buffer): void {
    const block = to.subarray(0, this.encoder.write(fields, to, 0));
    for (let at = 0; at < block.length; at += maxPayloadBytes) {
      const isLast = at + maxPayloadBytes >= block.length;
      const type = at === 0 ? frameTypes.headers : frameTypes.continuation;
      const set = (at === 0 ? bits : 0) | (isLast ? flags.endHeaders : 0);
      this.frame(type, set, streamId, block.subarray(at, at + maxPayloadBytes));
    }
  }

  #roomFor(bytes: number): Slab {
    const slab = this.#slab;
    if (slab !== undefined && slab.at + bytes <= slabBytes) return slab;
    if (slab !== undefined) this.#seal(slab);
    let next = spareSlabs.pop();
    // A head may be larger than the room that others have left in it.
    if (next === undefined || next.at + bytes > slabBytes) {
      next = { bytes: Buffer.allocUnsafeSlow(slabBytes), at: 0 };
    }
    this.#slab = next;
    this.#from = next.at;
    return next;
  }

  /** What is in the slab so far is a piece to be written. */
  #seal(slab: Slab): void {
    if (slab.at === this.#from) return;
    this.#push(slab.bytes.subarray(this.#from, slab.at));
    this.#from = slab.at;
  }

  #push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** Everything that was written since the last call. */
  take(): readonly Uint8Array[] {
    const slab = this.#slab;
    if (slab !== undefined) {
      this.#seal(slab);
      this.#slab = undefined;
      this.#from = 0;
      if (slab.at + maxCopiedBytes <= slabBytes && spareSlabs.length < maxSpareSlabs)
        spareSlabs.push(slab);
    }
    const pieces = this.#pieces;
    if (pieces.length > 0) this.#pieces = [];
    this.#bytes = 0;
    return pieces;
  }
}

/** Section 4.1. */
function writeHead(slab: Slab, length: number, type: number, bits: number, streamId: number): void {
  const { bytes, at } = slab;
  bytes.writeUInt32BE(length * 256 + type, at);
  bytes[at + 4] = bits;
  bytes.writeUInt32BE(streamId, at + 5);
  slab.at = at + headBytes;
}
