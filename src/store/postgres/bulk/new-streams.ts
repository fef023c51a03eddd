import { eventRows } from "../../change/append-row.ts";
import { type Chain, lastOf } from "../append/append-batch.ts";
import { cleanupStatements } from "../append/append-cleanup.ts";
import { inOrder, type KeyMove, keyMoves, keyTextValues } from "../append/append-statements.ts";
import { failingIf } from "../append/append-text.ts";
import { attributesStatements } from "../append/attribute-statements.ts";
import { claimsOf } from "../append/insert-names.ts";
import type { PipelineStatement } from "../connection/pipeline.ts";
import { integers, texts, uuids } from "../connection/wire-values.ts";

/** Whether all streams are new, and their rows bring no receipts. */
export function areNew(chains: readonly Chain[]): boolean {
  return chains.every(
    ({ rows }) => rows[0].after === undefined && rows.every(({ receipt }) => receipt === undefined),
  );
}

/**
 * Statements that write new streams, of which each is there once. A statement fails, as `failingIf` says, if a stream or
 * one of its unique keys is there.
 *
 * The heads are there then, so events and search keys come from the lists alone. To look up the head of each takes a
 * third of the server's time, but a distributed engine needs it. Nor has a new stream search keys: to look for each
 * before it is inserted takes a quarter. If the index has some nevertheless, the statement fails as a duplicate.
 *
 * Lists are unnested beside each other: the server keeps the rows of a list that is unnested in `from` before it reads
 * them, which takes a tenth of its time.
 */
export function statementsOfNew(unsorted: readonly Chain[]): PipelineStatement[] {
  const chains = inOrder(unsorted);
  return [
    ...claimsStatements(chains),
    headsStatement(chains),
    eventsStatement(chains),
    ...keysStatements(chains),
    ...attributesStatements(chains),
    ...cleanupStatements({ written: chains, claims: [], receipts: [] }),
  ];
}

function claimsStatements(chains: readonly Chain[]): PipelineStatement[] {
  const claims = claimsOf(chains);
  if (claims.length === 0) return [];
  return [
    {
      name: "insert-new-claims",
      text: `insert into claims (name, stream) select unnest($1::text[]), unnest($2::text[])
        on conflict (name) do update set stream = ${failingIf("claims.name = excluded.name")}`,
      values: [texts(claims.map(({ name }) => name)), texts(claims.map(({ stream }) => stream))],
    },
  ];
}

function headsStatement(chains: readonly Chain[]): PipelineStatement {
  const firsts = chains.map(({ rows: [first] }) => first);
  const lasts = chains.map(lastOf);
  return {
    name: "insert-new-heads",
    text: `insert into heads
        (stream, organization, version, change, created_at, changed_at, state, status)
      select unnest($1::text[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::uuid[]),
        unnest($5::bigint[]), unnest($6::bigint[]), unnest($7::text[]), unnest($8::text[])
      on conflict (stream) do update set version = ${failingIf("heads.stream = excluded.stream")}`,
    values: [
      texts(firsts.map(({ stream }) => stream)),
      texts(firsts.map(({ organization }) => organization)),
      integers(lasts.map(({ version }) => version)),
      uuids(lasts.map(({ change }) => change)),
      integers(firsts.map(({ createdAt }) => createdAt)),
      integers(lasts.map(({ changedAt }) => changedAt)),
      texts(lasts.map(({ state }) => state)),
      texts(lasts.map(({ status }) => status)),
    ],
  };
}

function eventsStatement(chains: readonly Chain[]): PipelineStatement {
  const events = chains.flatMap(({ rows }) => eventRows(rows));
  return {
    name: "insert-new-events",
    text: `insert into events (stream, version, change, type, data, creator, at, request)
      select unnest($1::text[]), unnest($2::bigint[]), unnest($3::uuid[]), unnest($4::text[]),
        unnest($5::text[]), unnest($6::text[]), unnest($7::bigint[]), unnest($8::text[])`,
    values: [
      texts(events.map(([stream]) => stream)),
      integers(events.map(([, version]) => version)),
      uuids(events.map(([, , change]) => change)),
      texts(events.map(([, , , type]) => type)),
      texts(events.map(([, , , , data]) => data)),
      texts(events.map(([, , , , , creator]) => creator)),
      integers(events.map(([, , , , , , at]) => at)),
      texts(events.map(([, , , , , , , request]) => request)),
    ],
  };
}

function keysStatements(chains: readonly Chain[]): PipelineStatement[] {
  const keys = besideEachOther(chains.flatMap(keyMoves).filter(({ to }) => to !== undefined));
  if (keys.length === 0) return [];
  return [
    {
      name: "insert-new-keys",
      text: `insert into search_keys (space, stream, folded, text, rest)
        select unnest($1::bigint[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]),
          unnest($5::text[])`,
      values: [
        integers(keys.map(({ space }) => space)),
        texts(keys.map(({ stream }) => stream)),
        ...keyTextValues(keys),
      ],
    },
  ];
}

/** The keys of each space together, because they stand together in the index. */
function besideEachOther(keys: readonly KeyMove[]): KeyMove[] {
  return [...Map.groupBy(keys, ({ space }) => space).values()].flat();
}
