import { Code, ConnectError } from "@connectrpc/connect";
import type { Api } from "../api.ts";

/** What who is signed in may do with users of the organization. */
export type Permissions = {
  /** `user.write`: change a user. */
  readonly mayWrite: boolean;
  /** `user.delete`: remove a user. */
  readonly mayDelete: boolean;
};

/**
 * Makes the function that says which buttons to show.
 *
 * The page cannot know who is signed in: a token does not tell, and ListUserMemberships needs an id. So the
 * server is asked with two calls that change nothing: they name no user. The server checks the permission
 * before it reads the body, so it answers `permission_denied` to whoever may not make the call, and
 * `invalid_argument` to whoever may. This decides about buttons alone. The server decides about every call
 * again, because roles change while the page is open.
 *
 * @returns The answer is kept until the page is loaded again. Without an answer nothing may be done, and the
 *   next call asks again.
 */
export function createPermissions(api: Api): () => Promise<Permissions> {
  const mayWrite = remember(() => api.updateUserName({}));
  const mayDelete = remember(() => api.removeUser({}));
  return async () => {
    const [write, remove] = await Promise.all([mayWrite(), mayDelete()]);
    return { mayWrite: write, mayDelete: remove };
  };
}

function remember(ask: () => Promise<unknown>): () => Promise<boolean> {
  let known: boolean | undefined;
  return async () => {
    known ??= await isAllowed(ask);
    return known ?? false;
  };
}

/** `undefined` if the answer does not tell. */
async function isAllowed(ask: () => Promise<unknown>): Promise<boolean | undefined> {
  try {
    await ask();
  } catch (error) {
    const { code } = ConnectError.from(error);
    if (code === Code.InvalidArgument) return true;
    if (code === Code.PermissionDenied) return false;
  }
  return undefined;
}
