import type { AttributeQuery, Query, Search, SearchScope } from "../search.ts";
import { raw, type Sql, type SqlStatement, sql, statementFromSql } from "../sql/sql.ts";
import {
  attributeRows,
  type Dialect,
  hasAttribute,
  isOwned,
  type KeyComparison,
  keyRows,
  methodOf,
} from "./condition-sql.ts";
import { everyStream } from "./key-changes.ts";

/** A statement of a search. */
export type SearchStatement = SqlStatement;

/** Finds streams that match a comparison: column `stream`. Reads the index of the comparison's key. */
export function streamsStatement(
  dialect: Dialect,
  owners: SearchScope,
  comparison: KeyComparison,
  limit: number,
): SearchStatement {
  const rows = keyRows(dialect, owners, comparison.key, comparison);
  return statement(dialect, sql`select k.stream from ${rows} limit ${limit}`);
}

/**
 * Finds streams with an attribute: column `stream`. Reads at most `limit` rows of an index. A stream is found
 * once for each key that has the value.
 */
export function attributeStatement(
  dialect: Dialect,
  owners: SearchScope,
  query: AttributeQuery,
  limit: number,
): SearchStatement {
  const rows = attributeRows(dialect, owners, query);
  return statement(dialect, sql`select a.stream from ${rows} limit ${limit}`);
}

/** Finds those of some streams that have an attribute: column `stream`. Enters an index for each. */
export function attributeAmongStatement(
  dialect: Dialect,
  query: AttributeQuery,
  streams: readonly string[],
): SearchStatement {
  const isAmong = dialect.isAmong(raw("h.stream"), streams);
  const has = hasAttribute(raw("h.stream"), query);
  return statement(dialect, sql`select h.stream from heads h where ${isAmong} and ${has}`);
}

/** Names the first and the last organization of a scope that has keys: columns `first` and `last`. */
export function ownersStatement(dialect: Dialect, owners: SearchScope): SearchStatement {
  const rows = sql`from ${raw(dialect.owners)} where ${isOwned(dialect, raw("organization"), owners)}`;
  const [first, last] = [
    sql`select min(organization) ${rows}`,
    sql`select max(organization) ${rows}`,
  ];
  return statement(dialect, sql`select (${first}) as first, (${last}) as last`);
}

/** Finds the streams of one page, in order: column `stream`. Reads the index of the sort key. */
export function pageStatement(
  dialect: Dialect,
  owners: SearchScope,
  { query, sortBy, ascending, offset, limit }: Search,
): SearchStatement {
  const rows = keyRows(dialect, owners, sortBy ?? everyStream, query);
  const order = raw(ascending ? "asc" : "desc");
  const sorted = sql`${rows} order by k.folded ${order}, k.stream ${order}`;
  return statement(dialect, sql`select k.stream from ${sorted} limit ${limit} offset ${offset}`);
}

/** Counts the streams that match a query: column `total`. Reads the index of the narrowest comparison. */
export function countStatement(
  dialect: Dialect,
  owners: SearchScope,
  query: Query,
): SearchStatement {
  const key = narrowest(query)?.key ?? everyStream;
  const rows = keyRows(dialect, owners, key, query);
  return statement(dialect, sql`select count(*) as total from ${rows}`);
}

/** Counts the searchable streams, but stops at `limit`: column `total`. */
export function sizeStatement(
  dialect: Dialect,
  owners: SearchScope,
  limit: number,
): SearchStatement {
  const everything: Query = { kind: "and", queries: [] };
  const some = sql`select 1 from ${keyRows(dialect, owners, everyStream, everything)} limit ${limit}`;
  return statement(dialect, sql`select count(*) as total from (${some}) as counted`);
}

/** Comparisons that an index answers. Those that probably match the fewest streams come first. */
const indexed = ["equals", "one-of", "starts-with"];

/** Whether the index answers a comparison. If not, all rows of its key are looked at. */
export function isIndexed(comparison: KeyComparison): boolean {
  return indexed.includes(methodOf(comparison));
}

/** A comparison that every match of the query also matches, if there is one; probably the narrowest. */
function narrowest(query: Query): KeyComparison | undefined {
  const rank = (comparison: KeyComparison) => {
    const place = indexed.indexOf(methodOf(comparison));
    return place === -1 ? indexed.length : place;
  };
  return conjuncts(query).sort((a, b) => rank(a) - rank(b))[0];
}

function conjuncts(query: Query): KeyComparison[] {
  if (query.kind === "and") return query.queries.flatMap(conjuncts);
  return query.kind === "text" || query.kind === "one-of" ? [query] : [];
}

function statement({ placeholder }: Dialect, whole: Sql): SearchStatement {
  return statementFromSql(whole, placeholder);
}
