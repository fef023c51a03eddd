import { create } from "@bufbuild/protobuf";
import { TextQueryMethod } from "../../gen/zitadel/object_pb.ts";
import {
  type SearchQuery,
  SearchQuerySchema,
  type User,
  UserFieldName,
} from "../../gen/zitadel/user_pb.ts";
import type { Api } from "./api.ts";

/** A part of all who are found, in the order of their display names. */
export type Found = {
  readonly users: readonly User[];
  /** How many there are in all. */
  readonly total: number;
};

/**
 * Find users by name, user name or e-mail address.
 *
 * @param page.text Every word must occur in one of them, whatever its case. Without a word, everybody
 *   is found.
 */
export async function findUsers(
  api: Api,
  page: { readonly text: string; readonly offset: number; readonly limit: number },
  signal?: AbortSignal,
): Promise<Found> {
  const { result, details } = await api.listUsers(
    {
      query: { offset: BigInt(page.offset), limit: page.limit, asc: true },
      sortingColumn: UserFieldName.DISPLAY_NAME,
      queries: page.text
        .split(/\s+/)
        .filter((word) => word !== "")
        .map(queryFrom),
    },
    { ...(signal && { signal }) },
  );
  return { users: result, total: Number(details?.totalResult ?? 0n) };
}

function queryFrom(word: string): SearchQuery {
  const method = TextQueryMethod.CONTAINS_IGNORE_CASE;
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
