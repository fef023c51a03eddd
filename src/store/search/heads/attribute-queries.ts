import { type AttributeQuery, matcher, type Query } from "../../search.ts";
import type { Row } from "../../sql/rows.ts";
import type { Dialect } from "../condition-sql.ts";
import { attributeAmongStatement, type SearchStatement } from "../search-sql.ts";

/** Finds the streams with an attribute; `undefined`: they are too many. */
export type FindAttribute = (query: AttributeQuery) => Promise<readonly string[] | undefined>;

/** Replace queries of attributes by the streams that have them, where those are few. */
export async function withStreams(query: Query, find: FindAttribute): Promise<Query> {
  switch (query.kind) {
    case "attribute": {
      const streams = await find(query);
      return streams === undefined ? query : { kind: "streams", streams };
    }
    case "and":
    case "or": {
      const queries: Query[] = [];
      for (const each of query.queries) queries.push(await withStreams(each, find));
      return { kind: query.kind, queries };
    }
    case "not":
      return { kind: "not", query: await withStreams(query.query, find) };
    default:
      return query;
  }
}

/** Prepare to say which of some streams match a query by their heads and, if it asks for them, by their attributes. */
export async function matcherAmong(
  streams: readonly string[],
  query: Query,
  {
    dialect,
    lookUp,
  }: {
    readonly dialect: Dialect;
    readonly lookUp: (statement: SearchStatement) => Promise<readonly Row[]>;
  },
): Promise<ReturnType<typeof matcher>> {
  const known = await withStreams(query, async (attribute) => {
    const rows = await lookUp(attributeAmongStatement(dialect, attribute, streams));
    return rows.map(({ stream }) => String(stream));
  });
  return matcher(known);
}
