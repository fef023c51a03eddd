import type { User } from "../../gen/zitadel/user_pb.ts";
import type { Api } from "./api.ts";
import { problemFrom } from "./problem.ts";

/** A part of all who are found. */
export type Found = {
  readonly users: readonly User[];
  /** How many there are in all. */
  readonly total: number;
};

/**
 * Find the user whose id or user name it is.
 *
 * @param page.text Nobody is found without one.
 */
export async function findUsers(
  api: Api,
  page: { readonly text: string; readonly offset: number; readonly limit: number },
  signal?: AbortSignal,
): Promise<Found> {
  const text = page.text.trim();
  if (text === "") return { users: [], total: 0 };
  const options = signal && { signal };
  const { user } =
    (await unlessNotFound(api.getUserByID({ id: text }, options))) ??
    (await unlessNotFound(api.getUserByLoginNameGlobal({ loginName: text }, options))) ??
    {};
  return user === undefined ? { users: [], total: 0 } : { users: [user], total: 1 };
}

async function unlessNotFound<Answer>(call: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call;
  } catch (error) {
    if (problemFrom(error).reason === "USER_NOT_FOUND") return undefined;
    throw error;
  }
}
