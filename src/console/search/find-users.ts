import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { TextQueryMethod } from "../../../gen/zitadel/object_pb.ts";
import {
  type SearchQuery,
  SearchQuerySchema,
  Type,
  type User,
  UserFieldName,
  UserState,
} from "../../../gen/zitadel/user_pb.ts";
import type { Api } from "../api.ts";
import { problemFrom } from "../problem.ts";
import { type State, type Terms, wordsOf } from "./terms.ts";

/** One page of the users who were found, ordered by display name. */
export type Found = {
  readonly users: readonly User[];
  /** How many were found in all. */
  readonly total: number;
  /**
   * Where the words were looked for: anywhere in names, or, among too many users, only at the beginnings of names.
   */
  readonly way: "anywhere" | "beginnings";
};

type Asked = MessageInitShape<typeof SearchQuerySchema>;

type Page = { readonly offset: number; readonly limit: number };

const stateOf: Readonly<Record<Exclude<State, "">, UserState>> = {
  active: UserState.ACTIVE,
  inactive: UserState.INACTIVE,
  locked: UserState.LOCKED,
};

/**
 * Makes the function that finds users by words, of which each must be in a name, the user name or the e-mail
 * address, in upper or lower case, with or without accents, or be the id.
 *
 * The server looks inside the names of up to some hundred thousand users. Among more, names must begin with the words.
 */
export function createFindUsers(api: Api) {
  const find = (
    terms: Terms,
    page: Page,
    signal: AbortSignal | undefined,
    method: TextQueryMethod,
  ): Promise<Omit<Found, "way">> => {
    const words = wordsOf(terms).map((word) => wordQuery(word, method));
    return ask(api, [...queriesFrom(terms), ...words], page, signal);
  };

  return async (terms: Terms, page: Page, signal?: AbortSignal): Promise<Found> => {
    const { CONTAINS_IGNORE_CASE, STARTS_WITH_IGNORE_CASE } = TextQueryMethod;
    try {
      return { ...(await find(terms, page, signal, CONTAINS_IGNORE_CASE)), way: "anywhere" };
    } catch (error) {
      if (problemFrom(error).reason !== "SEARCH_TOO_BROAD") throw error;
      const some = await find(terms, page, signal, STARTS_WITH_IGNORE_CASE);
      return { ...some, way: "beginnings" };
    }
  };
}

async function ask(
  api: Api,
  queries: SearchQuery[],
  { offset, limit }: Page,
  signal: AbortSignal | undefined,
): Promise<Omit<Found, "way">> {
  const { result, details } = await api.listUsers(
    {
      query: { offset: BigInt(offset), limit, asc: true },
      sortingColumn: UserFieldName.DISPLAY_NAME,
      queries,
    },
    { headers: { "x-giraffe-ignore-accents": "true" }, ...(signal && { signal }) },
  );
  return { users: result, total: Number(details?.totalResult ?? 0n) };
}

/** What is asked beside words. */
function queriesFrom({ kind, state }: Terms): SearchQuery[] {
  const type = kind === "people" ? Type.HUMAN : Type.MACHINE;
  const ofKind = create(SearchQuerySchema, { query: { case: "typeQuery", value: { type } } });
  if (state === "") return [ofKind];
  const inState = { case: "stateQuery", value: { state: stateOf[state] } } as const;
  return [ofKind, create(SearchQuerySchema, { query: inState })];
}

/** Where a word is looked for. */
function wordQuery(word: string, method: TextQueryMethod): SearchQuery {
  const byId: Asked = { query: { case: "inUserIdsQuery", value: { userIds: [word] } } };
  return create(SearchQuerySchema, {
    query: { case: "orQuery", value: { queries: [byId, ...textQueries(word, method)] } },
  });
}

function textQueries(text: string, method: TextQueryMethod): Asked[] {
  return [
    { query: { case: "displayNameQuery", value: { displayName: text, method } } },
    { query: { case: "firstNameQuery", value: { firstName: text, method } } },
    { query: { case: "lastNameQuery", value: { lastName: text, method } } },
    { query: { case: "nickNameQuery", value: { nickName: text, method } } },
    { query: { case: "userNameQuery", value: { userName: text, method } } },
    { query: { case: "emailQuery", value: { emailAddress: text, method } } },
  ];
}
