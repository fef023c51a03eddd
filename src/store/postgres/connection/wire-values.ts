import { Buffer } from "node:buffer";

/**
 * Values of one column, sent as one array. In binary, because the text of an array quotes and escapes each value, and
 * the server reads it letter by letter.
 */
export type ColumnValues =
  | { readonly type: "text"; readonly values: readonly (string | null)[] }
  | { readonly type: "bigint"; readonly values: readonly (number | bigint)[] }
  | { readonly type: "uuid"; readonly values: readonly (string | null)[] }
  | { readonly type: "bytea"; readonly values: readonly Uint8Array[] };

/** A value of a statement: a column, or a single value, which is sent as text unless it is bytes. */
export type WireValue = ColumnValues | string | number | Uint8Array | null;

/** A column of texts. */
export const texts = (values: readonly (string | null)[]): ColumnValues => ({
  type: "text",
  values,
});
/** A column of integers of up to 64 bits. Those that a number cannot hold exactly are given as bigints. */
export const integers = (values: readonly (number | bigint)[]): ColumnValues => ({
  type: "bigint",
  values,
});
/** A column of UUIDs. */
export const uuids = (values: readonly (string | null)[]): ColumnValues => ({
  type: "uuid",
  values,
});

/** The numbers that PostgreSQL gives its types: `select oid from pg_type`. They never change. */
const typeNumbers = { bytea: 17, bigint: 20, text: 25, uuid: 2950 } as const;

const isNull = -1;
const uuidBytes = 16;
/** Where the two digits of each byte begin in the text of a UUID. */
const uuidPlaces = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
/** The value of each hexadecimal digit, by the number of its character. */
const digitValues = new Uint8Array(128);
for (let value = 0; value < 16; value += 1) {
  const digit = value.toString(16);
  digitValues[digit.charCodeAt(0)] = value;
  digitValues[digit.toUpperCase().charCodeAt(0)] = value;
}
const bigintBytes = 8;
/** Of a character, in UTF-8. A character outside the basic plane has two places in a string. */
const bytesPerPlace = 3;
const twoTo32 = 2 ** 32;

/** Writes messages of PostgreSQL's protocol one after another into one buffer. */
export class WireWriter {
  #buffer = Buffer.allocUnsafe(16_384);
  #at = 0;

  /** What was written. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  /** Write a message: its letter, its length, and what `body` writes. */
  message(letter: string, body: () => void): void {
    this.#reserve(5);
    this.#buffer[this.#at] = letter.charCodeAt(0);
    const lengthAt = this.#at + 1;
    this.#at += 5;
    body();
    this.#buffer.writeInt32BE(this.#at - lengthAt, lengthAt);
  }

  /** Text that ends with a zero byte. */
  terminated(text: string): void {
    this.#reserve(text.length * bytesPerPlace + 1);
    this.#at += this.#buffer.write(text, this.#at);
    this.#buffer[this.#at] = 0;
    this.#at += 1;
  }

  int16(value: number): void {
    this.#reserve(2);
    this.#at = this.#buffer.writeInt16BE(value, this.#at);
  }

  int32(value: number): void {
    this.#reserve(4);
    this.#at = this.#buffer.writeInt32BE(value, this.#at);
  }

  /** A value, behind its length. */
  value(value: WireValue): void {
    if (value === null) this.int32(isNull);
    else if (typeof value === "string") this.#text(value);
    else if (typeof value === "number") this.#text(String(value));
    else if (value instanceof Uint8Array) this.#bytes(value);
    else this.#column(value);
  }

  /** As `array_recv` of the server reads it. */
  #column(column: ColumnValues): void {
    this.#reserve(24);
    const lengthAt = this.#at;
    this.#at += 4;
    const { length } = column.values;
    this.int32(length === 0 ? 0 : 1);
    this.int32(column.type === "text" || column.type === "uuid" ? 1 : 0);
    this.int32(typeNumbers[column.type]);
    if (length > 0) {
      this.int32(length);
      this.int32(1);
      this.#elements(column);
    }
    this.#buffer.writeInt32BE(this.#at - lengthAt - 4, lengthAt);
  }

  #elements(column: ColumnValues): void {
    switch (column.type) {
      case "text":
        for (const each of column.values) each === null ? this.int32(isNull) : this.#text(each);
        break;
      case "bigint":
        for (const each of column.values) this.#bigint(each);
        break;
      case "uuid":
        for (const each of column.values) each === null ? this.int32(isNull) : this.#uuid(each);
        break;
      case "bytea":
        for (const each of column.values) this.#bytes(each);
    }
  }

  #text(text: string): void {
    this.#reserve(text.length * bytesPerPlace + 4);
    const length = this.#buffer.write(text, this.#at + 4);
    this.#buffer.writeInt32BE(length, this.#at);
    this.#at += 4 + length;
  }

  #bigint(value: number | bigint): void {
    this.#reserve(4 + bigintBytes);
    this.#buffer.writeInt32BE(bigintBytes, this.#at);
    if (typeof value === "bigint") this.#buffer.writeBigInt64BE(value, this.#at + 4);
    else {
      this.#buffer.writeInt32BE(Math.floor(value / twoTo32), this.#at + 4);
      this.#buffer.writeUInt32BE(value >>> 0, this.#at + 8);
    }
    this.#at += 4 + bigintBytes;
  }

  #uuid(text: string): void {
    this.#reserve(4 + uuidBytes);
    this.int32(uuidBytes);
    // Digit by digit: to take the hyphens out of the text and to let Node decode it takes four times as long.
    for (const place of uuidPlaces) {
      const high = digitValues[text.charCodeAt(place)] ?? 0;
      const low = digitValues[text.charCodeAt(place + 1)] ?? 0;
      this.#buffer[this.#at] = (high << 4) | low;
      this.#at += 1;
    }
  }

  #bytes(bytes: Uint8Array): void {
    this.#reserve(4 + bytes.byteLength);
    this.#buffer.writeInt32BE(bytes.byteLength, this.#at);
    this.#buffer.set(bytes, this.#at + 4);
    this.#at += 4 + bytes.byteLength;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#buffer.byteLength) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.byteLength));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}
