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
import { plainText, type State, type Terms, wordsOf } from "./terms.ts";

/** One page of the users who were found, ordered by display name. */
export type Found = {
  readonly users: readonly User[];
  /** How many were found in all. */
  readonly total: number;
  /**
   * How the words were compared: anywhere, without regard to accents; anywhere, but with accents; or only with the
   * beginnings of names. The more users there are, the less can be asked of the server.
   */
  readonly way: "anywhere" | "accents" | "beginnings";
};

type Asked = MessageInitShape<typeof SearchQuerySchema>;

type Page = { readonly offset: number; readonly limit: number };

/** The most that the server sends at once: so many users are read and compared here. */
const maxCompared = 1_000;

const stateOf: Readonly<Record<Exclude<State, "">, UserState>> = {
  active: UserState.ACTIVE,
  inactive: UserState.INACTIVE,
  locked: UserState.LOCKED,
  initial: UserState.INITIAL,
};

/**
 * Makes the function that finds users by words, of which each must be in a name, the user name or the e-mail
 * address, in upper or lower case, or be the id.
 *
 * The server's index has no texts without accents. So up to a thousand users are compared here; among more, the server
 * looks for the words as they were typed and for the words without accents. It looks inside names of up to some millions.
 */
export function createFindUsers(api: Api) {
  /** The kinds and states of which there are too many users to compare them here. */
  const isLarge = new Set<string>();

  async function findHere(
    terms: Terms,
    page: Page,
    signal?: AbortSignal,
  ): Promise<Found | undefined> {
    const key = `${terms.kind} ${terms.state}`;
    if (isLarge.has(key)) return undefined;
    const all = await ask(api, queriesFrom(terms), { offset: 0, limit: maxCompared }, signal);
    if (all.total > maxCompared) {
      isLarge.add(key);
      return undefined;
    }
    const words = wordsOf(terms).map(plainText);
    const users = all.users.filter((user) => {
      const texts = textsOf(user).map(plainText);
      return words.every((word) => word === user.id || texts.some((text) => text.includes(word)));
    });
    const { offset, limit } = page;
    return { users: users.slice(offset, offset + limit), total: users.length, way: "anywhere" };
  }

  async function findThere(
    terms: Terms,
    page: Page,
    signal: AbortSignal | undefined,
    method: TextQueryMethod,
  ): Promise<Omit<Found, "way">> {
    const words = wordsOf(terms).map((word) => wordQuery(word, method));
    return ask(api, [...queriesFrom(terms), ...words], page, signal);
  }

  return async (terms: Terms, page: Page, signal?: AbortSignal): Promise<Found> => {
    const { CONTAINS_IGNORE_CASE, STARTS_WITH_IGNORE_CASE } = TextQueryMethod;
    if (wordsOf(terms).length === 0)
      return { ...(await ask(api, queriesFrom(terms), page, signal)), way: "anywhere" };
    const found = await findHere(terms, page, signal);
    if (found !== undefined) return found;
    try {
      return { ...(await findThere(terms, page, signal, CONTAINS_IGNORE_CASE)), way: "accents" };
    } catch (error) {
      if (problemFrom(error).reason !== "SEARCH_TOO_BROAD") throw error;
      const some = await findThere(terms, page, signal, STARTS_WITH_IGNORE_CASE);
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
    { ...(signal && { signal }) },
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

/** Where words are looked for. */
function textsOf({ userName, type }: User): string[] {
  if (type.case === "machine") return [userName, type.value.name];
  const profile = type.value?.profile;
  return [
    ...[profile?.displayName ?? "", profile?.firstName ?? "", profile?.lastName ?? ""],
    ...[profile?.nickName ?? "", userName, type.value?.email?.email ?? ""],
  ];
}

function wordQuery(word: string, method: TextQueryMethod): SearchQuery {
  const texts = [...new Set([word, plainText(word)])];
  const queries = texts.flatMap((text) => textQueries(text, method));
  const byId: Asked = { query: { case: "inUserIdsQuery", value: { userIds: [word] } } };
  return create(SearchQuerySchema, {
    query: { case: "orQuery", value: { queries: [byId, ...queries] } },
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
