import type { AppendResult } from "../change/append.ts";
import type { AppendRow } from "../change/append-row.ts";
import { outcomesFromResults, rowsFromNewStreams } from "../change/new-stream.ts";
import { type Micros, OutcomeUnknownError } from "../event-store.ts";
import { headPageSql, pageFromRows } from "../sql/head-pages.ts";
import {
  forgetRejected,
  keepRejected,
  moveNotes,
  progressFromRow,
  rejectedFromRow,
  rejectedLines,
  selectProgress,
  selectRejected,
} from "../sql/import-notes.ts";
import type { Sql } from "../sql/sql.ts";
import {
  type BatchLines,
  type HeadRange,
  type NewStream,
  type NewStreamOutcome,
  OvertakenError,
  type Transfer,
} from "../transfer.ts";
import { appendStatement, resultsFromRows, roundsOf, withoutContested } from "./append-batch.ts";
import type { Connection } from "./connection/connection.ts";
import type { Postgres } from "./database.ts";
import { isDuplicate, outcomeFromError, unavailableFrom } from "./postgres-error.ts";
import { maxRetries, pauseBeforeRetry } from "./retry.ts";
import { statementOf } from "./statement.ts";

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
  const read = (whole: Sql) => database.read(statementOf(whole));
  let isClosed = false;

  async function attempt(
    streams: readonly NewStream[],
    rows: readonly AppendRow[],
    lines: BatchLines,
  ): Promise<NewStreamOutcome[] | "again"> {
    const connection = await link.get();
    let isCommitting = false;
    try {
      await connection.query({ text: "begin" });
      // First, because another import of the same input then waits, and is told that it was overtaken.
      await moveImport(connection, lines);
      const outcomes = outcomesFromResults(streams, await append(connection, rows));
      const isStored = outcomes.map((outcome) => outcome === "stored");
      await noteRejected(connection, lines, rejectedLines(lines, isStored));
      isCommitting = true;
      await connection.query({ text: "commit" });
      return outcomes;
    } catch (error) {
      if (error instanceof OvertakenError) {
        await connection.query({ text: "rollback" });
        throw error;
      }
      const outcome = outcomeFromError(error);
      // Another node took a name or an id between two looks: at the next it is there to be seen.
      const isAgain = isDuplicate(error) || outcome === "retry";
      const isLost = outcome === "ambiguous" || outcome === "elsewhere";
      if (isLost) connection.destroy();
      else if (connection.isOpen()) await connection.query({ text: "rollback" });
      if (isCommitting && outcome === "ambiguous") {
        throw new OutcomeUnknownError("a connection was lost during a commit", { cause: error });
      }
      if (isAgain || isLost) return "again";
      throw outcome === "bug" ? error : unavailableFrom(error);
    }
  }

  return {
    async write(streams, lines) {
      const rows = rowsFromNewStreams(streams, now(), database.keysOf);
      for (let retries = 0; retries <= maxRetries; retries += 1) {
        const outcomes = await attempt(streams, rows, lines);
        if (outcomes !== "again") return outcomes;
        await pauseBeforeRetry();
      }
      throw unavailableFrom(new Error("the batch lost to other transactions again and again"));
    },

    async complete() {},

    batchSize: () => batchStreams,

    async progress(source) {
      const [row] = await read(selectProgress(source));
      return row && progressFromRow(row);
    },

    async rejected(source, behind) {
      const [row] = await read(selectRejected(source, behind));
      return row && rejectedFromRow(row);
    },

    async heads<State>(range: HeadRange) {
      return pageFromRows<State>(await read(headPageSql(range.after, range.limit)), range);
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

/**
 * Move the notes of an import, within the transaction of its batch.
 *
 * @throws OvertakenError if another import has moved the progress, or tried the rejected lines.
 */
async function moveImport(connection: Connection, lines: BatchLines): Promise<void> {
  const moved = await connection.query(statementOf(moveNotes(lines)));
  if (moved.length === 0) throw new OvertakenError();
  const forget = forgetRejected(lines);
  if (forget !== undefined) await connection.query(statementOf(forget));
}

/** Note lines that are to be tried again, within the transaction of the batch, after `moveImport`. */
async function noteRejected(
  connection: Connection,
  lines: BatchLines,
  rejected: readonly number[],
): Promise<void> {
  const keep = keepRejected(lines, rejected);
  if (keep !== undefined) await connection.query(statementOf(keep));
}
