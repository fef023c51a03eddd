import type { AppendResult } from "../change/append.ts";
import { type AppendRow, eventRows } from "../change/append-row.ts";
import { combined } from "../search/key-changes.ts";
import { keyParts } from "../search/key-parts.ts";
import type { Row } from "../sql/rows.ts";
import type { Statement } from "./connection/connection.ts";
import { keyBytes, keyTexts } from "./key-rows.ts";

/**
 * Appends of one stream, each decided on the one before. They are stored together or not at all, depending
 * on the first: only the first can conflict with another writer, and only the first may change the stream's
 * unique keys. So all events are written together, and only the last head.
 */
export type Chain = {
  readonly rows: readonly [AppendRow, ...AppendRow[]];
};

/**
 * Cut a batch into rounds that one statement can write, each with at most one chain of a stream.
 *
 * A hot stream is one long chain, so it costs no more than many streams do, and fewer heads are written. There is
 * a second round only if the unique keys of one stream change twice in one batch, or after other changes.
 */
export function roundsOf(rows: readonly AppendRow[]): Chain[][] {
  const chainsOf = new Map<string, AppendRow[][]>();
  for (const row of rows) {
    const chains = chainsOf.get(row.stream);
    const chain = chains?.at(-1);
    if (chains === undefined) chainsOf.set(row.stream, [[row]]);
    else if (chain?.at(-1)?.change === row.after && row.uniqueKeys === undefined) chain?.push(row);
    else chains.push([row]);
  }
  const rounds: Chain[][] = [];
  for (const chains of chainsOf.values()) {
    for (const [round, chain] of chains.entries()) {
      rounds[round] ??= [];
      rounds[round].push({ rows: chain as [AppendRow, ...AppendRow[]] });
    }
  }
  return rounds;
}

/**
 * Leave out chains with a unique key that another chain of the round also has: one statement cannot tell
 * which was first. They are decided again, and then find the key taken, or free.
 */
export function withoutContested(round: readonly Chain[]): Chain[] {
  const holders = new Map<string, string>();
  return round.filter(({ rows: [{ stream, uniqueKeys = [] }] }) => {
    if (uniqueKeys.some((name) => holders.has(name) && holders.get(name) !== stream)) return false;
    for (const name of uniqueKeys) holders.set(name, stream);
    return true;
  });
}

/**
 * Write chains of different streams in one statement, which commits by itself: one round trip.
 *
 * Heads are locked in the order of their streams, because otherwise two nodes could wait for each other. The
 * first read of `heads` uses the snapshot of the statement, and finds out which streams are new. A later
 * change is found by the condition of the update, which sees the latest row. Every read of a table is a
 * subquery of its own, so that it uses the index whatever size the planner assumes.
 *
 * @returns Its rows are the chains that were not written: see `resultsFromRows`.
 */
export function appendStatement(chains: readonly Chain[]): Statement {
  const firsts = chains.map(({ rows: [first] }) => first);
  const lasts = chains.map(({ rows }) => rows.at(-1) as AppendRow);
  const events = eventRows(chains.flatMap(({ rows }) => rows));
  const withKeys = firsts.filter(({ uniqueKeys }) => uniqueKeys !== undefined);
  const heads = [
    firsts.map(({ stream }) => stream),
    firsts.map(({ organization }) => organization),
    lasts.map(({ version }) => version),
    lasts.map(({ change }) => change),
    firsts.map(({ after }) => after ?? null),
    firsts.map(({ createdAt }) => createdAt),
    lasts.map(({ changedAt }) => changedAt),
    lasts.map(({ state }) => state),
  ];
  const history = [
    events.map(([stream]) => stream),
    events.map(([, version]) => version),
    events.map(([, , change]) => change),
    events.map(([, , , type]) => type),
    events.map(([, , , , data]) => data),
    events.map(([, , , , , creator]) => creator),
    events.map(([, , , , , , at]) => at),
  ];
  const values = [...heads, ...history, ...keyColumns(chains)];
  if (withKeys.length === 0) return { name: "append", text: appendText, values };
  const wanted = withKeys.flatMap(({ stream, uniqueKeys }) =>
    [...new Set(uniqueKeys)].map((name) => ({ stream, name })),
  );
  const names = [
    withKeys.map(({ stream }) => stream),
    wanted.map(({ stream }) => stream),
    wanted.map(({ name }) => name),
  ];
  return { name: "append-unique-keys", text: uniqueKeysText, values: [...values, ...names] };
}

/** The columns of the index rows to delete, and of those to insert. */
function keyColumns(chains: readonly Chain[]): (string | null)[][] {
  const changes = chains.flatMap(({ rows }) => {
    const [{ stream, organization }] = rows;
    const ofChain = combined(rows.map(({ keys }) => keys));
    return ofChain.map(([name, before, after, text]) => {
      const from = before === undefined ? undefined : keyParts(before, keyBytes).folded;
      const to = after === undefined ? undefined : keyTexts(after, text);
      return { stream, organization, name, to, from: from === to?.folded ? undefined : from };
    });
  });
  const gone = changes.filter(({ from }) => from !== undefined);
  const come = changes.flatMap(({ to, ...key }) => (to === undefined ? [] : [{ ...key, ...to }]));
  return [
    gone.map(({ organization }) => organization),
    gone.map(({ name }) => name),
    gone.map(({ from }) => from ?? null),
    gone.map(({ stream }) => stream),
    come.map(({ organization }) => organization),
    come.map(({ name }) => name),
    come.map(({ folded }) => folded),
    come.map(({ stream }) => stream),
    come.map(({ text }) => text),
    come.map(({ rest }) => rest),
  ];
}

/** @param refused The rows of `appendStatement`. */
export function resultsFromRows(refused: readonly Row[]): Map<string, AppendResult> {
  return new Map(
    refused.map(({ stream, taken }) => [String(stream), taken ? "unique-key-taken" : "conflict"]),
  );
}

const batch = `
  batch as (
    select * from unnest(
      $1::text[], $2::text[], $3::bigint[], $4::uuid[], $5::uuid[], $6::bigint[], $7::bigint[],
      $8::text[]
    ) as b (stream, organization, version, change, after, created_at, changed_at, state)
  ),
  latest as (
    select * from batch b
    where (select h.change from heads h where h.stream = b.stream) is not distinct from b.after
  )`;

const written = (condition: string) => `
  written as (
    insert into heads (stream, organization, version, change, after, created_at, changed_at, state)
    select stream, organization, version, change, after, created_at, changed_at, state
    from latest ${condition} order by stream
    on conflict (stream) do update set
      version = excluded.version, change = excluded.change, after = excluded.after,
      changed_at = excluded.changed_at, state = excluded.state
    where heads.change = excluded.after
    returning stream
  ),
  logged as (
    insert into events (stream, version, change, type, data, creator, at)
    select e.* from unnest(
      $9::text[], $10::bigint[], $11::uuid[], $12::text[], $13::text[], $14::text[], $15::bigint[]
    ) as e (stream, version, change, type, data, creator, at)
    where e.stream in (select stream from written)
  ),
  unlisted as (
    delete from search_keys k using unnest(
      $16::text[], $17::text[], $18::text[], $19::text[]
    ) as g (organization, name, folded, stream)
    where k.organization = g.organization and k.name = g.name
      and k.folded = g.folded and k.stream = g.stream
      and g.stream in (select stream from written)
  ),
  listed as (
    insert into search_keys (organization, name, folded, stream, text, rest)
    select c.* from unnest(
      $20::text[], $21::text[], $22::text[], $23::text[], $24::text[], $25::text[]
    ) as c (organization, name, folded, stream, text, rest)
    where c.stream in (select stream from written)
    on conflict (organization, name, folded, stream) do update set
      text = excluded.text, rest = excluded.rest
  )`;

const appendText = `
  with ${batch}, ${written("")}
  select stream, false as taken from batch where stream not in (select stream from written)`;

/** If another transaction takes a key after `claims` was read, the insert violates the primary key. */
const uniqueKeysText = `
  with ${batch},
  wanted as (select * from unnest($27::text[], $28::text[]) as w (stream, name)),
  taken as (
    select w.stream from wanted w
    where (select c.stream from claims c where c.name = w.name) <> w.stream
  ),
  ${written("where stream not in (select stream from taken)")},
  released as (
    delete from claims c
    where c.stream = any ($26::text[]) and c.stream in (select stream from written)
      and not exists (select 1 from wanted w where w.stream = c.stream and w.name = c.name)
  ),
  claimed as (
    insert into claims (name, stream)
    select w.name, w.stream from wanted w
    where w.stream in (select stream from written)
      and (select c.stream from claims c where c.name = w.name) is null
    order by w.name
  )
  select stream,
    stream in (select stream from taken) and stream in (select stream from latest) as taken
  from batch where stream not in (select stream from written)`;
