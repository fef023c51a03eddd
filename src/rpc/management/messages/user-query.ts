import { type SearchQuery, Type } from "../../../../gen/zitadel/user_pb.ts";
import type { Query } from "../../../store/search.ts";
import {
  assertSize,
  commonQuery,
  type Meaning,
  stateQuery,
  type UserQueries,
} from "../../user-queries.ts";
import { userStates } from "./user.ts";

/**
 * The store's form of the queries of a request, all of which a user must match.
 *
 * A login name is the user name. `…_UNSPECIFIED` and states that no user can have match nobody.
 *
 * @throws ServiceError `queryTooDeep`, `queryTooLarge`, and `queryInvalid` for a `not` of nothing.
 */
export function userQueriesFrom(
  queries: readonly SearchQuery[],
  { ignoresAccents }: Pick<Meaning, "ignoresAccents">,
): UserQueries {
  assertSize(queries, queriesIn);
  const all = (type: Type): Query => ({
    kind: "and",
    queries: queries.map((each) => queryFrom(each, { type, ignoresAccents })),
  });
  return { human: all(Type.HUMAN), machine: all(Type.MACHINE) };
}

function queryFrom({ query }: SearchQuery, meaning: Meaning): Query {
  if (query.case === "stateQuery") return stateQuery(userStates, query.value.state);
  return commonQuery(query, meaning, (each) => queryFrom(each, meaning));
}

function queriesIn({ query }: SearchQuery): readonly SearchQuery[] {
  switch (query.case) {
    case "orQuery":
    case "andQuery":
      return query.value.queries;
    case "notQuery":
      return query.value.query === undefined ? [] : [query.value.query];
    default:
      return [];
  }
}
