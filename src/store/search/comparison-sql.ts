import { lowerCase } from "../../text/lower-case.ts";
import { type Comparison, matches } from "../search.ts";
import { raw, type Sql, sql } from "../sql/sql.ts";
import type { Scope } from "./condition-sql.ts";
import {
  commonStatus,
  creationKey,
  everyStream,
  isHeadKey,
  isSparse,
  statusKey,
} from "./head-keys.ts";
import { keyParts, leastCutBytes, reachesCut } from "./key-parts.ts";

/** A comparison of a key. */
export type KeyComparison = Exclude<Comparison, { kind: "streams" }>;

type TextComparison = Comparison & { kind: "text" };

/** How a comparison compares. */
export function methodOf(comparison: KeyComparison): string {
  return comparison.kind === "text" ? comparison.method : comparison.kind;
}

/** What a key is compared by. */
type Texts = {
  /** In lower case; of an index that cuts texts, what it holds. */
  readonly folded: Sql;
  /** As it is. */
  readonly text: Sql;
  /** How much of a text the index holds. */
  readonly keyBytes: number;
};

function textsOf(scope: Scope, key: string, alias: string): Texts {
  if (isHeadKey(key)) {
    const text = headText(scope, key, alias);
    return { folded: text, text, keyBytes: Number.POSITIVE_INFINITY };
  }
  const text = raw(`coalesce(${alias}.text, ${alias}.folded)`);
  return { folded: raw(`${alias}.folded`), text, keyBytes: keyBytesOf(scope) };
}

function headText({ dialect }: Scope, key: string, alias: string): Sql {
  if (key === everyStream) return raw("''");
  return key === creationKey ? dialect.moment(alias) : raw(`${alias}.status`);
}

/** Whether a comparison is true of streams that the index has no row for. */
export function mayLackRow(query: KeyComparison): boolean {
  return isSparse(query.key) && isTrueOf(query, "");
}

/** Whether a comparison of the status is true of the most common one. */
export function isOfCommon(query: KeyComparison): boolean {
  return query.key === statusKey && isTrueOf(query, commonStatus);
}

/**
 * The condition, and one more if the comparison is never true of the most common status: that the status is another
 * one. The index has only the others, and the planner uses it only if the statement says so.
 */
export function comparison(scope: Scope, query: KeyComparison, alias: string): Sql {
  const compared = comparisonOfTexts(scope, query, alias);
  if (query.key !== statusKey || isOfCommon(query)) return compared;
  return sql`${isUncommon(alias)} and ${compared}`;
}

/** The opposite of a comparison, also with that second condition where it is never true of the most common status. */
export function negated(scope: Scope, query: KeyComparison, alias: string): Sql {
  const negation = sql`not (${comparison(scope, query, alias)})`;
  return isOfCommon(query) ? sql`${isUncommon(alias)} and ${negation}` : negation;
}

function isUncommon(alias: string): Sql {
  return raw(`${alias}.status <> '${commonStatus}'`);
}

function comparisonOfTexts(scope: Scope, query: KeyComparison, alias: string): Sql {
  const texts = textsOf(scope, query.key, alias);
  if (query.kind === "one-of") {
    const { isAmong } = scope.dialect;
    const inIndex = (each: string) => keyParts(lowerCase(each), texts.keyBytes).folded;
    const folded = [...new Set(query.texts.map(inIndex))];
    if (scope.dialect.ignoresCase) return isAmong(texts.folded, folded);
    return sql`${isAmong(texts.folded, folded)} and ${isAmong(texts.text, query.texts)}`;
  }
  const { method, text: part } = query;
  const ignoreCase = query.ignoreCase || scope.dialect.ignoresCase === true;
  switch (method) {
    case "equals": {
      const found = equals(texts, alias, lowerCase(part));
      return ignoreCase ? found : sql`${found} and ${texts.text} = ${part}`;
    }
    case "starts-with": {
      const found = startsWith(texts, alias, lowerCase(part));
      return ignoreCase
        ? found
        : sql`${found} and ${unestimated(sql`substr(${texts.text}, 1, length(${part})) = ${part}`)}`;
    }
    case "contains":
    case "ends-with": {
      const found = hasFolded(scope, query, texts, alias);
      return ignoreCase ? found : onlyIf(found, isSoAsItIs(scope, query, texts, alias));
    }
  }
}

/**
 * PostgreSQL takes an equality that it has no statistics of for true of one row in 200, and of other conditions for one
 * in two. Nearly all rows that are found in lower case are also found as they are.
 */
function unestimated(condition: Sql): Sql {
  return sql`case when ${condition} then true else false end`;
}

/** PostgreSQL would ask first what it takes for cheaper, and that would be to read the row of the table for each text. */
function onlyIf(first: Sql, second: Sql): Sql {
  return sql`case when ${first} then ${second} else false end`;
}

function isTrueOf(query: KeyComparison, text: string): boolean {
  return matches(query, { stream: "", organization: "", keys: { [query.key]: text } });
}

function keyBytesOf({ dialect }: Scope): number {
  return dialect.keyBytes ?? Number.POSITIVE_INFINITY;
}

/** The whole text in lower case, also if the index holds only its beginning. */
function wholeText(alias: string): Sql {
  return raw(`(${alias}.folded || coalesce(${alias}.rest, ''))`);
}

function equals({ folded, keyBytes }: Texts, alias: string, text: string): Sql {
  const parts = keyParts(text, keyBytes);
  const found = sql`${folded} = ${parts.folded}`;
  if (!reachesCut(text, keyBytes)) return found;
  return sql`${found} and ${raw(`coalesce(${alias}.rest, '')`)} = ${parts.rest ?? ""}`;
}

/** If the text may have been cut, the index finds the rows by a shorter beginning, and each is then compared. */
function startsWith({ folded, keyBytes }: Texts, alias: string, beginning: string): Sql {
  if (!reachesCut(beginning, keyBytes)) return beginsWith(folded, beginning);
  const least = keyParts(beginning, leastCutBytes(keyBytes) - 1).folded;
  const isWhole = sql`substr(${wholeText(alias)}, 1, length(${beginning})) = ${beginning}`;
  return sql`${beginsWith(folded, least)} and ${isWhole}`;
}

/** A row whose text was cut is recognised by its length; its whole text is read from the table. */
function hasFolded(
  scope: Scope,
  { method, text }: TextComparison,
  { folded, keyBytes }: Texts,
  alias: string,
): Sql {
  const part = lowerCase(text);
  const found = has(scope, method, folded, part);
  if (keyBytes === Number.POSITIVE_INFINITY) return found;
  const isShort = sql`octet_length(${folded}) < ${raw(String(leastCutBytes(keyBytes)))}`;
  const inRow = rowBeside(alias, has(scope, method, wholeText("e"), part));
  return sql`case when ${isShort} then ${found} else ${inRow} end`;
}

/**
 * Compare case, too. A text that contains another also contains it in lower case, so the index is searched
 * first, and only the rows it finds are read from the table.
 */
function isSoAsItIs(
  scope: Scope,
  { key, method, text }: TextComparison,
  texts: Texts,
  alias: string,
): Sql {
  if (isHeadKey(key)) return has(scope, method, texts.text, text);
  return rowBeside(alias, has(scope, method, sql`coalesce(e.text, e.folded)`, text));
}

/** A condition on the row of the table, as `e`, that belongs to a row of the index. */
function rowBeside(alias: string, holds: Sql): Sql {
  const columns = ["space", "folded", "stream"];
  const isSame = raw(columns.map((each) => `e.${each} = ${alias}.${each}`).join(" and "));
  return sql`(select ${holds} from search_keys e where ${isSame})`;
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
