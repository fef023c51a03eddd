import { countChanges } from "../../change/count-changes.ts";
import type { PipelineStatement } from "../connection/pipeline.ts";
import { texts } from "../connection/wire-values.ts";
import { type Chain, lastOf, streamOf } from "./append-batch.ts";
import type { Claim } from "./insert-names.ts";
import { insertRows } from "./insert-rows.ts";
import type { ReceiptInsert } from "./receipts.ts";

/** What is left to do at the end of a transaction with names. */
export type Cleanup = {
  readonly written: readonly Chain[];
  /** Unique keys that were written for chains that were not. */
  readonly claims: readonly Claim[];
  /** Receipts that were written for chains that were not. */
  readonly receipts: readonly ReceiptInsert[];
};

/**
 * Statements that end a transaction: they count the streams that were added and removed, release the unique keys that
 * streams no longer want, take back what was written for chains that were not, and remove the receipts of erased
 * streams.
 */
export function cleanupStatements({ written, claims, receipts }: Cleanup): PipelineStatement[] {
  const released = written.flatMap(releasedBy);
  const keyless = written.filter(
    ({ rows: [{ uniqueKeys, heldKeys }] }) => uniqueKeys !== undefined && heldKeys === undefined,
  );
  const erased = written.filter(({ rows: [first] }) => first.erases);
  return [
    ...deleteClaims([...claims, ...released]),
    ...deleteOtherClaims(keyless),
    ...deleteReceipts(receipts),
    ...forget(erased),
    ...countsStatements(written),
  ];
}

/** The unique keys that a stream held and no longer wants, if its change knows which it held. */
function releasedBy({ rows: [{ stream, uniqueKeys, heldKeys }] }: Chain): Claim[] {
  if (uniqueKeys === undefined || heldKeys === undefined) return [];
  return heldKeys.filter((name) => !uniqueKeys.includes(name)).map((name) => ({ name, stream }));
}

/** By their names: an engine that distributes them by name finds each at once. */
function deleteClaims(claims: readonly Claim[]): PipelineStatement[] {
  if (claims.length === 0) return [];
  return [
    {
      name: "release-keys",
      text: `delete from claims c using unnest($1::text[], $2::text[]) as g (name, stream)
        where c.name = any ($1::text[]) and c.name = g.name and c.stream = g.stream`,
      values: [texts(claims.map(({ name }) => name)), texts(claims.map(({ stream }) => stream))],
    },
  ];
}

/** Reads all claims: only streams whose unique keys cannot be told from their states are released so. */
function deleteOtherClaims(chains: readonly Chain[]): PipelineStatement[] {
  const isNew = chains.every(({ rows: [{ after }] }) => after === undefined);
  if (isNew) return [];
  return [
    {
      name: "release-other-keys",
      text: `delete from claims where stream = any ($1::text[]) and name <> all ($2::text[])`,
      values: [
        texts(chains.map(({ rows: [{ stream }] }) => stream)),
        texts(chains.flatMap(({ rows: [{ uniqueKeys = [] }] }) => uniqueKeys)),
      ],
    },
  ];
}

function deleteReceipts(receipts: readonly ReceiptInsert[]): PipelineStatement[] {
  if (receipts.length === 0) return [];
  return [
    {
      name: "take-back-receipts",
      text: `delete from receipts r using unnest($1::text[], $2::text[]) as g (owner, name)
        where r.name = any ($2::text[]) and r.owner = g.owner and r.name = g.name`,
      values: [texts(receipts.map(({ owner }) => owner)), texts(receipts.map(({ name }) => name))],
    },
  ];
}

/** The receipts that come with the erasing changes stay. */
function forget(erased: readonly Chain[]): PipelineStatement[] {
  if (erased.length === 0) return [];
  const streams = texts(erased.map(({ rows: [{ stream }] }) => stream));
  const kept = erased.flatMap(({ rows }) =>
    rows.flatMap(({ receipt }) => (receipt ? [receipt] : [])),
  );
  return [
    {
      name: "forget-receipts",
      text: `delete from receipts r where r.stream = any ($1::text[]) and not exists (
          select 1 from unnest($2::text[], $3::text[]) as n (owner, name)
          where n.owner = r.owner and n.name = r.name
        )`,
      values: [streams, texts(kept.map(([owner]) => owner)), texts(kept.map(([, name]) => name))],
    },
    {
      name: "forget-lost-keys",
      text: "delete from lost_claims where stream = any ($1::text[])",
      values: [streams],
    },
  ];
}

/** Adds rows and changes none, so that no transaction waits for another one's: see the table. */
function countsStatements(written: readonly Chain[]): PipelineStatement[] {
  const [first] = written;
  if (first === undefined) return [];
  const changes = countChanges(written.flatMap(({ rows }) => rows));
  return insertRows(
    "counts",
    changes.map(({ organization, status, by }) => [
      ...[organization, status, streamOf(first), lastOf(first).change, by],
    ]),
  );
}
