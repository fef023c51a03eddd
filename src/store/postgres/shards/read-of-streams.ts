import { rowFromTexts } from "../../search/gather.ts";
import type { Row } from "../../sql/rows.ts";
import type { SqlStatement, Value } from "../../sql/sql.ts";
import type { WireValue } from "../connection/wire-values.ts";
import type { Postgres } from "../database.ts";
import type { PartQuestion } from "./part-reads.ts";
import type { Part } from "./shard-map.ts";

/**
 * Read rows of some streams where they stand.
 *
 * @param wanted The statement for those of the streams that stand together.
 * @param columns Of its rows, with commas between them.
 * @returns `undefined`: the whole must be asked.
 */
export async function readOfStreams(
  { parts, shards }: Pick<Postgres, "parts" | "shards">,
  streams: readonly string[],
  wanted: (streams: readonly string[]) => SqlStatement,
  columns: string,
): Promise<Row[] | undefined> {
  if (parts === undefined) return undefined;
  const questions: PartQuestion[] = [];
  for (const [part, own] of Map.groupBy(streams, shards.partOf)) {
    if (part === undefined) return undefined;
    questions.push(questionOf(part, wanted(own)));
  }
  const answers = await parts.ask(questions);
  const names = columns.split(", ");
  return answers?.flat().map((row) => rowFromTexts(row, names));
}

/** A statement, asked of one part. */
export function questionOf(part: Part, { text, values }: SqlStatement): PartQuestion {
  return { part, text, values: values.map(wireValue) };
}

/** A list is sent as text, because the statement says of what type it is. */
function wireValue(value: Value): WireValue {
  if (typeof value !== "object" || value instanceof Uint8Array) return value;
  return `{${value.map(quoted).join(",")}}`;
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
