import { firstRows, gathered } from "../../search/gather.ts";
import type { SearchStatement } from "../../search/search-sql.ts";
import { headColumns, type Row } from "../../sql/rows.ts";
import type { SqlStatement } from "../../sql/sql.ts";
import type { Postgres } from "../database.ts";
import type { PartQuestion, PartReads } from "./part-reads.ts";
import { questionOf, readOfStreams } from "./read-of-streams.ts";

/**
 * Rows that a part gives for a page at most. A page that ends later is put together by the engine, because all rows of
 * all parts before it would have to come here.
 */
const maxPartRows = 1_000;

/** Statements of searches, asked of each part. What is `undefined` must be asked of the engine. */
export type PartedSearch = {
  lookUp(statement: SearchStatement): Promise<readonly Row[] | undefined>;
  scan(
    statement: SearchStatement,
    signal: AbortSignal | undefined,
  ): Promise<readonly Row[] | undefined>;
  /** @param wanted The statement for the heads of some streams: column `stream`, and those of a head. */
  load(
    streams: readonly string[],
    wanted: (streams: readonly string[]) => SqlStatement,
  ): Promise<readonly Row[] | undefined>;
};

type Ask = (questions: readonly PartQuestion[]) => ReturnType<PartReads["ask"]>;

/** @returns `undefined` if tables are not distributed. */
export function createPartedSearch({
  parts: reads,
  shards,
}: Pick<Postgres, "parts" | "shards">): PartedSearch | undefined {
  if (reads === undefined) return undefined;

  async function askEach({ ofParts }: SearchStatement, ask: Ask) {
    const parts = shards.parts();
    if (parts === undefined || ofParts === undefined) return undefined;
    const { statement, gathering } = ofParts;
    const of = (each: SqlStatement) => ask(parts.map((part) => questionOf(part, each)));
    if (gathering.kind === "page") {
      const end = gathering.offset + gathering.limit;
      if (end > maxPartRows) return undefined;
      const asked = firstRows(end, parts.length);
      const first = await of(gathering.firstOf(asked));
      const page = first && gathered(ofParts, first, asked);
      if (page !== undefined || first === undefined) return page;
    }
    const answers = await of(statement);
    return answers && gathered(ofParts, answers);
  }

  return {
    lookUp: (statement) => askEach(statement, reads.ask),
    scan: (statement, signal) => askEach(statement, (all) => reads.scan(all, signal)),

    load: (streams, wanted) =>
      readOfStreams({ parts: reads, shards }, streams, wanted, `stream, ${headColumns}`),
  };
}
