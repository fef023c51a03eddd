import type { Query, Search } from "../search.ts";
import { raw, type Sql, type SqlStatement, sql, statementFromSql } from "../sql/sql.ts";
import { type Dialect, type KeyComparison, keyRows, methodOf } from "./condition-sql.ts";
import { everyStream } from "./key-changes.ts";

/** A statement of a search. */
export type SearchStatement = SqlStatement;

/** Finds some streams that a comparison is true of: column `stream`. Walks the comparison's own key. */
export function streamsStatement(
  dialect: Dialect,
  organization: string,
  comparison: KeyComparison,
  limit: number,
): SearchStatement {
  const rows = keyRows(dialect, organization, comparison.key, comparison);
  return statement(dialect, sql`select k.stream from ${rows} limit ${limit}`);
}

/** Finds the streams of a part of a sorted list, in order. Walks the key that it is sorted by. */
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

/** Counts the streams that a query is true of: column `total`. Walks the key with the fewest. */
export function countStatement(
  dialect: Dialect,
  organization: string,
  query: Query,
): SearchStatement {
  const key = narrowest(query)?.key ?? everyStream;
  const rows = keyRows(dialect, organization, key, query);
  return statement(dialect, sql`select count(*) as total from ${rows}`);
}

/** Counts the streams that can be found, but not beyond `limit`: column `total`. */
export function sizeStatement(
  dialect: Dialect,
  organization: string,
  limit: number,
): SearchStatement {
  const everything: Query = { kind: "and", queries: [] };
  const some = sql`select 1 from ${keyRows(dialect, organization, everyStream, everything)} limit ${limit}`;
  return statement(dialect, sql`select count(*) as total from (${some}) as counted`);
}

/** What an index leads to directly, in order of how few that probably are. */
const indexed = ["equals", "one-of", "starts-with"];

/** Whether the rows of a comparison stand together in the index. Else all of its key are looked at. */
export function isIndexed(comparison: KeyComparison): boolean {
  return indexed.includes(methodOf(comparison));
}

/** The comparison that must be true of all that the query is true of, if there is one. */
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
