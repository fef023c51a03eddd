import { decodedBound, decodeHuffman } from "./huffman.ts";
import { entryBytes, HpackTable, maxTableBytes } from "./table.ts";

/** A block that is not HPACK. The connection ends with COMPRESSION_ERROR, because its table is lost (RFC 9113, section 4.3). */
export class HpackError extends Error {
  override readonly name = "HpackError";
}

/** What a list of fields may hold. */
export type HpackLimits = {
  /** Names and values, and 32 bytes for each field, as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113, section 6.5.2). */
  readonly maxBytes: number;
  readonly maxFields: number;
};

/** The receiving side of one connection's header compression. */
export type HpackDecoder = {
  /**
   * The work grows with the bytes of the block alone, whatever they stand for. So the caller bounds the block.
   *
   * @param block A whole field block, its fragments joined.
   * @returns Names and values in turn, one character a byte, not checked; or `undefined` if the list is over the
   *   limits. The connection can go on then, because the block was decoded to its end.
   * @throws HpackError
   */
  decode(block: Buffer): string[] | undefined;
  /** Bytes of the dynamic table, as RFC 7541 counts them (section 4.1). */
  readonly tableBytes: number;
};

/** @see HpackDecoder */
export function createHpackDecoder(limits: HpackLimits): HpackDecoder {
  return new Decoder(limits);
}

/** Bytes that continue an integer. They give 28 bits, far more than any length or index here (RFC 7541, section 5.1). */
const maxContinuationBytes = 4;

/** Size updates at the start of a block: the smallest and the last (RFC 7541, section 4.2). */
const maxSizeUpdates = 2;

const noBytes: Buffer = Buffer.alloc(0);

/** Where strings of all connections are decoded, one after another. It grows to what the largest block needs. */
let scratch = Buffer.allocUnsafeSlow(4_096);

class Decoder implements HpackDecoder {
  readonly #limits: HpackLimits;
  readonly #table = new HpackTable();
  // The block at hand, and the place in it.
  #block = noBytes;
  #at = 0;
  /** Of the block at hand. `undefined` once it is over the limits. */
  #list: string[] | undefined;
  /** What the list counts for. */
  #bytes = 0;

  constructor(limits: HpackLimits) {
    this.#limits = limits;
  }

  get tableBytes(): number {
    return this.#table.bytes;
  }

  decode(block: Buffer): string[] | undefined {
    this.#block = block;
    this.#at = 0;
    this.#list = [];
    this.#bytes = 0;
    this.#readSizeUpdates();
    while (this.#at < block.length) this.#readField();
    const list = this.#list;
    this.#block = noBytes;
    this.#list = undefined;
    return list;
  }

  /** RFC 7541, sections 4.2 and 6.3. They are allowed before the first field only. */
  #readSizeUpdates(): void {
    for (let count = 0; ((this.#block[this.#at] ?? 0) & 0xe0) === 0x20; count++) {
      const bytes = this.#readInteger(5);
      if (count >= maxSizeUpdates) throw new HpackError("more than two size updates");
      if (bytes > maxTableBytes) throw new HpackError(`a table of ${bytes} bytes`);
      this.#table.resize(bytes);
    }
  }

  /** RFC 7541, section 6: the first bits say what follows. */
  #readField(): void {
    const first = this.#block[this.#at] as number;
    if (first >= 0x80) this.#readIndexed();
    else if (first >= 0x40) this.#readLiteral(6, true);
    else if (first >= 0x20) throw new HpackError("a size update after a field");
    else this.#readLiteral(4, false);
  }

  /** RFC 7541, section 6.1. */
  #readIndexed(): void {
    const index = this.#check(this.#readInteger(7));
    this.#push(this.#table.name(index), this.#table.value(index));
  }

  /**
   * RFC 7541, section 6.2. A literal that must never be indexed is read like one that is not.
   *
   * @param prefix How many bits the index of the name has in the first byte.
   */
  #readLiteral(prefix: number, isIndexed: boolean): void {
    const isKept = isIndexed || this.#list !== undefined;
    const index = this.#readInteger(prefix);
    // Before the entry is added, because that may evict the entry that has the name (section 4.4).
    const name = index === 0 ? this.#readString(isKept) : this.#table.name(this.#check(index));
    const value = this.#readString(isKept);
    if (isIndexed) this.#table.add(name, value);
    this.#push(name, value);
  }

  #push(name: string, value: string): void {
    if (this.#list === undefined) return;
    this.#bytes += name.length + value.length + entryBytes;
    const isFull = this.#list.length >= 2 * this.#limits.maxFields;
    if (isFull || this.#bytes > this.#limits.maxBytes) this.#list = undefined;
    else this.#list.push(name, value);
  }

  /** Index 0 is never valid, and no other without an entry (RFC 7541, sections 2.3.3 and 6.1). */
  #check(index: number): number {
    if (!this.#table.has(index)) throw new HpackError(`no entry has the index ${index}`);
    return index;
  }

  /** RFC 7541, section 5.1. */
  #readInteger(prefix: number): number {
    const max = (1 << prefix) - 1;
    const first = this.#readByte() & max;
    if (first < max) return first;
    let rest = 0;
    for (let count = 0; count < maxContinuationBytes; count++) {
      const byte = this.#readByte();
      rest |= (byte & 0x7f) << (7 * count);
      if (byte < 0x80) return max + rest;
    }
    throw new HpackError("an integer that is too long");
  }

  #readByte(): number {
    if (this.#at >= this.#block.length) throw new HpackError("the block ends too soon");
    return this.#block[this.#at++] as number;
  }

  /**
   * RFC 7541, section 5.2.
   *
   * @param isKept Whether the text is needed. Otherwise it is only checked, and empty.
   */
  #readString(isKept: boolean): string {
    const isHuffman = (this.#block[this.#at] as number) >= 0x80;
    const length = this.#readInteger(7);
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#block.length)
      throw new HpackError("a string that the block does not hold");
    if (isHuffman) return this.#decodeString(from, isKept);
    return isKept ? this.#block.toString("latin1", from, this.#at) : "";
  }

  #decodeString(from: number, isKept: boolean): string {
    const bound = decodedBound(this.#at - from);
    if (scratch.length < bound) scratch = Buffer.allocUnsafeSlow(bound);
    const length = decodeHuffman(this.#block, from, this.#at, scratch);
    if (length < 0) throw new HpackError("a string that is no Huffman code");
    return isKept ? scratch.toString("latin1", 0, length) : "";
  }
}
