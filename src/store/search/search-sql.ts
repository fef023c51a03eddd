import type { AttributeQuery, Query, Search } from "../search.ts";
import { raw, type Sql, type SqlStatement, sql, statementFromSql } from "../sql/sql.ts";
import {
  attributeRows,
  type Dialect,
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
  organization: string,
  comparison: KeyComparison,
  limit: number,
): SearchStatement {
  const rows = keyRows(dialect, organization, comparison.key, comparison);
  return statement(dialect, sql`select k.stream from ${rows} limit ${limit}`);
}

/**
 * Finds streams with an attribute: column `stream`. Reads an index of the attributes.
 *
 * @param among Only of these; `undefined`: of all.
 */
export function attributeStatement(
  dialect: Dialect,
  organization: string,
  query: AttributeQuery,
  limit: number,
  among?: readonly string[],
): SearchStatement {
  const rows = attributeRows(organization, query);
  const some = among === undefined ? sql`` : sql` and ${dialect.isAmong(raw("a.stream"), among)}`;
  // A stream has a key once, and a value perhaps with several keys.
  const what = raw(query.key === undefined ? "distinct a.stream" : "a.stream");
  return statement(dialect, sql`select ${what} from ${rows}${some} limit ${limit}`);
}

/** Finds the streams of one page, in order: column `stream`. Reads the index of the sort key. */
export function pageStatement(
  dialect: Dialect,
  organization: string,
  { query, sortBy, ascending, offset, limit }: Search,
): SearchStatement {
  const rows = keyRows(dialect, organization, sortBy ?? everyStream, query);
  const order = raw(ascending ? "asc" : "desc");
  const sorted = sql`${rows} order by k.folded ${order}, k.stream ${order}`;
  return statement(dialect, sql`select k.stream from ${sorted} limit ${limit} offset ${offset}`);
}

/** Counts the streams that match a query: column `total`. Reads the index of the narrowest comparison. */
export function countStatement(
  dialect: Dialect,
  organization: string,
  query: Query,
): SearchStatement {
  const key = narrowest(query)?.key ?? everyStream;
  const rows = keyRows(dialect, organization, key, query);
  return statement(dialect, sql`select count(*) as total from ${rows}`);
}

/** Counts the searchable streams, but stops at `limit`: column `total`. */
export function sizeStatement(
  dialect: Dialect,
  organization: string,
  limit: number,
): SearchStatement {
  const everything: Query = { kind: "and", queries: [] };
  const some = sql`select 1 from ${keyRows(dialect, organization, everyStream, everything)} limit ${limit}`;
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
