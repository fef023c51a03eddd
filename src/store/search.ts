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

/**
 * Whether a stream without attributes matches a query. The engines find exactly the streams for which this is
 * true, once queries of attributes are replaced by the streams that have them.
 */
export function matches(query: Query, { stream, organization, keys }: Judged): boolean {
  const isTrue = (each: Query) => matches(each, { stream, organization, keys });
  switch (query.kind) {
    case "and":
      return query.queries.every(isTrue);
    case "or":
      return query.queries.some(isTrue);
    case "not":
      return !isTrue(query.query);
    case "attribute":
      return false;
    case "organizations":
      return query.organizations.includes(organization);
    case "streams":
      return query.streams.includes(stream);
    case "one-of":
      return query.texts.includes(keys[query.key] ?? "");
    case "text": {
      const { method, ignoreCase } = query;
      const text = keys[query.key] ?? "";
      return ignoreCase
        ? comparisons[method](lowerCase(text), lowerCase(query.text))
        : comparisons[method](text, query.text);
    }
  }
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
