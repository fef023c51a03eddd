import { everyStream } from "./key-changes.ts";
import { type Comparison, fold, type Query, type Search } from "./search.ts";

/** Where engines differ. */
export type Dialect = {
  /** Stands for the value with this number, from 1. */
  readonly placeholder: (number: number) => string;
  /** A condition that is true of the rows of a key; placeholders for organization and name, in order. */
  readonly isOfKey: (alias: string, organization: string, name: string) => string;
  /** The function that tells where in its first text the second one begins; 0: nowhere. */
  readonly position: string;
  /** A condition that is true of an expression that is among the texts of a value. */
  readonly isAmong: (expression: string, placeholder: string) => string;
  /** Several texts as one value. */
  readonly list: (texts: readonly string[]) => Value;
};

export type Value = string | number | readonly string[];

export type SearchStatement = { readonly text: string; readonly values: Value[] };

/** A comparison of a key. */
export type KeyComparison = Exclude<Comparison, { kind: "streams" }>;

type TextComparison = Comparison & { kind: "text" };

/** Finds some streams that a comparison is true of: column `stream`. Walks the comparison's own key. */
export function streamsStatement(
  dialect: Dialect,
  organization: string,
  comparison: KeyComparison,
  limit: number,
): SearchStatement {
  return statement(dialect, organization, (sql) => {
    const text = `select k.stream from ${sql.keys(comparison.key, comparison)}`;
    return `${text} limit ${sql.bind(limit)}`;
  });
}

/** Finds the streams of a part of a sorted list, in order. Walks the key that it is sorted by. */
export function pageStatement(
  dialect: Dialect,
  organization: string,
  { query, sortBy, ascending, offset, limit }: Search,
): SearchStatement {
  const order = ascending ? "asc" : "desc";
  return statement(dialect, organization, (sql) => {
    const text = `select k.stream from ${sql.keys(sortBy ?? everyStream, query)}`;
    const ordered = `${text} order by k.folded ${order}, k.stream ${order}`;
    return `${ordered} limit ${sql.bind(limit)} offset ${sql.bind(offset)}`;
  });
}

/** Counts the streams that a query is true of: column `total`. Walks the key with the fewest. */
export function countStatement(
  dialect: Dialect,
  organization: string,
  query: Query,
): SearchStatement {
  const key = narrowest(query)?.key ?? everyStream;
  return statement(
    dialect,
    organization,
    (sql) => `select count(*) as total from ${sql.keys(key, query)}`,
  );
}

/** Counts the streams that can be found, but not beyond `limit`: column `total`. */
export function sizeStatement(
  dialect: Dialect,
  organization: string,
  limit: number,
): SearchStatement {
  const everything: Query = { kind: "and", queries: [] };
  return statement(
    dialect,
    organization,
    (sql) => `select count(*) as total from (
      select 1 from ${sql.keys(everyStream, everything)} limit ${sql.bind(limit)}) as counted`,
  );
}

/** What an index leads to directly, in order of how few that probably are. */
const indexed = ["equals", "one-of", "starts-with"];

/** Whether the rows of a comparison stand together in the index. Else all of its key are looked at. */
export function isIndexed(comparison: KeyComparison): boolean {
  return indexed.includes(methodOf(comparison));
}

function methodOf(comparison: KeyComparison): string {
  return comparison.kind === "text" ? comparison.method : comparison.kind;
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

type Writer = {
  /** Placeholders must be written in the order of the calls. */
  bind(value: Value): string;
  /** Rows of one key, as `k`, of streams that the query is true of. */
  keys(key: string, query: Query): string;
};

function statement(
  dialect: Dialect,
  organization: string,
  write: (sql: Writer) => string,
): SearchStatement {
  const values: Value[] = [];
  const bind = (value: Value) => dialect.placeholder(values.push(value));
  const place = (alias: string, key: string) =>
    dialect.isOfKey(alias, bind(organization), bind(key));

  /** @param key Whose row `k` is. */
  function condition(query: Query, key: string): string {
    switch (query.kind) {
      case "and":
        return joined(query.queries, "and", "true", key);
      case "or":
        return joined(query.queries, "or", "false", key);
      case "not":
        return `not (${condition(query.query, key)})`;
      case "streams":
        return dialect.isAmong("k.stream", bind(dialect.list(query.streams)));
      case "one-of":
      case "text": {
        if (query.key === key) return comparison(query, "k");
        const rows = `search_keys o where ${place("o", query.key)} and ${comparison(query, "o")}`;
        // A row that is known can be asked for; others are gathered once. "is true" keeps planners from
        // making a join of it, which they would do in the worst way if they take the rows for few.
        return methodOf(query) === "equals"
          ? `exists (select 1 from ${rows} and o.stream = k.stream) is true`
          : `(k.stream in (select o.stream from ${rows})) is true`;
      }
    }
  }

  function joined(
    queries: readonly Query[],
    operator: string,
    ofNone: string,
    key: string,
  ): string {
    const conditions = queries.map((query) => condition(query, key));
    return conditions.length === 0 ? ofNone : `(${conditions.join(` ${operator} `)})`;
  }

  function comparison(query: KeyComparison, alias: string): string {
    const folded = `${alias}.folded`;
    const text = `coalesce(${alias}.text, ${folded})`;
    if (query.kind === "one-of") {
      const texts = [...new Set(query.texts.map(fold))];
      return `${dialect.isAmong(folded, bind(dialect.list(texts)))} and ${dialect.isAmong(text, bind(dialect.list(query.texts)))}`;
    }
    const { method, ignoreCase, text: part } = query;
    switch (method) {
      case "equals": {
        const found = `${folded} = ${bind(fold(query.text))}`;
        return ignoreCase ? found : `${found} and ${text} = ${bind(part)}`;
      }
      case "starts-with": {
        const found = between(folded, fold(query.text));
        if (ignoreCase) return found;
        return `${found} and substr(${text}, 1, length(${bind(part)})) = ${bind(part)}`;
      }
      case "contains":
      case "ends-with": {
        const found = has(method, folded, fold(part));
        return ignoreCase ? found : `${found} and ${isSoAsItIs(query, alias)}`;
      }
    }
  }

  /**
   * What contains a text does so folded, too. Folded texts are looked through in the index alone; for
   * the few that are left the row beside it is asked.
   */
  function isSoAsItIs({ key, method, text }: TextComparison, alias: string): string {
    const condition = has(method, "coalesce(e.text, e.folded)", text);
    const row = `e.folded = ${alias}.folded and e.stream = ${alias}.stream`;
    return `(select ${condition} from search_keys e where ${place("e", key)} and ${row})`;
  }

  function has(method: TextComparison["method"], text: string, part: string): string {
    return method === "contains"
      ? `${dialect.position}(${text}, ${bind(part)}) > 0`
      : `substr(${text}, length(${text}) - length(${bind(part)}) + 1) = ${bind(part)}`;
  }

  function between(folded: string, beginning: string): string {
    const from = `${folded} >= ${bind(beginning)}`;
    const end = firstBehind(beginning);
    return end === undefined ? from : `${from} and ${folded} < ${bind(end)}`;
  }

  const text = write({
    bind,
    keys: (key, query) => `search_keys k where ${place("k", key)} and ${condition(query, key)}`,
  });
  return { text, values };
}

const lastCodePoint = 0x10ffff;
const lastBeforeSurrogates = 0xd7ff;
const firstAfterSurrogates = 0xe000;

/** The first text, in the order of code points, behind all that begin like this; `undefined`: none. */
function firstBehind(beginning: string): string | undefined {
  const codePoints = Array.from(beginning, (character) => character.codePointAt(0) ?? 0);
  while (codePoints.at(-1) === lastCodePoint) codePoints.pop();
  const last = codePoints.pop();
  if (last === undefined) return undefined;
  const next = last === lastBeforeSurrogates ? firstAfterSurrogates : last + 1;
  return String.fromCodePoint(...codePoints, next);
}
