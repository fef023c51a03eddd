import type { AppendRow } from "../change/append-row.ts";
import { countChanges } from "../change/count-changes.ts";
import { firstRows, outcomesFromResults, rowsFromNewStreams } from "../change/new-stream.ts";
import { createSequence } from "../change/one-after-another.ts";
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
import { latestFromRows, tipColumns } from "../sql/rows.ts";
import type { Sql } from "../sql/sql.ts";
import {
  type BatchLines,
  type HeadRange,
  type NewStreamOutcome,
  OvertakenError,
  type Transfer,
} from "../transfer.ts";
import { statementChains } from "./append/append-rows.ts";
import { readWithHead } from "./attributes.ts";
import { appendPieces, createPieces, type Piece } from "./bulk/pieces.ts";
import type { Connection } from "./connection/connection.ts";
import type { Link } from "./connection/link.ts";
import { beginReadCommitted, rollBack } from "./connection/transaction.ts";
import type { Postgres } from "./database.ts";
import { type CountFolder, createCountFolder } from "./fold-counts.ts";
import { isDuplicate, outcomeFromError, unavailableFrom } from "./postgres-error.ts";
import { maxRetries, pauseBeforeRetry } from "./retry.ts";
import { statementOf } from "./statement.ts";

/** Streams of a batch. Its locks are held until it is stored, but hardly any other writer wants them. */
const batchStreams = 2_048;

/** What a batch is to write, and for each stream which row is its first. */
type Ready = { readonly pieces: readonly Piece[]; readonly firsts: readonly number[] };

/** Transfers of a PostgreSQL database. Each batch is a transaction of a few statements. */
export function createPostgresTransfer(options: {
  database: Postgres;
  now: () => Micros;
}): Transfer {
  const { database, now } = options;
  database.acquire();
  const link = database.link();
  const counts = createCountFolder(database);
  const read = (whole: Sql) => database.read(statementOf(whole));
  const inOrder = createSequence();
  const pieces = createPieces(!database.isCluster);
  let firsts: number[] = [];
  let rowsReady = 0;
  let isClosed = false;

  return {
    prepare(streams) {
      for (const first of firstRows(streams, rowsReady)) firsts.push(first);
      const rows = rowsFromNewStreams(streams, now(), database.keysOf);
      for (const row of rows) pieces.add(row);
      rowsReady += rows.length;
    },

    async write(lines) {
      const batch = { pieces: pieces.take(), firsts };
      firsts = [];
      rowsReady = 0;
      const outcomes = await inOrder(() => writeBatch(link, batch, lines));
      for (const row of countedRows(storedRows(batch, outcomes))) counts.stored(row);
      return outcomes;
    },

    // Searches find everything at once; what follows makes them read less.
    complete: () => counts.foldAll(),

    batchSize: () => batchStreams,

    async latest(streams) {
      const text = `select ${tipColumns} from heads where stream = any ($1::text[])`;
      return latestFromRows(await database.read({ name: "latest", text, values: [streams] }));
    },

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

    attributes: (stream) => readWithHead(database, stream),

    async close() {
      if (isClosed) return;
      isClosed = true;
      await counts.close();
      await database.release();
    },
  };
}

/** @throws As `Transfer.write`. */
async function writeBatch(
  link: Link,
  batch: Ready,
  lines: BatchLines,
): Promise<NewStreamOutcome[]> {
  for (let retries = 0; retries <= maxRetries; retries += 1) {
    const outcomes = await attempt(link, batch, lines);
    if (outcomes !== "again") return outcomes;
    await pauseBeforeRetry();
  }
  throw unavailableFrom(new Error("the batch conflicted with other transactions in every attempt"));
}

function storedRows({ pieces, firsts }: Ready, outcomes: readonly NewStreamOutcome[]): AppendRow[] {
  const rows = pieces.flatMap((piece) => piece.rows);
  const stored = new Set(
    firsts.filter((_, index) => outcomes[index] === "stored").map((first) => rows[first]?.stream),
  );
  return rows.filter(({ stream }) => stored.has(stream));
}

/**
 * What the rows count that the numbers of streams have got, as many as there are at most: each statement that writes heads
 * brings one for an organization and a status.
 */
function countedRows(rows: readonly AppendRow[]) {
  const counted: Parameters<CountFolder["stored"]>[0][] = [];
  for (let from = 0; from < rows.length; from += statementChains) {
    for (const { organization, status } of countChanges(rows.slice(from, from + statementChains))) {
      counted.push({ organization, status, statusBefore: null });
    }
  }
  return counted;
}

/**
 * Store a batch in one transaction.
 *
 * @returns "again" if another transaction was in the way, or if the connection was lost before the commit.
 * @throws OvertakenError if another import of the same input was faster.
 * @throws OutcomeUnknownError if the connection was lost during the commit.
 * @throws StoreUnavailableError if the database cannot be written.
 */
async function attempt(
  link: Link,
  { pieces, firsts }: Ready,
  lines: BatchLines,
): Promise<NewStreamOutcome[] | "again"> {
  const connection = await link.get();
  let isCommitting = false;
  try {
    await connection.query({ text: beginReadCommitted });
    // First, because then another import of the same input waits here and fails with OvertakenError.
    await moveImport(connection, lines);
    const outcomes = outcomesFromResults(firsts, await appendPieces(connection, pieces));
    const isStored = outcomes.map((outcome) => outcome === "stored");
    await noteRejected(connection, lines, rejectedLines(lines, isStored));
    isCommitting = true;
    await connection.query({ text: "commit" });
    return outcomes;
  } catch (error) {
    if (error instanceof OvertakenError) {
      await rollBack(connection);
      throw error;
    }
    const outcome = outcomeFromError(error);
    // Another node took a unique key or an id between our read and our write. The next attempt sees it.
    const isAgain = isDuplicate(error) || outcome === "retry";
    const isLost = outcome === "ambiguous" || outcome === "elsewhere";
    if (isLost) connection.destroy();
    else if (connection.isOpen()) await rollBack(connection);
    if (isCommitting && outcome === "ambiguous") {
      throw new OutcomeUnknownError("a connection was lost during a commit", { cause: error });
    }
    if (isAgain || isLost) return "again";
    throw outcome === "bug" ? error : unavailableFrom(error);
  }
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
