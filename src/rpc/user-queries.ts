import { ServiceError } from "../domain/errors.ts";
import type { HumanStatus } from "../domain/human-state.ts";
import { type AccentedKeyName, plainKeys } from "../domain/search-keys.ts";
import type { Query } from "../store/search.ts";
import { plainText } from "../text/plain-text.ts";
import { type TextComparison, textQuery } from "./text-query.ts";

/** How many queries may be around a query, as in ZITADEL. */
const maxLevel = 20;
/** In one request, nested ones included. Each may compare a text of every user. */
const maxQueries = 100;

/** One query per type of user. */
export type UserQueries = { readonly human: Query; readonly machine: Query };

/**
 * @param inside The queries within a query.
 * @throws ServiceError `queryTooDeep`, `queryTooLarge`.
 */
export function assertSize<Asked>(
  queries: readonly Asked[],
  inside: (query: Asked) => readonly Asked[],
): void {
  let count = 0;
  const visit = (level: readonly Asked[], depth: number) => {
    count += level.length;
    if (count > maxQueries) throw new ServiceError("queryTooLarge");
    for (const each of level) {
      if (depth > maxLevel) throw new ServiceError("queryTooDeep");
      visit(inside(each), depth + 1);
    }
  };
  visit(queries, 0);
}

/** @param states The number of each state. One that is not among them matches nobody. */
export function stateQuery(states: Readonly<Record<HumanStatus, number>>, state: number): Query {
  const statuses = Object.keys(states) as HumanStatus[];
  const status = statuses.find((each) => states[each] === state);
  if (status === undefined) return constant(false);
  // A state is in lower case anyway, so it is compared in the index, which holds texts in lower case.
  return { kind: "text", key: "state", text: status, method: "equals", ignoreCase: true };
}

type Case<Name, Value> = { readonly case: Name; readonly value: Value };
type TextCase<Name, Field extends string> = Case<
  Name,
  Readonly<Record<Field, string>> & { readonly method: number }
>;

/** What users can be asked for in both versions of the API. `Asked`: a query of one of them, which may be nested. */
export type CommonQuery<Asked> =
  | TextCase<"userNameQuery", "userName">
  | TextCase<"loginNameQuery", "loginName">
  | TextCase<"firstNameQuery", "firstName">
  | TextCase<"lastNameQuery", "lastName">
  | TextCase<"nickNameQuery", "nickName">
  | TextCase<"displayNameQuery", "displayName">
  | TextCase<"emailQuery", "emailAddress">
  | Case<"typeQuery", { readonly type: number }>
  | Case<"inUserIdsQuery", { readonly userIds: readonly string[] }>
  | Case<"inUserEmailsQuery", { readonly userEmails: readonly string[] }>
  | Case<"orQuery" | "andQuery", { readonly queries: readonly Asked[] }>
  | Case<"notQuery", { readonly query?: Asked | undefined }>
  | { readonly case: undefined };

/** What queries of one request mean. */
export type Meaning = {
  /** Of the users that are asked for, by its number. */
  readonly type: number;
  /** Whether what ignores case ignores accents, too. */
  readonly ignoresAccents: boolean;
};

/**
 * @param queryFrom The store's form of a nested query.
 * @throws ServiceError `queryInvalid` if there is none, and for a `not` of nothing.
 */
export function commonQuery<Asked>(
  query: CommonQuery<Asked>,
  { type, ignoresAccents }: Meaning,
  queryFrom: (asked: Asked) => Query,
): Query {
  const byKey = (key: AccentedKeyName, text: string, method: number): Query => {
    const comparison = textQuery(key, text, method);
    return ignoresAccents && comparison.ignoreCase ? withoutAccents(key, comparison) : comparison;
  };
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
    case "typeQuery":
      return constant(query.value.type === type);
    case "inUserIdsQuery":
      return { kind: "streams", streams: query.value.userIds };
    case "inUserEmailsQuery":
      return { kind: "one-of", key: "email", texts: query.value.userEmails };
    case "orQuery":
    case "andQuery": {
      const queries = query.value.queries.map(queryFrom);
      return { kind: query.case === "orQuery" ? "or" : "and", queries };
    }
    case "notQuery":
      if (query.value.query === undefined) throw new ServiceError("queryInvalid");
      return { kind: "not", query: queryFrom(query.value.query) };
    case undefined:
      throw new ServiceError("queryInvalid");
  }
}

/**
 * Compare both texts without accents. A text without any has no other key.
 *
 * Who asks for nothing but accents looks for exactly these: a text of which nothing is left is in every other one.
 */
function withoutAccents(key: AccentedKeyName, comparison: TextComparison): Query {
  const text = plainText(comparison.text);
  if (text === "") return comparison;
  const plain = { ...comparison, key: plainKeys[key], text };
  return { kind: "or", queries: [{ ...comparison, text }, plain] };
}

/** True of everybody, or of nobody. */
function constant(isTrue: boolean): Query {
  return { kind: isTrue ? "and" : "or", queries: [] };
}
