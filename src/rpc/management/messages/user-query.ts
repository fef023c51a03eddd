import type { TextQueryMethod } from "../../../../gen/zitadel/object_pb.ts";
import { type SearchQuery, Type, type UserState } from "../../../../gen/zitadel/user_pb.ts";
import { ServiceError } from "../../../domain/errors.ts";
import type { SearchKeyName } from "../../../domain/search-keys.ts";
import type { Query } from "../../../store/search.ts";
import { textQuery } from "../../text-query.ts";
import { assertSize, constant, statusQuery, type UserQueries } from "../../user-queries.ts";
import { userStates } from "./user.ts";

/**
 * The store's form of the queries of a request, all of which a user must match.
 *
 * A login name is the user name. `…_UNSPECIFIED` and states that no user can have match nobody.
 *
 * @throws ServiceError `queryTooDeep`, `queryTooLarge`, and `queryInvalid` for a `not` of nothing.
 */
export function userQueriesFrom(queries: readonly SearchQuery[]): UserQueries {
  assertSize(queries, queriesIn);
  const all = (type: Type): Query => ({
    kind: "and",
    queries: queries.map((each) => queryFrom(each, type)),
  });
  return { human: all(Type.HUMAN), machine: all(Type.MACHINE) };
}

const byKey: (key: SearchKeyName, text: string, method: TextQueryMethod) => Query = textQuery;

function queryFrom({ query }: SearchQuery, type: Type): Query {
  switch (query.case) {
    case "userNameQuery":
      return byKey("userName", query.value.userName, query.value.method);
    case "loginNameQuery":
      return byKey("userName", query.value.loginName, query.value.method);
    case "firstNameQuery":
      return byKey("firstName", query.value.firstName, query.value.method);
    case "lastNameQuery":
      return byKey("lastName", query.value.lastName, query.value.method);
    case "nickNameQuery":
      return byKey("nickName", query.value.nickName, query.value.method);
    case "displayNameQuery":
      return byKey("displayName", query.value.displayName, query.value.method);
    case "emailQuery":
      return byKey("email", query.value.emailAddress, query.value.method);
    case "stateQuery":
      return stateQuery(query.value.state);
    case "typeQuery":
      return constant(query.value.type === type);
    case "inUserIdsQuery":
      return { kind: "streams", streams: query.value.userIds };
    case "inUserEmailsQuery":
      return { kind: "one-of", key: "email", texts: query.value.userEmails };
    case "orQuery":
    case "andQuery": {
      const queries = query.value.queries.map((each) => queryFrom(each, type));
      return { kind: query.case === "orQuery" ? "or" : "and", queries };
    }
    case "notQuery":
      if (query.value.query === undefined) throw new ServiceError("queryInvalid");
      return { kind: "not", query: queryFrom(query.value.query, type) };
    case undefined:
      throw new ServiceError("queryInvalid");
  }
}

function stateQuery(state: UserState): Query {
  const statuses = Object.keys(userStates) as (keyof typeof userStates)[];
  return statusQuery(statuses.find((status) => userStates[status] === state));
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
