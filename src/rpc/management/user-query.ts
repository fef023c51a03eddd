import type { TextQueryMethod } from "../../../gen/zitadel/object_pb.ts";
import { type SearchQuery, Type, type UserState } from "../../../gen/zitadel/user_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { SearchKeyName } from "../../domain/search-keys.ts";
import type { Query } from "../../store/search.ts";
import { textQuery } from "./text-query.ts";
import { userStates } from "./user.ts";

/** How many queries may be around a query, as in ZITADEL. */
const maxLevel = 20;
/** In one request, nested ones included. Each may compare a text of every user. */
const maxQueries = 100;

/** One query per type of user. */
export type UserQueries = { readonly human: Query; readonly machine: Query };

/**
 * The store's form of the queries of a request, all of which a user must match.
 *
 * A login name is the user name. `…_UNSPECIFIED` and states that no user can have match nobody.
 *
 * @throws ServiceError `queryTooDeep`, `queryTooLarge`, and `queryInvalid` for a `not` of nothing.
 */
export function userQueriesFrom(queries: readonly SearchQuery[]): UserQueries {
  assertSize(queries);
  const all = (type: Type): Query => ({
    kind: "and",
    queries: queries.map((each) => queryFrom(each, type)),
  });
  return { human: all(Type.HUMAN), machine: all(Type.MACHINE) };
}

const byKey: (...args: [SearchKeyName, ...Rest]) => Query = textQuery;
type Rest = [text: string, method: TextQueryMethod];

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
  const status = Object.entries(userStates).find(([, each]) => each === state)?.[0];
  if (status === undefined) return constant(false);
  // A state is in lower case anyway, so it is compared in the index, which holds texts in lower case.
  return { kind: "text", key: "state", text: status, method: "equals", ignoreCase: true };
}

function constant(isTrue: boolean): Query {
  return { kind: isTrue ? "and" : "or", queries: [] };
}

function assertSize(queries: readonly SearchQuery[]): void {
  let count = 0;
  const visit = (inside: readonly SearchQuery[], level: number) => {
    count += inside.length;
    if (count > maxQueries) throw new ServiceError("queryTooLarge");
    for (const each of inside) {
      if (level > maxLevel) throw new ServiceError("queryTooDeep");
      visit(queriesIn(each), level + 1);
    }
  };
  visit(queries, 0);
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
