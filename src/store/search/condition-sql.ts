import { lowerCase } from "../../text/lower-case.ts";
import { digestOf } from "../attributes.ts";
import type { AttributeQuery, Comparison, Query, SearchScope } from "../search.ts";
import { joined, raw, type Sql, sql } from "../sql/sql.ts";
import { keyParts, leastCutBytes, reachesCut } from "./key-parts.ts";

/** What differs between the engines. */
export type Dialect = {
  /** The placeholder of the value with this number, from 1. */
  readonly placeholder: (number: number) => string;
  /** A condition that is true of the rows of a key. */
  readonly isOfKey: (alias: string, owners: SearchScope, name: string) => Sql;
  /** A condition that is true of the rows of organizations, of whatever key. */
  readonly isOfOrganizations: (alias: string, organizations: readonly string[]) => Sql;
  /** A table with a column `organization`, indexed, that has a row for each organization with keys. */
  readonly owners: string;
  /** The function that finds its second text in the first and returns the position; 0: it is not there. */
  readonly position: string;
  /** A condition that is true of an expression that is among the texts. */
  readonly isAmong: (expression: Sql, texts: readonly string[]) => Sql;
  /** A condition that ends the statement with an error if its caller has left. Default: there is none. */
  readonly isAwaited?: string;
  /** How much of a text the index holds; the rest is in the column `rest`. Default: all of it. */
  readonly keyBytes?: number;
};

/** A comparison of a key. */
export type KeyComparison = Exclude<Comparison, { kind: "streams" }>;

type TextComparison = Comparison & { kind: "text" };

/** How a comparison compares. */
export function methodOf(comparison: KeyComparison): string {
  return comparison.kind === "text" ? comparison.method : comparison.kind;
}

/** What the conditions of a statement share. */
type Scope = {
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
  return sql`search_keys k where ${isAwaited(dialect)}${isOfKey("k", key)} and ${condition(scope, query)}`;
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
 */
function isOfOwners(dialect: Dialect, owners: SearchScope): Sql {
  if (typeof owners === "string" || !("everyOrganization" in owners)) {
    return isOwned(dialect, raw("a.organization"), owners);
  }
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
      return scope.dialect.isOfOrganizations("k", query.organizations);
    case "streams":
      return scope.dialect.isAmong(sql`k.stream`, query.streams);
    case "one-of":
    case "text":
      return query.key === scope.key
        ? comparison(scope, query, "k")
        : comparisonElsewhere(scope, query);
  }
}

function all(scope: Scope, queries: readonly Query[], operator: string): Sql {
  const conditions = queries.map((query) => condition(scope, query));
  return sql`(${joined(conditions, operator)})`;
}

/**
 * A comparison of another key than the one that is read. For "equals" each row of the other key is looked
 * up; otherwise all its matching rows are collected once. "is true" keeps planners from turning this into a
 * join, which would be very slow if they underestimate the number of rows.
 */
function comparisonElsewhere(scope: Scope, query: KeyComparison): Sql {
  const isMatch = sql`${scope.isOfKey("o", query.key)} and ${comparison(scope, query, "o")}`;
  if (methodOf(query) === "equals") {
    const rows = sql`search_keys o where ${isMatch} and o.stream = k.stream`;
    return sql`exists (select 1 from ${rows}) is true`;
  }
  const rows = sql`search_keys o where ${isAwaited(scope.dialect)}${isMatch}`;
  return sql`(k.stream in (select o.stream from ${rows})) is true`;
}

function comparison(scope: Scope, query: KeyComparison, alias: string): Sql {
  const text = raw(`coalesce(${alias}.text, ${alias}.folded)`);
  if (query.kind === "one-of") {
    const { isAmong } = scope.dialect;
    const inIndex = (each: string) => keyParts(lowerCase(each), keyBytesOf(scope)).folded;
    const texts = [...new Set(query.texts.map(inIndex))];
    return sql`${isAmong(raw(`${alias}.folded`), texts)} and ${isAmong(text, query.texts)}`;
  }
  const { method, ignoreCase, text: part } = query;
  switch (method) {
    case "equals": {
      const found = equals(scope, alias, lowerCase(part));
      return ignoreCase ? found : sql`${found} and ${text} = ${part}`;
    }
    case "starts-with": {
      const found = startsWith(scope, alias, lowerCase(part));
      return ignoreCase ? found : sql`${found} and substr(${text}, 1, length(${part})) = ${part}`;
    }
    case "contains":
    case "ends-with": {
      const found = hasFolded(scope, query, alias);
      return ignoreCase ? found : sql`${found} and ${isSoAsItIs(scope, query, alias)}`;
    }
  }
}

function keyBytesOf({ dialect }: Scope): number {
  return dialect.keyBytes ?? Number.POSITIVE_INFINITY;
}

/** The whole text in lower case, also if the index holds only its beginning. */
function wholeText(alias: string): Sql {
  return raw(`(${alias}.folded || coalesce(${alias}.rest, ''))`);
}

function equals(scope: Scope, alias: string, text: string): Sql {
  const keyBytes = keyBytesOf(scope);
  const { folded, rest } = keyParts(text, keyBytes);
  const found = sql`${raw(`${alias}.folded`)} = ${folded}`;
  if (!reachesCut(text, keyBytes)) return found;
  return sql`${found} and ${raw(`coalesce(${alias}.rest, '')`)} = ${rest ?? ""}`;
}

/** If the text may have been cut, the index finds the rows by a shorter beginning, and each is then compared. */
function startsWith(scope: Scope, alias: string, beginning: string): Sql {
  const folded = raw(`${alias}.folded`);
  const keyBytes = keyBytesOf(scope);
  if (!reachesCut(beginning, keyBytes)) return beginsWith(folded, beginning);
  const least = keyParts(beginning, leastCutBytes(keyBytes) - 1).folded;
  const isWhole = sql`substr(${wholeText(alias)}, 1, length(${beginning})) = ${beginning}`;
  return sql`${beginsWith(folded, least)} and ${isWhole}`;
}

/** A row whose text was cut is recognised by its length; its whole text is read from the table. */
function hasFolded(scope: Scope, { key, method, text }: TextComparison, alias: string): Sql {
  const part = lowerCase(text);
  const found = has(scope, method, raw(`${alias}.folded`), part);
  if (scope.dialect.keyBytes === undefined) return found;
  const isShort = raw(`octet_length(${alias}.folded) < ${leastCutBytes(scope.dialect.keyBytes)}`);
  const inRow = rowBeside(scope, key, alias, has(scope, method, wholeText("e"), part));
  return sql`case when ${isShort} then ${found} else ${inRow} end`;
}

/**
 * Compare case, too. A text that contains another also contains it in lower case, so the index is searched
 * first, and only the rows it finds are read from the table.
 */
function isSoAsItIs(scope: Scope, { key, method, text }: TextComparison, alias: string): Sql {
  return rowBeside(scope, key, alias, has(scope, method, sql`coalesce(e.text, e.folded)`, text));
}

/** A condition on the row of the table, as `e`, that belongs to a row of the index. */
function rowBeside(scope: Scope, key: string, alias: string, holds: Sql): Sql {
  const row = raw(`e.folded = ${alias}.folded and e.stream = ${alias}.stream`);
  return sql`(select ${holds} from search_keys e where ${scope.isOfKey("e", key)} and ${row})`;
}

function has({ dialect }: Scope, method: TextComparison["method"], text: Sql, part: string): Sql {
  return method === "contains"
    ? sql`${raw(dialect.position)}(${text}, ${part}) > 0`
    : sql`substr(${text}, length(${text}) - length(${part}) + 1) = ${part}`;
}

function beginsWith(folded: Sql, beginning: string): Sql {
  const from = sql`${folded} >= ${beginning}`;
  const end = firstBehind(beginning);
  return end === undefined ? from : sql`${from} and ${folded} < ${end}`;
}

const lastCodePoint = 0x10ffff;
const lastBeforeSurrogates = 0xd7ff;
const firstAfterSurrogates = 0xe000;

/** The first text, by code points, behind all that begin with `beginning`; `undefined`: there is none. */
function firstBehind(beginning: string): string | undefined {
  const codePoints = Array.from(beginning, (character) => character.codePointAt(0) ?? 0);
  while (codePoints.at(-1) === lastCodePoint) codePoints.pop();
  const last = codePoints.pop();
  if (last === undefined) return undefined;
  const next = last === lastBeforeSurrogates ? firstAfterSurrogates : last + 1;
  return String.fromCodePoint(...codePoints, next);
}
