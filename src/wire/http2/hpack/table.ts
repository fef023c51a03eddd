import { staticLength, staticNames, staticValues } from "./static-table.ts";

/** What an entry counts for beside its name and value (RFC 7541, section 4.1). */
export const entryBytes = 32;

/** SETTINGS_HEADER_TABLE_SIZE, ours and the most that we use of theirs: the default, so nobody must announce it. */
export const maxTableBytes = 4_096;

/** A power of two, because the ring below counts with a mask. */
const maxEntries = maxTableBytes / entryBytes;
const mask = maxEntries - 1;

/** What a peer's indices stand for: the static table, then the dynamic one, newest first (RFC 7541, section 2.3). */
export class HpackTable {
  // Rings. Names and values apart, so that an entry is no object.
  readonly #names: string[] = new Array<string>(maxEntries).fill("");
  readonly #values: string[] = new Array<string>(maxEntries).fill("");
  /** Where the next entry goes. */
  #next = 0;
  #count = 0;
  #bytes = 0;
  #maxBytes = maxTableBytes;

  /** As section 4.1 counts. Never above `maxTableBytes`. */
  get bytes(): number {
    return this.#bytes;
  }

  has(index: number): boolean {
    return index > 0 && index <= staticLength + this.#count;
  }

  /** @param index One that the table has. */
  name(index: number): string {
    return (
      index <= staticLength ? staticNames[index] : this.#names[this.#slot(index - staticLength)]
    ) as string;
  }

  /** @param index One that the table has. */
  value(index: number): string {
    return (
      index <= staticLength ? staticValues[index] : this.#values[this.#slot(index - staticLength)]
    ) as string;
  }

  /** @param age 1 for the newest entry. */
  #slot(age: number): number {
    return (this.#next - age) & mask;
  }

  /** Makes room first. An entry that is larger than the table leaves it empty, which is no error (section 4.4). */
  add(name: string, value: string): void {
    const bytes = name.length + value.length + entryBytes;
    this.#evict(this.#maxBytes - bytes);
    if (bytes > this.#maxBytes) return;
    this.#names[this.#next] = name;
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) & mask;
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** @param maxBytes At most `maxTableBytes`. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  /** Drop the oldest entries until no more than so many bytes are left (section 4.3). */
  #evict(bytes: number): void {
    while (this.#bytes > bytes && this.#count > 0) {
      const oldest = this.#slot(this.#count);
      const [name, value] = [this.#names[oldest] as string, this.#values[oldest] as string];
      this.#bytes -= name.length + value.length + entryBytes;
      this.#count -= 1;
      // Otherwise the ring would hold texts that the table has given up.
      this.#names[oldest] = "";
      this.#values[oldest] = "";
    }
  }
}
