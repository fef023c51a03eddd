import type { Buffer } from "node:buffer";
import { BulkError } from "../bulk-error.ts";
import { createValueScanner } from "./value-scanner.ts";

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

type Frame = { readonly isList: boolean; elements: number };

/** What may come next. "first value": of a list, which may end instead. */
type Expected = "value" | "first value" | "name" | "first name" | "colon" | "comma" | "end";

const bytes = { quote: 0x22, comma: 0x2c, colon: 0x3a } as const;
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];
const isBlank = (byte: number) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * Read the records of one JSON document, however long it is. Holds one record and one chunk at a time.
 *
 * Only records are read whole. What is passed over is followed just far enough to find its end.
 *
 * @param wishFor What to do with the value at a path. A value that is no object and no list has nothing inside.
 * @returns The records of each chunk, with the bytes read so far.
 * @throws BulkError if the document is not JSON, or ends early.
 */
export async function* jsonRecords(
  chunks: AsyncIterable<Buffer>,
  wishFor: (path: readonly string[]) => Wish,
): AsyncGenerator<{ readonly records: readonly JsonRecord[]; readonly bytes: number }> {
  const frames: Frame[] = [];
  let path: string[] = [];
  let expected = "value" as Expected;
  let wish: Wish = "skip";
  let name = "";
  let scanner: ReturnType<typeof createValueScanner> | undefined;
  let isName = false;
  let read = 0;
  let records: JsonRecord[] = [];

  const refuse = (what: string): never => {
    throw new BulkError(`not JSON that can be imported: ${what} near byte ${read}`);
  };

  function endValue(): void {
    const frame = frames.at(-1);
    if (frame !== undefined) frame.elements += 1;
    path = frame?.isList ? path : path.slice(0, -1);
    if (frame === undefined) path = [];
    expected = frame === undefined ? "end" : "comma";
  }

  function beginValue(byte: number): void {
    const frame = frames.at(-1);
    if (frame !== undefined && !frame.isList) path = [...path, name];
    wish = wishFor(frame?.isList ? [...path, "*"] : path);
    const isContainer = byte === openObject || byte === openList;
    if (wish === "enter" && isContainer) {
      if (frames.length >= maxPathDepth) refuse("it is nested too deep");
      if (frame?.isList) path = [...path, "*"];
      frames.push({ isList: byte === openList, elements: 0 });
      expected = byte === openList ? "first value" : "first name";
      return;
    }
    const limit = wish === "record" ? maxRecordBytes : 0;
    scanner = createValueScanner(limit, maxRecordDepth);
  }

  function endContainer(byte: number): void {
    const frame = frames.pop();
    if (frame === undefined || frame.isList !== (byte === closeList)) refuse("a bracket is wrong");
    if (frames.at(-1)?.isList) path = path.slice(0, -1);
    endValue();
  }

  function endScan(json: Buffer | undefined): void {
    scanner = undefined;
    if (isName) {
      isName = false;
      if (json === undefined) return void refuse("a name is too long");
      name = textOf(json, refuse);
      expected = "colon";
      return;
    }
    if (wish === "record" || wish === "count") {
      const at = frames.at(-1)?.isList ? [...path, "*"] : path;
      const places = frames.flatMap(({ isList, elements }) => (isList ? [elements] : []));
      records.push({ path: at, places, json, wish });
    }
    endValue();
  }

  /** @returns Whether the byte begins something that a scanner reads. */
  function take(byte: number): boolean {
    switch (expected) {
      case "first value":
      case "value":
        if (byte === closeList && expected === "first value") endContainer(byte);
        else beginValue(byte);
        return scanner !== undefined;
      case "first name":
      case "name":
        if (byte === closeObject && expected === "first name") endContainer(byte);
        else if (byte !== bytes.quote) refuse("a name is missing");
        else {
          isName = true;
          scanner = createValueScanner(maxKeyBytes, 1);
        }
        return scanner !== undefined;
      case "colon":
        if (byte !== bytes.colon) refuse("a colon is missing");
        expected = "value";
        return false;
      case "comma":
        if (byte === closeList || byte === closeObject) endContainer(byte);
        else if (byte !== bytes.comma) refuse("a comma is missing");
        else expected = frames.at(-1)?.isList ? "value" : "name";
        return false;
      case "end":
        return refuse("there is more behind its end");
    }
  }

  for await (const chunk of chunks) {
    let at = read === 0 && chunk[0] === 0xef ? 3 : 0;
    const before = read;
    while (at < chunk.byteLength) {
      read = before + at;
      if (scanner !== undefined) {
        const end = scanner.scan(chunk, at);
        if (end === undefined) break;
        at = end;
        if (scanner.length() === 0) refuse("a value is missing");
        endScan(scanner.json());
        continue;
      }
      const byte = chunk[at] as number;
      if (isBlank(byte)) at += 1;
      else if (!take(byte)) at += 1;
    }
    read = before + chunk.byteLength;
    if (records.length > 0) yield { records, bytes: read };
    records = [];
  }
  if (scanner?.isScalar() && frames.length === 0) endScan(scanner.json());
  if (expected !== "end") refuse("it ends early");
}

function textOf(json: Buffer, refuse: (what: string) => never): string {
  try {
    return JSON.parse(json.toString());
  } catch {
    return refuse("a name is not a text");
  }
}
