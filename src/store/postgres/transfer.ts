import type { AppendResult } from "../append.ts";
import type { AppendRow } from "../append-row.ts";
import { type Micros, OutcomeUnknownError } from "../event-store.ts";
import { pageFromRows } from "../head-page.ts";
import { fatesFromResults, rowsFromNewStreams } from "../new-stream.ts";
import { headColumns } from "../rows.ts";
import type { HeadRange, Progress, Transfer } from "../transfer.ts";
import { appendStatement, resultsFromRows, roundsOf, withoutContested } from "./append-batch.ts";
import type { Connection } from "./connector.ts";
import type { Postgres } from "./database.ts";
import { fateFromError, isDuplicate, unavailableFrom } from "./postgres-error.ts";
import { maxRetries, pauseBeforeRetry } from "./retry.ts";

/** The locks of a batch are held for as long as it takes, and few others want them. */
const batchStreams = 2_000;

/** Transfers of a PostgreSQL database. Each batch is a transaction of a few statements. */
export function createPostgresTransfer(options: {
  database: Postgres;
  now: () => Micros;
}): Transfer {
  const { database, now } = options;
  database.acquire();
  const link = database.link();
  let isClosed = false;

  async function attempt(
    rows: readonly AppendRow[],
    progress: Progress,
  ): Promise<AppendResult[] | "again"> {
    const connection = await link.get();
    let isCommitting = false;
    try {
      await connection.query({ text: "begin" });
      const results = await append(connection, rows);
      await connection.query(noteStatement(progress));
      isCommitting = true;
      await connection.query({ text: "commit" });
      return results;
    } catch (error) {
      const fate = fateFromError(error);
      // Another node took a name or an id between two looks: at the next it is there to be seen.
      const isAgain = isDuplicate(error) || fate === "retry";
      const isLost = fate === "ambiguous" || fate === "elsewhere";
      if (isLost) connection.destroy();
      else if (connection.isOpen()) await connection.query({ text: "rollback" });
      if (isCommitting && fate === "ambiguous") {
        throw new OutcomeUnknownError("a connection was lost during a commit", { cause: error });
      }
      if (isAgain || isLost) return "again";
      throw fate === "bug" ? error : unavailableFrom(error);
    }
  }

  return {
    async write(streams, progress) {
      const rows = rowsFromNewStreams(streams, now(), database.keysOf);
      for (let retries = 0; retries <= maxRetries; retries += 1) {
        const results = await attempt(rows, progress);
        if (results !== "again") return fatesFromResults(streams, results);
        await pauseBeforeRetry();
      }
      throw unavailableFrom(new Error("the batch lost to other transactions again and again"));
    },

    async complete() {},

    batchSize: () => batchStreams,

    async progress(source) {
      const [row] = await database.read({
        text: "select lines, digest from imports where source = $1",
        values: [source],
      });
      return row && { source, lines: Number(row.lines), digest: String(row.digest) };
    },

    async heads<State>(range: HeadRange) {
      const rows = await database.read({
        text: `select stream, ${headColumns} from heads where stream > $1 order by stream limit $2`,
        values: [range.after, range.limit],
      });
      return pageFromRows<State>(rows, range);
    },

    async close() {
      if (isClosed) return;
      isClosed = true;
      await database.release();
    },
  };
}

/**
 * Streams of one statement. The planner does not know how long its lists will be and joins them in
 * nested loops, so that time grows with the square: 2,000 at once take three times as long as a
 * hundred twenty times.
 */
const statementChains = 100;

/** Within the transaction of the connection. */
async function append(connection: Connection, rows: readonly AppendRow[]): Promise<AppendResult[]> {
  const results = new Map<AppendRow, AppendResult>();
  for (const round of roundsOf(rows)) {
    // One statement cannot tell who of two was first to claim a name; the second has one of its own.
    for (let left = round; left.length > 0; ) {
      const chains = withoutContested(left.slice(0, statementChains));
      const refused = resultsFromRows(await connection.query(appendStatement(chains)));
      for (const chain of chains) {
        const result = refused.get(chain.rows[0].stream) ?? "appended";
        for (const row of chain.rows) results.set(row, result);
      }
      const written = new Set(chains);
      left = left.filter((chain) => !written.has(chain));
    }
  }
  return rows.map((row) => results.get(row) ?? "conflict");
}

function noteStatement({ source, lines, digest }: Progress) {
  return {
    text: `insert into imports (source, lines, digest) values ($1, $2, $3)
      on conflict (source) do update set lines = excluded.lines, digest = excluded.digest`,
    values: [source, lines, digest],
  };
}
