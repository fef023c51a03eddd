import { lowerCase } from "../text/lower-case.ts";

/**
 * What searches look at: texts by name, such as `{ lastName: "Giraffe" }`. Each has at most about 300
 * characters, because it is stored in an index. A missing text counts as `""`.
 */
export type SearchKeys = Readonly<Record<string, string>>;

/**
 * Whose streams a search may find: those of one organization, of several, or of all. Of none, it finds
 * nothing. There is no default, so all of them are searched only where the code says so.
 */
export type SearchScope = string | readonly string[] | { readonly everyOrganization: true };

/** What a stream must match. Texts have no wildcards and are not normalised. */
export type Query =
  /** All of the queries, or at least one of them. Of no queries, `and` is true and `or` is false. */
  | { readonly kind: "and" | "or"; readonly queries: readonly Query[] }
  | { readonly kind: "not"; readonly query: Query }
  | AttributeQuery
  | OrganizationQuery
  | Comparison;

/** One of these organizations owns the stream. Narrows what a search finds, and never widens its scope. */
export type OrganizationQuery = {
  readonly kind: "organizations";
  readonly organizations: readonly string[];
};

/** The stream has an attribute with this key and this value; `undefined`: with any. */
export type AttributeQuery = {
  readonly kind: "attribute";
  readonly key: string | undefined;
  readonly value: Uint8Array | undefined;
};

/** A query of one key, or of the stream's id. */
export type Comparison =
  | {
      readonly kind: "text";
      readonly key: string;
      readonly method: "equals" | "starts-with" | "contains" | "ends-with";
      readonly text: string;
      /** Compare the lower case of both texts. */
      readonly ignoreCase: boolean;
    }
  /** The text is one of these, case included. */
  | { readonly kind: "one-of"; readonly key: string; readonly texts: readonly string[] }
  | { readonly kind: "streams"; readonly streams: readonly string[] };

/** One page of a sorted list. */
export type Search = {
  readonly query: Query;
  /**
   * The key whose text in lower case decides the order, by code points. Streams with equal texts are in
   * the order of their ids. `undefined`: sort by id alone.
   */
  readonly sortBy: string | undefined;
  /** Lowest first, else the exact reverse. */
  readonly ascending: boolean;
  readonly offset: number;
  readonly limit: number;
};

/** More streams would have to be looked at than one search may. The message says how many. */
export class SearchTooBroadError extends Error {
  override readonly name = "SearchTooBroadError";
}

/** What a query is asked about. */
export type Judged = {
  readonly stream: string;
  readonly organization: string;
  readonly keys: SearchKeys;
};

/** Says whether a stream matches. */
export type Matcher = (judged: Judged) => boolean;

/**
 * Prepare to say whether streams without attributes match a query. The engines find exactly the streams for
 * which this is true, once queries of attributes are replaced by the streams that have them.
 *
 * Lists become sets, because there may be thousands of texts in a list and thousands of streams.
 */
export function matcher(query: Query): Matcher {
  switch (query.kind) {
    case "and": {
      const all = query.queries.map(matcher);
      return (judged) => all.every((isTrue) => isTrue(judged));
    }
    case "or": {
      const some = query.queries.map(matcher);
      return (judged) => some.some((isTrue) => isTrue(judged));
    }
    case "not": {
      const isTrue = matcher(query.query);
      return (judged) => !isTrue(judged);
    }
    case "attribute":
      return () => false;
    case "organizations": {
      const organizations = new Set(query.organizations);
      return ({ organization }) => organizations.has(organization);
    }
    case "streams": {
      const streams = new Set(query.streams);
      return ({ stream }) => streams.has(stream);
    }
    case "one-of": {
      const texts = new Set(query.texts);
      return ({ keys }) => texts.has(keys[query.key] ?? "");
    }
    case "text":
      return textMatcher(query);
  }
}

/** As `matcher`, for a query that is asked once. */
export function matches(query: Query, judged: Judged): boolean {
  return matcher(query)(judged);
}

function textMatcher({
  key,
  method,
  ignoreCase,
  text: part,
}: Comparison & { kind: "text" }): Matcher {
  const isTrue = comparisons[method];
  if (!ignoreCase) return ({ keys }) => isTrue(keys[key] ?? "", part);
  const folded = lowerCase(part);
  return ({ keys }) => isTrue(lowerCase(keys[key] ?? ""), folded);
}

const comparisons = {
  equals: (text, part) => text === part,
  "starts-with": (text, part) => text.startsWith(part),
  contains: (text, part) => text.includes(part),
  "ends-with": (text, part) => text.endsWith(part),
} satisfies Record<string, (text: string, part: string) => boolean>;

/** Something that can be sorted like a stream. */
type Placed = { readonly stream: string; readonly keys: SearchKeys };

/** Sort as `Search` says. */
export function sorted<Item extends Placed>(
  items: readonly Item[],
  { sortBy, ascending }: Pick<Search, "sortBy" | "ascending">,
): Item[] {
  const sign = ascending ? 1 : -1;
  return items
    .map((item) => ({
      item,
      text: Buffer.from(sortBy === undefined ? "" : lowerCase(item.keys[sortBy] ?? "")),
      stream: Buffer.from(item.stream),
    }))
    .sort((a, b) => sign * (Buffer.compare(a.text, b.text) || Buffer.compare(a.stream, b.stream)))
    .map(({ item }) => item);
}
