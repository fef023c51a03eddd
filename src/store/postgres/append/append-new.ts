import { eventRows } from "../../change/append-row.ts";
import type { PipelineStatement } from "../connection/pipeline.ts";
import { integers, texts, uuids } from "../connection/wire-values.ts";
import type { Chain } from "./append-batch.ts";
import { cleanupStatements } from "./append-cleanup.ts";
import { headValues, inOrder, keyMoves, keyTextValues } from "./append-statements.ts";
import { attributesStatements } from "./attribute-statements.ts";
import { claimsOf } from "./insert-names.ts";
import { insertStrictly } from "./insert-rows.ts";

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
 */
export function statementsOfNew(unsorted: readonly Chain[]): PipelineStatement[] {
  const chains = inOrder(unsorted);
  return [
    ...insertStrictly(
      "claims",
      claimsOf(chains).map(({ name, stream }) => [name, stream]),
    ),
    ...insertStrictly("heads", chains.map(headValues)),
    eventsStatement(chains),
    ...keysStatements(chains),
    ...attributesStatements(chains),
    ...cleanupStatements({ written: chains, claims: [], receipts: [] }),
  ];
}

function eventsStatement(chains: readonly Chain[]): PipelineStatement {
  const events = chains.flatMap(({ rows }) => eventRows(rows));
  return {
    name: "insert-events",
    text: `insert into events (stream, version, change, type, data, creator, at, request)
      select * from unnest(
        $1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[],
        $8::text[]
      )`,
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
  const keys = chains.flatMap(keyMoves).filter(({ to }) => to !== undefined);
  if (keys.length === 0) return [];
  return [
    {
      name: "insert-keys",
      text: `insert into search_keys (space, stream, folded, text, rest)
        select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])`,
      values: [
        integers(keys.map(({ space }) => space)),
        texts(keys.map(({ stream }) => stream)),
        ...keyTextValues(keys),
      ],
    },
  ];
}
