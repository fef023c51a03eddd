import type { Buffer } from "node:buffer";
import { BulkError } from "../bulk-error.ts";
import { createPosition } from "./position.ts";
import { createValueScanner, type ValueScanner } from "./value-scanner.ts";

/** A longer record is passed over, in bytes. As long as a line of an import may be. */
export const maxRecordBytes = 8_388_608;

/** Nesting inside a record. A person has four levels. */
export const maxRecordDepth = 64;

/** Names on the way to a record. They are held while their value is read. */
const maxKeyBytes = 1_024;

/** Levels above the records. */
const maxPathDepth = 32;

/** Records that are handed on together. A chunk may have many more, of a few bytes each. */
export const maxRecordsAtOnce = 1_000;

/** What to do with a value: read it as a record, look inside, count it, or pass over it. */
export type Wish = "record" | "enter" | "count" | "skip";

/** A value of the document. */
export type JsonRecord = {
  /** Where it is: the names of members, and `*` for an element of a list. */
  readonly path: readonly string[];
  /** The place in each of the lists of the path, from 0. */
  readonly places: readonly number[];
  /** Its JSON. `undefined` if it was only counted, or is too long or too deep. */
  readonly json: Buffer | undefined;
  readonly wish: "record" | "count";
};

/** What may come next. "first …": of a container that may end instead. */
type Expected = "value" | "first value" | "name" | "first name" | "colon" | "comma" | "end";

const [quote, comma, colon] = [0x22, 0x2c, 0x3a];
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];
const isBlank = (byte: number) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * Read the records of one JSON document, however long it is. Holds one record and one chunk at a time.
 *
 * Only records are read whole. What is passed over is followed just far enough to find its end.
 *
 * @param wishFor What to do with the value at a path. A value that is no object and no list has nothing inside.
 * @returns Some records of a chunk, with the bytes read so far.
 * @throws BulkError if the document is not JSON, or ends early.
 */
export async function* jsonRecords(
  chunks: AsyncIterable<Buffer>,
  wishFor: (path: readonly string[]) => Wish,
): AsyncGenerator<{ readonly records: readonly JsonRecord[]; readonly bytes: number }> {
  const reader = createDocumentReader(wishFor);
  let bytes = 0;
  for await (const chunk of chunks) {
    const mark = bytes === 0 && chunk[0] === 0xef ? 3 : 0;
    const groups = reader.read(chunk.subarray(mark), bytes + mark);
    bytes += chunk.byteLength;
    for (const records of groups) yield { records, bytes };
  }
  reader.end(bytes);
}

/** Reads the chunks of one document in turn. */
function createDocumentReader(wishFor: (path: readonly string[]) => Wish) {
  const position = createPosition();
  let path: readonly string[] = [];
  let expected: Expected = "value";
  let wish: Wish = "skip";
  let name = "";
  /** Of the value or the name that has begun. */
  let scanner: ValueScanner | undefined;
  let records: JsonRecord[] = [];

  function afterValue(): void {
    position.endValue();
    expected = position.depth() === 0 ? "end" : "comma";
  }

  function beginValue(byte: number): void {
    path = position.pathOfNext(name);
    wish = wishFor(path);
    const isList = byte === openList;
    if (wish !== "enter" || !(isList || byte === openObject)) {
      scanner = createValueScanner(wish === "record" ? maxRecordBytes : 0, maxRecordDepth);
      return;
    }
    if (position.depth() >= maxPathDepth) throw new Error("it is nested too deep");
    position.enter(path, isList);
    expected = isList ? "first value" : "first name";
  }

  function endContainer(byte: number): void {
    if (!position.leave(byte === closeList)) throw new Error("a bracket is wrong");
    afterValue();
  }

  function endScan({ length, json }: ValueScanner): void {
    scanner = undefined;
    if (length() === 0) throw new Error("a value is missing");
    if (expected === "name" || expected === "first name") {
      name = nameFrom(json());
      expected = "colon";
      return;
    }
    if (wish === "record" || wish === "count") {
      records.push({ path, places: position.places(), json: json(), wish });
    }
    afterValue();
  }

  function takeRecords(): readonly JsonRecord[] {
    const taken = records;
    records = [];
    return taken;
  }

  /** Take a byte between values. If a value or a name begins with it, there is a scanner afterwards. */
  function take(byte: number): void {
    const mayEnd = expected === "comma" || expected === "first value" || expected === "first name";
    if (mayEnd && (byte === closeList || byte === closeObject)) endContainer(byte);
    else if (expected === "value" || expected === "first value") beginValue(byte);
    else if (expected === "end") throw new Error("there is more behind its end");
    else if (expected === "colon") {
      if (byte !== colon) throw new Error("a colon is missing");
      expected = "value";
    } else if (expected === "comma") {
      if (byte !== comma) throw new Error("a comma is missing");
      expected = position.isInList() ? "value" : "name";
    } else {
      if (byte !== quote) throw new Error("a name is missing");
      scanner = createValueScanner(maxKeyBytes, 1);
    }
  }

  function readOn(chunk: Buffer, at: number): number {
    if (scanner !== undefined) {
      const end = scanner.scan(chunk, at);
      if (end !== undefined) endScan(scanner);
      return end ?? chunk.byteLength;
    }
    const byte = chunk[at] as number;
    if (!isBlank(byte)) take(byte);
    return scanner === undefined ? at + 1 : at;
  }

  return {
    /** @param from Bytes of the document before the chunk. */
    *read(chunk: Buffer, from: number): Generator<readonly JsonRecord[]> {
      let at = 0;
      while (at < chunk.byteLength) {
        try {
          at = readOn(chunk, at);
        } catch (error) {
          throw refusal(error, from + at);
        }
        if (records.length >= maxRecordsAtOnce) yield takeRecords();
      }
      if (records.length > 0) yield takeRecords();
    },
    /** @throws BulkError if the document is not over. */
    end(bytes: number): void {
      if (scanner?.isScalar() && position.depth() === 0) endScan(scanner);
      if (expected !== "end") throw refusal(new Error("it ends early"), bytes);
    },
  };
}

function refusal(error: unknown, at: number): unknown {
  if (!(error instanceof Error)) return error;
  return new BulkError(`not JSON that can be imported: ${error.message} near byte ${at}`);
}

function nameFrom(json: Buffer | undefined): string {
  if (json === undefined) throw new Error("a name is too long");
  try {
    return JSON.parse(json.toString());
  } catch {
    throw new Error("a name is not a text");
  }
}
