import type { AppendResult } from "../append.ts";
import type { AppendRow } from "../append-row.ts";
import { type Chain, type Round, roundsFromRows } from "./chains.ts";
import type { Connection, Row, Statement } from "./connection.ts";

/**
 * Write a round: the head of each chain if it is still where the chain begins, then the events of
 * those whose head was written. Gives back the chains that were not written.
 *
 * Heads are locked in the order of the arrays, which is sorted. An update that waits for another
 * transaction looks at the row again when that has committed, and an insert finds it there.
 *
 * Two transactions that claim one name at once do not see each other: the second fails on the key,
 * and finds the name taken when it runs again.
 */
const writeRound: Statement = {
  name: "write_round",
  text: `
    with chains as (
      select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[],
          $6::bigint[], $7::bigint[], $8::text[])
        as c (stream, organization, after, change, version, created_at, changed_at, state)
    ), claimed as (
      select * from unnest($9::text[], $10::text[]) as n (name, stream)
    ), taken as (
      select n.stream from claimed n join claims k on k.name = n.name where k.stream <> n.stream
    ), updated as (
      update heads h
        set version = c.version, change = c.change, changed_at = c.changed_at, state = c.state
        from chains c
        where h.stream = c.stream and h.change = c.after and h.organization = c.organization
          and c.stream not in (select stream from taken)
        returning h.stream
    ), inserted as (
      insert into heads (stream, organization, version, change, created_at, changed_at, state)
        select stream, organization, version, change, created_at, changed_at, state from chains c
        where after is null and c.stream not in (select stream from taken)
        on conflict (stream) do nothing
        returning stream
    ), written as (
      select stream from updated union all select stream from inserted
    ), events_written as (
      insert into events (stream, version, change, type, data, creator, at)
        select stream, version, change, type, data, creator, at
        from unnest($12::text[], $13::bigint[], $14::text[], $15::text[], $16::text[], $17::text[],
          $18::bigint[]) as e (stream, version, change, type, data, creator, at)
        where stream in (select stream from written)
    ), released as (
      delete from claims k using unnest($11::text[]) as r (stream)
        where k.stream = r.stream and r.stream in (select stream from written)
          and (k.name, k.stream) not in (select name, stream from claimed)
    ), held as (
      insert into claims (name, stream)
        select n.name, n.stream from claimed n
        where n.stream in (select stream from written)
          and not exists (select from claims k where k.name = n.name and k.stream = n.stream)
    )
    select c.stream, c.stream in (select stream from taken) and (
        exists (select from heads h where h.stream = c.stream and h.change = c.after)
        or c.after is null and not exists (select from heads h where h.stream = c.stream)
      ) as is_claim_taken
    from chains c where c.stream not in (select stream from written)`,
};

/**
 * Events that are stored, of those asked for. It locks them, and so is a transaction that writes:
 * it is answered only when whatever was committed before it is as durable as a commit is here.
 */
const lockStored: Statement = {
  name: "lock_stored",
  text: `
    select e.change from unnest($1::text[], $2::bigint[], $3::text[]) as c (stream, version, change)
      join events e on e.stream = c.stream and e.version = c.version and e.change = c.change
      for update of e`,
};

/**
 * Write all rows in one transaction, rows of one stream in order; a result for each. One round is
 * one statement and one round trip, which commits by itself.
 *
 * @throws Error of the server or the driver, see `failureFromError`: if it is "lost", the outcome is
 *   open, else nothing was stored.
 */
export async function writeBatch(
  connection: Connection,
  rows: readonly AppendRow[],
): Promise<AppendResult[]> {
  const rounds = roundsFromRows(rows);
  const refused = new Map<AppendRow, AppendResult>();
  const [only, ...more] = rounds;
  if (only !== undefined && more.length === 0) await write(connection, only, refused);
  else await writeInTransaction(connection, rounds, refused);
  return rows.map((row) => refused.get(row) ?? "appended");
}

/** @returns The changes of the rows that are stored. */
export async function storedChanges(
  connection: Connection,
  rows: readonly AppendRow[],
): Promise<ReadonlySet<string>> {
  const found = await connection.run(lockStored, [
    rows.map(({ stream }) => stream),
    rows.map(({ version }) => version),
    rows.map(({ change }) => change),
  ]);
  return new Set(found.map(({ change }) => String(change)));
}

async function writeInTransaction(
  connection: Connection,
  rounds: readonly Round[],
  refused: Map<AppendRow, AppendResult>,
): Promise<void> {
  await connection.execute("begin");
  try {
    for (const round of rounds) await write(connection, round, refused);
  } catch (error) {
    await connection.execute("rollback");
    throw error;
  }
  await connection.execute("commit");
}

async function write(
  connection: Connection,
  round: Round,
  refused: Map<AppendRow, AppendResult>,
): Promise<void> {
  const answer = await connection.run(writeRound, valuesFromRound(round));
  if (answer.length === 0) return;
  const chains = new Map(round.map((chain) => [chain.last.stream, chain]));
  for (const row of answer) refuse(chains.get(String(row.stream)), row, refused);
}

function refuse(chain: Chain | undefined, row: Row, refused: Map<AppendRow, AppendResult>): void {
  const [first, ...others] = chain?.rows ?? [];
  if (first !== undefined) refused.set(first, row.is_claim_taken ? "claim-taken" : "conflict");
  for (const other of others) refused.set(other, "conflict");
}

function valuesFromRound(round: Round): unknown[] {
  const firsts = round.map(({ rows }) => rows[0]);
  const lasts = round.map(({ last }) => last);
  const rows = round.flatMap((chain) => chain.rows);
  const claiming = firsts.filter(({ claims }) => claims !== undefined);
  const claims = claiming.flatMap(({ claims, stream }) =>
    [...new Set(claims)].map((name) => ({ name, stream })),
  );
  return [
    firsts.map(({ stream }) => stream),
    firsts.map(({ organization }) => organization),
    firsts.map(({ after }) => after),
    lasts.map(({ change }) => change),
    lasts.map(({ version }) => version),
    lasts.map(({ createdAt }) => createdAt),
    lasts.map(({ changedAt }) => changedAt),
    lasts.map(({ state }) => state),
    claims.map(({ name }) => name),
    claims.map(({ stream }) => stream),
    claiming.map(({ stream }) => stream),
    rows.map(({ stream }) => stream),
    rows.map(({ version }) => version),
    rows.map(({ change }) => change),
    rows.map(({ type }) => type),
    rows.map(({ data }) => data),
    rows.map(({ creator }) => creator),
    rows.map(({ changedAt }) => changedAt),
  ];
}
