import { countEvents, type EventRow, eventRows } from "../../change/append-row.ts";
import type { PipelineStatement } from "../connection/pipeline.ts";
import type { KeyTexts } from "../keys/key-rows.ts";
import { type Chain, lastOf, streamOf } from "./append-batch.ts";
import {
  type HeadWrite,
  inOrder,
  type KeyMove,
  keyMoves,
  keysStatements,
} from "./append-statements.ts";

/**
 * Beyond this number, a few statements with lists take less of the server's time. A short list takes more, because the
 * server makes a new plan for it each time.
 */
const maxStatements = 12;

/** A search key that is replaced. */
type Replaced = KeyMove & { readonly from: string; readonly to: KeyTexts };

/**
 * As `writeHeads`, with statements of their own for each head, search key and event. For tables that are not
 * distributed: a distributed engine plans each statement anew.
 *
 * @returns `undefined` if the chains are too many, or bring more than heads, events and search keys that are replaced.
 */
export function writeFewHeads(unsorted: readonly Chain[]): HeadWrite | undefined {
  if (unsorted.length > maxStatements || !unsorted.every(isPlain)) return undefined;
  const chains = inOrder(unsorted);
  const moves = chains.flatMap(keyMoves);
  const replaced = moves.filter(isReplaced);
  const events = chains.reduce((count, { rows }) => count + rows.reduce(withEvents, 0), 0);
  const count = chains.length + replaced.length + events;
  if (replaced.length < moves.length || count > maxStatements) return undefined;
  return {
    statements: [
      ...chains.map(headStatement),
      ...replaced.map(keyStatement),
      ...chains.flatMap(eventStatements),
    ],
    doneFrom(results) {
      const isDone = (place: number) => (results[place]?.length ?? 0) > 0;
      const unwritten = new Set(chains.filter((_, place) => !isDone(place)).map(streamOf));
      const missed = replaced.filter(
        ({ stream }, place) => !unwritten.has(stream) && !isDone(chains.length + place),
      );
      return { unwritten, repair: keysStatements(missed) };
    },
  };
}

const withEvents = (count: number, row: Chain["rows"][number]) => count + countEvents(row);

/** Whether a chain changes a head that is there, sets no attributes and erases nothing. */
function isPlain({ rows }: Chain): boolean {
  if (rows[0].after === undefined) return false;
  return rows.every(({ attributes, erases }) => attributes === undefined && !erases);
}

function isReplaced(move: KeyMove): move is Replaced {
  return move.from !== undefined && move.to !== undefined;
}

const headKind = {
  name: "advance-one",
  text: `update heads set version = $2::bigint, change = $3::uuid, after = $4::uuid,
      created_at = $5::bigint, changed_at = $6::bigint, state = $7, status = $8
    where stream = $1 and change = $4::uuid returning stream`,
};

function headStatement(chain: Chain): PipelineStatement {
  const [{ stream, createdAt, after = null }] = chain.rows;
  const { version, change, changedAt, state, status } = lastOf(chain);
  const values = [stream, version, change, after, createdAt, changedAt, state, status];
  return { ...headKind, values };
}

/** What comes behind the heads is written only if the head holds the last change of its chain. */
const keyKind = {
  name: "move-one-key",
  text: `update search_keys set folded = $5, text = $6, rest = $7
    where space = $3::bigint and folded = $4 and stream = $1
      and exists (select 1 from heads h where h.stream = $1 and h.change = $2::uuid)
    returning stream`,
};

function keyStatement({ stream, last, space, from, to }: Replaced): PipelineStatement {
  return { ...keyKind, values: [stream, last, String(space), from, to.folded, to.text, to.rest] };
}

const eventKind = {
  name: "append-one-event",
  text: `insert into events (stream, version, change, type, data, creator, at, request)
    select h.stream, $3::bigint, $4::uuid, $5, $6, $7, $8::bigint, $9
    from heads h where h.stream = $1 and h.change = $2::uuid`,
};

function eventStatements(chain: Chain): PipelineStatement[] {
  const last = lastOf(chain).change;
  return eventRows(chain.rows).map(([stream, ...rest]: EventRow) => ({
    ...eventKind,
    values: [stream, last, ...rest],
  }));
}
