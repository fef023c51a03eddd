import { digestOf } from "../attributes.ts";
import type { AttributeQuery, Query, SearchScope } from "../search.ts";
import { joined, raw, type Sql, sql } from "../sql/sql.ts";
import {
  comparison,
  isOfCommon,
  type KeyComparison,
  mayLackRow,
  methodOf,
  negated,
} from "./comparison-sql.ts";
import { creationKey, everyStream, isHeadKey, statusKey } from "./head-keys.ts";

/** What differs between the engines. */
export type Dialect = {
  /** The placeholder of the value with this number, from 1. */
  readonly placeholder: (number: number) => string;
  /** A condition that is true of the rows of a key that the index has. */
  readonly isOfKey: (alias: string, owners: SearchScope, name: string) => Sql;
  /**
   * A condition that is true of the heads of an organization, in the order of its index by id. Default: equality.
   */
  readonly isOfOwner?: (organization: Sql, owner: string) => Sql;
  /** The text of a head's creation date; see `creationKey`. */
  readonly moment: (alias: string) => Sql;
  /** The function that finds its second text in the first and returns the position; 0: it is not there. */
  readonly position: string;
  /** A condition that is true of an expression that is among the texts. */
  readonly isAmong: (expression: Sql, texts: readonly string[]) => Sql;
  /** A condition that ends the statement with an error if its caller has left. Default: there is none. */
  readonly isAwaited?: string;
  /**
   * Whether tables are distributed over several servers by the stream. What belongs to another stream than the row
   * at hand may then be elsewhere. Default: no.
   */
  readonly isDistributed?: boolean;
  /**
   * Whether so few streams have another status than the common one that statements collect them. Default: no, the
   * status of each stream is looked up.
   */
  readonly collectsStatuses?: boolean;
  /** Whether texts are compared in lower case alone, so that a few more match. Default: as the query says. */
  readonly ignoresCase?: boolean;
  /** How much of a text the index holds; the rest is in the column `rest`. Default: all of it. */
  readonly keyBytes?: number;
};

/** What the conditions of a statement share. */
export type Scope = {
  readonly dialect: Dialect;
  readonly owners: SearchScope;
  /** A condition that is true of the rows of a key. */
  readonly isOfKey: (alias: string, name: string) => Sql;
  /** The key whose rows are walked, as `k`. */
  readonly key: string;
};

/** Rows of one key, as `k`, of streams that the query is true of. */
export function keyRows(dialect: Dialect, owners: SearchScope, key: string, query: Query): Sql {
  const isOfKey = (alias: string, name: string) => dialect.isOfKey(alias, owners, name);
  const scope = { dialect, owners, isOfKey, key };
  const ofKey = isOfKeyRows(scope, "k", key);
  return sql`${tableOf(key)} k where ${isAwaited(dialect)}${ofKey} and ${condition(scope, query)}`;
}

/** The columns, of `k`, that the rows of a key of one organization are sorted by, besides the stream. */
export function orderColumns(key: string): readonly string[] {
  if (key === everyStream) return ["k.organization"];
  if (key === statusKey) return ["k.status"];
  return key === creationKey ? ["k.created_at"] : ["k.folded"];
}

function tableOf(key: string): Sql {
  return raw(isHeadKey(key) ? "heads" : "search_keys");
}

function isOfKeyRows({ dialect, owners, isOfKey }: Scope, alias: string, key: string): Sql {
  if (!isHeadKey(key)) return isOfKey(alias, key);
  const organization = raw(`${alias}.organization`);
  const isOfOwners =
    key === everyStream && typeof owners === "string" && dialect.isOfOwner !== undefined
      ? dialect.isOfOwner(organization, owners)
      : isOwned(dialect, organization, owners);
  return sql`${isOfOwners} and ${raw(alias)}.status is not null`;
}

/** It comes first, because otherwise it would be asked only for rows that match. */
function isAwaited(dialect: Dialect): Sql {
  return dialect.isAwaited === undefined ? sql`` : sql`${raw(dialect.isAwaited)} and `;
}

/** Attributes, as `a`, that a query is true of. */
export function attributeRows(dialect: Dialect, owners: SearchScope, query: AttributeQuery): Sql {
  return sql`attributes a where ${isOfOwners(dialect, owners)}${isAttribute(query)}`;
}

/** A condition that is true of a stream that has an attribute. An index is entered for each stream. */
export function hasAttribute(stream: Sql, query: AttributeQuery): Sql {
  return sql`exists (select 1 from attributes a where a.stream = ${stream}${isAttribute(query)}) is true`;
}

function isAttribute({ key, value }: AttributeQuery): Sql {
  const ofKey = key === undefined ? sql`` : sql` and a.key = ${key}`;
  return value === undefined ? ofKey : sql`${ofKey} and a.digest = ${digestOf(value)}`;
}

/**
 * The indexes of attributes begin with the organization. So a search of all organizations names each that has
 * attributes, and finds them by one step through the index for each; without that it would read a whole index.
 * Servers that share a table cannot take such steps together, so each of them reads its part of the index.
 */
function isOfOwners(dialect: Dialect, owners: SearchScope): Sql {
  if (typeof owners === "string" || !("everyOrganization" in owners)) {
    return isOwned(dialect, raw("a.organization"), owners);
  }
  if (dialect.isDistributed) return sql`true`;
  const next = "select min(organization) from attributes where organization > o.organization";
  const organizations = raw(
    `with recursive o (organization) as (
       select min(organization) from attributes
       union all select (${next}) from o where o.organization is not null
     ) select organization from o where organization is not null`,
  );
  return sql`a.organization in (${organizations})`;
}

/** A condition that is true of an organization that is within the scope. */
export function isOwned(
  { isAmong }: Pick<Dialect, "isAmong">,
  organization: Sql,
  owners: SearchScope,
): Sql {
  if (typeof owners === "string") return sql`${organization} = ${owners}`;
  return "everyOrganization" in owners ? sql`true` : isAmong(organization, owners);
}

function condition(scope: Scope, query: Query): Sql {
  switch (query.kind) {
    case "and":
      return query.queries.length === 0 ? sql`true` : all(scope, query.queries, " and ");
    case "or":
      return query.queries.length === 0 ? sql`false` : all(scope, query.queries, " or ");
    case "not":
      return sql`not (${condition(scope, query.query)})`;
    case "attribute":
      return hasAttribute(raw("k.stream"), query);
    case "organizations":
      return isHeadKey(scope.key)
        ? isOwned(scope.dialect, raw("k.organization"), query.organizations)
        : scope.dialect.isOfKey("k", query.organizations, scope.key);
    case "streams":
      return scope.dialect.isAmong(sql`k.stream`, query.streams);
    case "one-of":
    case "text":
      if (mayLackRow(query)) return isOfNoOther(scope, query);
      return query.key === scope.key || (isHeadKey(query.key) && isHeadKey(scope.key))
        ? comparison(scope, query, "k")
        : comparisonElsewhere(scope, query);
  }
}

/** A stream without a row has the empty text, so those are looked for that the comparison is not true of. */
function isOfNoOther(scope: Scope, query: KeyComparison): Sql {
  const isOther = sql`${isOfKeyRows(scope, "o", query.key)} and ${negated(scope, query, "o")}`;
  const rows = sql`${tableOf(query.key)} o where ${isAwaited(scope.dialect)}${isOther}`;
  return sql`(k.stream in (select o.stream from ${rows})) is not true`;
}

function all(scope: Scope, queries: readonly Query[], operator: string): Sql {
  const conditions = queries.map((query) => condition(scope, query));
  return sql`(${joined(conditions, operator)})`;
}

/**
 * A comparison of another key than the one that is read. For "equals", and where tables are distributed, each row of
 * the other key is looked up; otherwise all its matching rows are collected once. Of statuses, those that are not common
 * are collected if they are few. "is true" keeps planners from turning
 * this into a join, which would be very slow if they underestimate the number of rows.
 */
function comparisonElsewhere(scope: Scope, query: KeyComparison): Sql {
  const { key } = query;
  const isCollected = key === statusKey && scope.dialect.collectsStatuses === true;
  if (isCollected && isOfCommon(query)) return isOfNoOther(scope, query);
  const isMatch = sql`${isOfKeyRows(scope, "o", key)} and ${comparison(scope, query, "o")}`;
  const isLookedUp =
    scope.dialect.isDistributed === true ||
    methodOf(query) === "equals" ||
    (isHeadKey(key) && query.kind === "one-of");
  if (isLookedUp && !isCollected) {
    const rows = sql`${tableOf(key)} o where ${isMatch} and o.stream = k.stream`;
    return sql`exists (select 1 from ${rows}) is true`;
  }
  const rows = sql`${tableOf(key)} o where ${isAwaited(scope.dialect)}${isMatch}`;
  return sql`(k.stream in (select o.stream from ${rows})) is true`;
}
