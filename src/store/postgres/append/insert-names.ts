import type { Connection } from "../connection/connection.ts";
import type { PipelineStatement } from "../connection/pipeline.ts";
import { texts } from "../connection/wire-values.ts";
import type { Chain } from "./append-batch.ts";
import { insertRows } from "./insert-rows.ts";
import { type receiptsOf, textFromName } from "./receipts.ts";

/** A unique key that a stream wants. */
export type Claim = { readonly name: string; readonly stream: string };

/**
 * In the order of their names: otherwise two nodes could wait for each other. Of equal names, in the order of the
 * chains.
 */
export function claimsOf(chains: readonly Chain[]): Claim[] {
  return chains
    .flatMap(({ rows: [{ stream, uniqueKeys = [] }] }) =>
      [...new Set(uniqueKeys)].map((name) => ({ name, stream })),
    )
    .sort((a, b) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1));
}

/** The unique keys and the receipts that the chains of a round bring. */
export type Names = {
  readonly claims: readonly Claim[];
  readonly receipts: ReturnType<typeof receiptsOf>;
};

/** A unique key that a chain wants and another stream has. */
export type LostClaim = Claim & {
  /** The stream of a chain before it, if it got the key in this round. */
  readonly rival: string | undefined;
};

/** What became of names: `claims` and `receipts` are those that were written. */
type InsertedNames = Names & {
  readonly lost: readonly LostClaim[];
  /** Names of receipts that are taken, as `textFromName` writes them, and the chains that brought them. */
  readonly spent: ReadonlySet<string>;
  readonly spentChains: ReadonlySet<string>;
};

type Run = Connection["run"];

/**
 * Insert unique keys and receipts that may be there. Of chains that want the same unique key, the first gets it.
 *
 * @param first What goes before.
 */
export async function insertNames(
  run: Run,
  { claims, receipts }: Names,
  first: readonly PipelineStatement[],
): Promise<InsertedNames> {
  const ofClaims = insertRows(
    "claims",
    claims.map(({ name, stream }) => [name, stream]),
  );
  const ofReceipts = insertRows(
    "receipts",
    receipts.map(({ values }) => values),
  );
  const statements = [...first, ...ofClaims, ...ofReceipts];
  const results = statements.length === 0 ? [] : await run(statements);
  const behindClaims = first.length + ofClaims.length;
  const gainers = new Map(
    results
      .slice(first.length, behindClaims)
      .flat()
      .map(([name, stream]) => [name, stream ?? undefined]),
  );
  const kept = new Set(
    results
      .slice(behindClaims)
      .flat()
      .map(([owner, name]) => textFromName(String(owner), String(name))),
  );
  const isGained = ({ name, stream }: Claim) => gainers.get(name) === stream;
  const missed = claims.filter((each) => !isGained(each));
  const lost = missed.length === 0 ? [] : await heldByOthers(run, missed);
  const spent = receipts.filter(({ text }) => !kept.has(text));
  return {
    claims: claims.filter(isGained),
    receipts: receipts.filter(({ text }) => kept.has(text)),
    lost: lost.map((each) => ({ ...each, rival: gainers.get(each.name) })),
    spent: new Set(spent.map(({ text }) => text)),
    spentChains: new Set(spent.flatMap(({ chain }) => chain ?? [])),
  };
}

/** A key that was released after the insert found it counts as taken, too: the insert has not written it. */
async function heldByOthers(run: Run, missed: readonly Claim[]): Promise<Claim[]> {
  const [rows = []] = await run([
    {
      name: "claim-holders",
      text: "select name, stream from claims where name = any ($1::text[])",
      values: [texts(missed.map(({ name }) => name))],
    },
  ]);
  const holders = new Map(rows.map(([name, stream]) => [name, stream]));
  return missed.filter(({ name, stream }) => holders.get(name) !== stream);
}
