import { copyBytes, writeInteger, writeText } from "./bytes.ts";
import {
  type KnownField,
  type KnownName,
  knownField,
  knownName,
  maxKnownFields,
} from "./fields.ts";
import { staticLength } from "./static-table.ts";
import { entryBytes, maxTableBytes } from "./table.ts";

/** The sending side of one connection's header compression. */
export type HpackEncoder = {
  /**
   * Write a field block. Blocks must be sent in the order in which they were written, all of them.
   *
   * @param fields Names and values in turn, names in lower case, pseudo-fields first. Blanks around a value are
   *   left out.
   * @param to With room for `listBytes(fields)` bytes after `at`.
   * @returns Where the block ends.
   * @throws TypeError if a name cannot be sent. Nothing has changed then.
   */
  write(fields: readonly string[], to: Buffer, at: number): number;
  /** The peer's SETTINGS_HEADER_TABLE_SIZE, for the blocks after our acknowledgement (RFC 9113, section 4.3.1). */
  setMaxTableSize(bytes: number): void;
};

/**
 * The size of a list of fields as SETTINGS_MAX_HEADER_LIST_SIZE counts it (RFC 9113, section 6.5.2). The bytes
 * of its block are always fewer.
 */
export function listBytes(fields: readonly string[]): number {
  let bytes = (fields.length / 2) * entryBytes;
  for (let index = 0; index < fields.length; index++) bytes += (fields[index] as string).length;
  return bytes;
}

/**
 * An encoder that fills the peer's table with fields that come again, until it is full, and then leaves it
 * as it is. So it need not know how a peer evicts, and a field keeps its place.
 */
export function createHpackEncoder(): HpackEncoder {
  return new Encoder();
}

/** The names of the block at hand. */
const names: KnownName[] = [];

class Encoder implements HpackEncoder {
  /** For each known field: the how manieth it was that the peer's table got, or 0. */
  readonly #places = new Uint8Array(maxKnownFields);
  #added = 0;
  #bytes = 0;
  /** The size of the peer's table. It never grows again, because no peer needs that (RFC 7541, section 4.2). */
  #maxBytes = maxTableBytes;
  /** The size that the next block announces. */
  #nextMaxBytes = maxTableBytes;

  setMaxTableSize(bytes: number): void {
    this.#nextMaxBytes = Math.min(this.#nextMaxBytes, bytes);
  }

  write(fields: readonly string[], to: Buffer, at: number): number {
    // All names first, because one of them may be refused.
    for (let index = 0; index < fields.length; index += 2) {
      names[index / 2] = knownName(fields[index] as string);
    }
    let end = this.#nextMaxBytes < this.#maxBytes ? this.#shrink(to, at) : at;
    for (let index = 0; index < fields.length; index += 2) {
      const [name, value] = [fields[index] as string, fields[index + 1] as string];
      end = this.#writeField(name, names[index / 2] as KnownName, value, to, end);
    }
    return end;
  }

  /** The first update empties the table, so that nobody must agree on what is evicted (RFC 7541, section 4.2). */
  #shrink(to: Buffer, at: number): number {
    this.#maxBytes = this.#nextMaxBytes;
    const isEmpty = this.#added === 0 || this.#maxBytes === 0;
    const start = isEmpty ? at : writeInteger(to, at, 0x20, 5, 0);
    this.#places.fill(0);
    this.#added = 0;
    this.#bytes = 0;
    return writeInteger(to, start, 0x20, 5, this.#maxBytes);
  }

  #writeField(name: string, known: KnownName, value: string, to: Buffer, at: number): number {
    const field = knownField(name, known, value);
    if (field === undefined) return writeText(to, copyBytes(to, at, known.literal), value);
    const place = this.#places[field.id] as number;
    // The newest entry of the table has the lowest index (RFC 7541, section 2.3.3).
    if (place > 0) return writeInteger(to, at, 0x80, 7, staticLength + 1 + this.#added - place);
    return copyBytes(to, at, this.#add(field) ? field.indexed : field.literal);
  }

  #add(field: KnownField): boolean {
    if (field.isStatic || this.#bytes + field.tableBytes > this.#maxBytes) return false;
    this.#bytes += field.tableBytes;
    this.#added += 1;
    this.#places[field.id] = this.#added;
    return true;
  }
}
