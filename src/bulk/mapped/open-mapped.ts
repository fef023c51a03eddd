import { BulkError } from "../bulk-error.ts";
import { objectOf } from "../fields.ts";
import { keyOfLines, openInputFile, type PreparedSource } from "../import/prepared-source.ts";
import {
  type JsonRecord,
  maxRecordBytes,
  maxRecordDepth,
  type Wish,
} from "../json/json-document.ts";
import { jsonRecords } from "../json/json-records.ts";
import { linesOf, unreadable } from "../lines-of.ts";
import { createLosses, type Losses } from "../losses.ts";
import { createMeter } from "../meter.ts";
import { mappedPerson } from "./mapped-person.ts";
import type { Mapping } from "./mapping.ts";

/**
 * A JSON file of another system, read by a table of where everything is, as lines of an import. The people have no
 * organization there.
 *
 * @throws BulkError if it cannot be read, or has nobody.
 */
export async function openMapped(input: string, mapping: Mapping): Promise<PreparedSource> {
  const file = await openInputFile(input);
  const losses = createLosses();
  const meter = createMeter("bytes", file.size);
  let people = 0;
  try {
    for await (const { records, bytes } of jsonRecords(file.chunks(), wishes(mapping, "count"))) {
      people += records.length;
      meter.show(bytes, bytes);
    }
  } finally {
    meter.end();
  }
  if (people === 0) throw new BulkError(`${input} has nobody at ${mapping.records.join(" or ")}`);
  const lines = () => {
    losses.clear();
    return linesOf(peopleOf(file.chunks(), mapping, losses));
  };
  const key = await keyOfLines(lines());
  return { key, size: undefined, lines: people, chunks: lines, losses, close() {} };
}

function wishes({ records }: Mapping, wish: Wish): (path: readonly string[]) => Wish {
  return (path) => {
    const place = path.join("/");
    if (records.includes(place)) return wish;
    const isOnTheWay = place === "" || records.some((each) => each.startsWith(`${place}/`));
    return isOnTheWay ? "enter" : "skip";
  };
}

async function* peopleOf(
  chunks: AsyncIterable<Buffer>,
  mapping: Mapping,
  losses: Losses,
): AsyncGenerator<readonly object[]> {
  for await (const { records } of jsonRecords(chunks, wishes(mapping, "record"))) {
    yield records.flatMap((record) => lineOf(record, mapping, losses) ?? []);
  }
}

function lineOf(
  { json, places }: JsonRecord,
  mapping: Mapping,
  losses: Losses,
): object | undefined {
  const name = `person ${(places.at(-1) ?? 0) + 1}`;
  if (json === undefined) {
    return unreadable(
      `${name} has more than ${maxRecordBytes} bytes, or more than ${maxRecordDepth} levels`,
    );
  }
  try {
    return mappedPerson(objectOf(JSON.parse(json.toString())), mapping, losses);
  } catch (error) {
    return unreadable(`${name}: ${error instanceof Error ? error.message : error}`);
  }
}
