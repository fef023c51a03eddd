import type { Buffer } from "node:buffer";
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

/** One JSON document, read from its first byte to its last. */
export interface JsonDocument {
  /**
   * Read a byte, or a value as far as the chunk has it.
   *
   * @returns Where to read on.
   * @throws Error if that is not JSON, or is nested too deep.
   */
  readOn(chunk: Buffer, at: number): number;
  /** Nothing more comes. @returns Whether the document is whole. */
  end(): boolean;
}

/**
 * Follow a document byte by byte.
 *
 * @param wishFor What to do with the value at a path.
 * @param found Called for each value that is a record or is counted, when it has ended.
 */
export function createJsonDocument(
  wishFor: (path: readonly string[]) => Wish,
  found: (record: JsonRecord) => void,
): JsonDocument {
  const position = createPosition();
  let path: readonly string[] = [];
  let expected: Expected = "value";
  let wish: Wish = "skip";
  let name = "";
  /** Of the value or the name that has begun. */
  let scanner: ValueScanner | undefined;

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
    if (wish === "record" || wish === "count")
      found({ path, places: position.places(), json: json(), wish });
    afterValue();
  }

  /** Take a byte between values. If a value or a name begins with it, there is a scanner afterwards. */
  function take(byte: number): void {
    if (mayEnd(expected) && (byte === closeList || byte === closeObject)) endContainer(byte);
    else if (expected === "value" || expected === "first value") beginValue(byte);
    else if (expected === "name" || expected === "first name") {
      if (byte !== quote) throw new Error("a name is missing");
      scanner = createValueScanner(maxKeyBytes, 1);
    } else expected = afterMark(expected, byte, position.isInList());
  }

  return {
    readOn(chunk, at) {
      if (scanner !== undefined) {
        const end = scanner.scan(chunk, at);
        if (end !== undefined) endScan(scanner);
        return end ?? chunk.byteLength;
      }
      const byte = chunk[at] as number;
      if (!isBlank(byte)) take(byte);
      return scanner === undefined ? at + 1 : at;
    },
    end() {
      // A number has no end of its own.
      if (scanner?.isScalar() && position.depth() === 0) endScan(scanner);
      return expected === "end";
    },
  };
}

/** Whether a container may end here. */
function mayEnd(expected: Expected): boolean {
  return expected === "comma" || expected === "first value" || expected === "first name";
}

/** What may come after a colon or a comma, if the byte is the one that was expected. */
function afterMark(
  expected: "colon" | "comma" | "end",
  byte: number,
  isInList: boolean,
): "value" | "name" {
  if (expected === "end") throw new Error("there is more behind its end");
  if (byte !== (expected === "colon" ? colon : comma)) throw new Error(`a ${expected} is missing`);
  return expected === "colon" || isInList ? "value" : "name";
}

function nameFrom(json: Buffer | undefined): string {
  if (json === undefined) throw new Error("a name is too long");
  try {
    return JSON.parse(json.toString());
  } catch {
    throw new Error("a name is not a text");
  }
}
