import { create } from "@bufbuild/protobuf";
import { TextQueryMethod } from "../../gen/zitadel/object_pb.ts";
import {
  type SearchQuery,
  SearchQuerySchema,
  type User,
  UserFieldName,
} from "../../gen/zitadel/user_pb.ts";
import type { Api } from "./api.ts";
import { problemFrom } from "./problem.ts";

/** One page of the users who were found, ordered by display name. */
export type Found = {
  readonly users: readonly User[];
  /** How many were found in all. */
  readonly total: number;
  /** Whether only names that begin with the words were looked for. */
  readonly isByBeginning: boolean;
};

type Page = { readonly text: string; readonly offset: number; readonly limit: number };

/**
 * Find users by name, user name or e-mail address.
 *
 * The server searches inside names only if there are not too many users: up to some millions. If there are
 * more, this asks for names that begin with the words, because the server has an index for them.
 *
 * @param page.text Every word must occur in a name, the user name or the e-mail address, in upper or lower
 *   case. Without a word everybody is found.
 */
export async function findUsers(api: Api, page: Page, signal?: AbortSignal): Promise<Found> {
  try {
    return await ask(api, page, TextQueryMethod.CONTAINS_IGNORE_CASE, signal);
  } catch (error) {
    if (problemFrom(error).reason !== "SEARCH_TOO_BROAD") throw error;
    return ask(api, page, TextQueryMethod.STARTS_WITH_IGNORE_CASE, signal);
  }
}

async function ask(
  api: Api,
  page: Page,
  method: TextQueryMethod,
  signal: AbortSignal | undefined,
): Promise<Found> {
  const { result, details } = await api.listUsers(
    {
      query: { offset: BigInt(page.offset), limit: page.limit, asc: true },
      sortingColumn: UserFieldName.DISPLAY_NAME,
      queries: page.text
        .split(/\s+/)
        .filter((word) => word !== "")
        .map((word) => queryFrom(word, method)),
    },
    { ...(signal && { signal }) },
  );
  return {
    users: result,
    total: Number(details?.totalResult ?? 0n),
    isByBeginning: method === TextQueryMethod.STARTS_WITH_IGNORE_CASE,
  };
}

function queryFrom(word: string, method: TextQueryMethod): SearchQuery {
  return create(SearchQuerySchema, {
    query: {
      case: "orQuery",
      value: {
        queries: [
          { query: { case: "displayNameQuery", value: { displayName: word, method } } },
          { query: { case: "firstNameQuery", value: { firstName: word, method } } },
          { query: { case: "lastNameQuery", value: { lastName: word, method } } },
          { query: { case: "nickNameQuery", value: { nickName: word, method } } },
          { query: { case: "userNameQuery", value: { userName: word, method } } },
          { query: { case: "emailQuery", value: { emailAddress: word, method } } },
        ],
      },
    },
  });
}
