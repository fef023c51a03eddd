import type { AttributeQuery, Query, Search, SearchScope } from "../search.ts";
import { joined, raw, type Sql, type SqlStatement, sql, statementFromSql } from "../sql/sql.ts";
import { type KeyComparison, mayLackRow, methodOf } from "./comparison-sql.ts";
import {
  attributeRows,
  type Dialect,
  hasAttribute,
  isOwned,
  keyRows,
  orderColumns,
} from "./condition-sql.ts";
import type { Gathering, PartStatement } from "./gather.ts";
import { everyStream, statusKey } from "./head-keys.ts";

/** A statement of a search. */
export type SearchStatement = SqlStatement & {
  /** How to ask the parts of distributed tables one by one; `undefined`: only the whole can be asked. */
  readonly ofParts?: PartStatement;
};

/** Finds streams that match a comparison: column `stream`. Reads the index of the comparison's key. */
export function streamsStatement(
  dialect: Dialect,
  owners: SearchScope,
  comparison: KeyComparison,
  limit: number,
): SearchStatement {
  return streamsOfAnyStatement(dialect, owners, [comparison], limit);
}

/** As `streamsStatement`, for what matches any of several comparisons. A stream is found once for each that it matches. */
export function streamsOfAnyStatement(
  dialect: Dialect,
  owners: SearchScope,
  comparisons: readonly KeyComparison[],
  limit: number,
): SearchStatement {
  const each = comparisons.map((comparison) => streamsSql(dialect, owners, comparison));
  const whole = sql`${joined(each, " union all ")} limit ${limit}`;
  if (!hasParts(dialect, owners)) return statement(dialect, whole);
  return parted(dialect, whole, ["stream"], { kind: "any", limit });
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
  const whole = sql`select a.stream from ${rows} limit ${limit}`;
  return parted(dialect, whole, ["stream"], { kind: "any", limit });
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

/** Names the first and the last organization of a scope that has streams: columns `first` and `last`. */
export function ownersStatement(dialect: Dialect, owners: SearchScope): SearchStatement {
  const rows = sql`from head_counts where ${isOwned(dialect, raw("organization"), owners)}`;
  const [first, last] = [
    sql`select min(organization) ${rows}`,
    sql`select max(organization) ${rows}`,
  ];
  const whole = sql`select (${first}) as first, (${last}) as last`;
  return parted(dialect, whole, ["first", "last"], { kind: "ends" });
}

/** Names the first organizations that have streams: columns `organization` and `total`. */
export function organizationsStatement(dialect: Dialect, limit: number): SearchStatement {
  const rows = sql`from head_counts group by organization order by organization limit ${limit}`;
  const whole = sql`select organization, sum(total) as total ${rows}`;
  return parted(dialect, whole, ["organization", "total"], { kind: "sum" });
}

/** How many searchable streams have each status, of whatever organization of a scope: columns `status` and `total`. */
export function statusesStatement(dialect: Dialect, owners: SearchScope): SearchStatement {
  const isWithin = isOwned(dialect, raw("organization"), owners);
  const rows = sql`from head_counts where ${isWithin} group by status`;
  const whole = sql`select status, sum(total) as total ${rows}`;
  return parted(dialect, whole, ["status", "total"], { kind: "sum" });
}

/** Finds the streams of one page, in order: column `stream`. Reads the index of the sort key. */
export function pageStatement(
  dialect: Dialect,
  owners: SearchScope,
  { query, sortBy, ascending, offset, limit }: Search,
): SearchStatement {
  const key = sortBy ?? everyStream;
  const isAcross = key === everyStream && typeof owners !== "string";
  const columns = [...(isAcross ? [] : orderColumns(key)), "k.stream"];
  const order = raw(columns.map((each) => `${each} ${ascending ? "asc" : "desc"}`).join(", "));
  const sorted = sql`${keyRows(dialect, owners, key, query)} order by ${order}`;
  const whole = sql`select k.stream from ${sorted} limit ${limit} offset ${offset}`;
  if (!hasParts(dialect, owners)) return statement(dialect, whole);
  const placed = columns.map((each) => (each === "k.created_at" ? dialect.moment("k") : raw(each)));
  const firstOf = (rows: number) =>
    statement(dialect, sql`select ${joined(placed, ", ")} from ${sorted} limit ${rows}`);
  const names = columns.map((each) => each.slice("k.".length));
  const gathering = { kind: "page", firstOf, ascending, offset, limit } as const;
  const ofParts = { statement: firstOf(offset + limit), columns: names, gathering };
  return { ...statement(dialect, whole), ofParts };
}

function streamsSql(dialect: Dialect, owners: SearchScope, comparison: KeyComparison): Sql {
  return sql`select k.stream from ${keyRows(dialect, owners, comparison.key, comparison)}`;
}

/**
 * Counts the streams that match a query: column `total`. Reads the index of the narrowest comparison, or, if an index
 * finds what matches any part of an `or`, those parts alone.
 */
export function countStatement(
  dialect: Dialect,
  owners: SearchScope,
  query: Query,
): SearchStatement {
  const whole = sql`select count(*) as total from ${countedRows(dialect, owners, query)}`;
  if (!hasParts(dialect, owners)) return statement(dialect, whole);
  return parted(dialect, whole, ["total"], { kind: "sum" });
}

function countedRows(dialect: Dialect, owners: SearchScope, query: Query): Sql {
  const parts = alternativesIn(query).filter(isComparison).filter(isLookedUp);
  if (query.kind === "or" && parts.length > 0 && parts.length === alternativesIn(query).length) {
    const each = parts.map((comparison) => streamsSql(dialect, owners, comparison));
    return sql`(${joined(each, " union ")}) as found`;
  }
  return keyRows(dialect, owners, narrowest(query)?.key ?? everyStream, query);
}

/** The queries of which at least one must be true. Those of an `or` within an `or` belong to the outer one, too. */
export function alternativesIn(query: Query): readonly Query[] {
  return query.kind === "or" ? query.queries.flatMap(alternativesIn) : [query];
}

export function isComparison(query: Query): query is KeyComparison {
  return query.kind === "text" || query.kind === "one-of";
}

/** Comparisons that an index answers. Those that probably match the fewest streams come first. */
const indexed = ["equals", "one-of", "starts-with"];

/** Whether the index answers a comparison. If not, all rows of its key are looked at. */
export function isIndexed(comparison: KeyComparison): boolean {
  return indexed.includes(methodOf(comparison));
}

/** Whether an index finds who matches a comparison, without a look at how many there are. */
export function isLookedUp(comparison: KeyComparison): boolean {
  return isIndexed(comparison) && comparison.key !== statusKey && !mayLackRow(comparison);
}

/** A comparison that every match of the query also matches, if there is one; probably the narrowest. */
function narrowest(query: Query): KeyComparison | undefined {
  const rank = (comparison: KeyComparison) => {
    // Most streams have the same status.
    if (comparison.key === statusKey) return indexed.length + 1;
    const place = indexed.indexOf(methodOf(comparison));
    return place === -1 ? indexed.length : place;
  };
  return conjuncts(query).sort((a, b) => rank(a) - rank(b))[0];
}

function conjuncts(query: Query): KeyComparison[] {
  if (query.kind === "and") return query.queries.flatMap(conjuncts);
  return isComparison(query) && !mayLackRow(query) ? [query] : [];
}

/**
 * Whether each part of distributed tables can answer for its own streams. Keys of all organizations are found by a list
 * of organizations, of which each part has only some.
 */
function hasParts(dialect: Dialect, owners: SearchScope): boolean {
  return dialect.isDistributed === true && (typeof owners === "string" || Array.isArray(owners));
}

/** A statement that means the same for a part of distributed tables as for the whole. */
function parted(
  dialect: Dialect,
  whole: Sql,
  columns: readonly string[],
  gathering: Gathering,
): SearchStatement {
  const made = statement(dialect, whole);
  if (!dialect.isDistributed) return made;
  return { ...made, ofParts: { statement: made, columns, gathering } };
}

function statement({ placeholder }: Dialect, whole: Sql): SqlStatement {
  return statementFromSql(whole, placeholder);
}
