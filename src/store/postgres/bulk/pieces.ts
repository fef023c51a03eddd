import type { AppendResult } from "../../change/append.ts";
import type { AppendRow } from "../../change/append-row.ts";
import { isContested } from "../append/append-at-once.ts";
import { roundsOf, withoutContested } from "../append/append-batch.ts";
import { appendRows } from "../append/append-rows.ts";
import type { Connection } from "../connection/connection.ts";
import { PipelineError, type PipelineStatement } from "../connection/pipeline.ts";
import { isDuplicate } from "../postgres-error.ts";
import { areNew, statementsOfNew } from "./new-streams.ts";

/** A part of a batch. The rows of a stream stand in one piece, unless the batch has the stream twice. */
export type Piece = {
  readonly rows: readonly AppendRow[];
  /** They write the rows as if nothing of them were there, all or none; `undefined`: they are written step by step. */
  readonly statements: readonly PipelineStatement[] | undefined;
};

/** Streams of a piece. If one of them cannot be written, all are written again, step by step. */
const pieceStreams = 512;

const savepoint = { name: "at-once-begin", text: "savepoint at_once" };
const release = { name: "at-once-end", text: "release savepoint at_once" };
const undo = { name: "at-once-undo", text: "rollback to savepoint at_once" };

/**
 * Cut the rows of a batch into pieces. Their statements are made when a piece is full, so that they are ready when the
 * server is.
 *
 * @param mayBeAtOnce Whether there may be statements. Only where all tables are on one node.
 */
export function createPieces(mayBeAtOnce: boolean): {
  add(row: AppendRow): void;
  /** All pieces since the last call. */
  take(): Piece[];
} {
  let pieces: Piece[] = [];
  let rows: AppendRow[] = [];
  let streams = 0;

  function end(): void {
    if (rows.length === 0) return;
    // What comes behind a piece without statements is written step by step, too.
    const isAtOnce = mayBeAtOnce && pieces.every(({ statements }) => statements !== undefined);
    pieces.push({ rows, statements: isAtOnce ? statementsOf(rows) : undefined });
    rows = [];
    streams = 0;
  }

  return {
    add(row) {
      if (row.stream !== rows.at(-1)?.stream) {
        if (streams === pieceStreams) end();
        streams += 1;
      }
      rows.push(row);
    },
    take() {
      end();
      const all = pieces;
      pieces = [];
      return all;
    },
  };
}

function statementsOf(rows: readonly AppendRow[]): PipelineStatement[] | undefined {
  const [chains = [], ...others] = roundsOf(rows);
  if (others.length > 0 || !areNew(chains)) return undefined;
  if (withoutContested(chains).length < chains.length) return undefined;
  return [savepoint, ...statementsOfNew(chains), release];
}

/**
 * Append the rows of pieces within the transaction of the connection.
 *
 * @returns What became of each row.
 */
export async function appendPieces(
  connection: Connection,
  pieces: readonly Piece[],
): Promise<AppendResult[]> {
  const written = await appendAtOnce(connection, pieces);
  // After a conflict there are often more, as when an input is imported a second time.
  const rest = pieces.slice(written).flatMap(({ rows }) => rows);
  return [
    ...pieces.slice(0, written).flatMap(({ rows }) => rows.map(() => "appended" as const)),
    ...(await appendRows(connection, rest)),
  ];
}

/** @returns How many of the pieces were written: all before the first with a conflict, or without statements. */
async function appendAtOnce(connection: Connection, pieces: readonly Piece[]): Promise<number> {
  const ends: number[] = [];
  const all: PipelineStatement[] = [];
  for (const { statements } of pieces) {
    if (statements === undefined) break;
    all.push(...statements);
    ends.push(all.length);
  }
  if (all.length === 0) return 0;
  try {
    await connection.run(all);
    return ends.length;
  } catch (error) {
    if (!(error instanceof PipelineError && (isContested(error) || isDuplicate(error))))
      throw error;
    await connection.run([undo]);
    return ends.filter((end) => end <= error.place).length;
  }
}
