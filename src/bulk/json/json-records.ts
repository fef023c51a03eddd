import type { Buffer } from "node:buffer";
import { BulkError } from "../bulk-error.ts";
import { createJsonDocument, type JsonRecord, type Wish } from "./json-document.ts";

/** Records that are handed on together. A chunk may have many more, of a few bytes each. */
export const maxRecordsAtOnce = 1_000;

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
  const reader = createChunkReader(wishFor);
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
function createChunkReader(wishFor: (path: readonly string[]) => Wish) {
  let records: JsonRecord[] = [];
  const document = createJsonDocument(wishFor, (record) => records.push(record));

  function takeRecords(): readonly JsonRecord[] {
    const taken = records;
    records = [];
    return taken;
  }

  return {
    /** @param from Bytes of the document before the chunk. */
    *read(chunk: Buffer, from: number): Generator<readonly JsonRecord[]> {
      let at = 0;
      while (at < chunk.byteLength) {
        try {
          at = document.readOn(chunk, at);
        } catch (error) {
          throw refusal(error, from + at);
        }
        if (records.length >= maxRecordsAtOnce) yield takeRecords();
      }
      if (records.length > 0) yield takeRecords();
    },
    /** @throws BulkError if the document is not over. */
    end(bytes: number): void {
      if (!document.end()) throw refusal(new Error("it ends early"), bytes);
    },
  };
}

function refusal(error: unknown, at: number): unknown {
  if (!(error instanceof Error)) return error;
  return new BulkError(`not JSON that can be imported: ${error.message} near byte ${at}`);
}
