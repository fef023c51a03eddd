import type { AttributeQuery, Query } from "../search.ts";

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
