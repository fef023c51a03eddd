import type { ContextValues } from "@connectrpc/connect";
import { ServiceError } from "../../domain/errors.ts";
import type { Directory, Membership } from "../../store/directory.ts";
import type { EventStore } from "../../store/event-store.ts";
import { membershipsKey, standingIn } from "../gate/standing.ts";

/**
 * Refuse an id that a new human must not get.
 *
 * Ids are never used again, and a service account keeps its own. An id that has roles is the `sub` of
 * somebody's token. Whoever may change a human can lock it, and so lock out who has its id; so only a caller
 * who may write users wherever the id has roles can add a human under it.
 *
 * @throws ServiceError `createUserIdTaken`.
 */
export async function assertFreeId(
  {
    store,
    directory,
  }: {
    readonly store: Pick<EventStore, "loadOnInstance">;
    readonly directory: Pick<Directory, "serviceAccount" | "memberships">;
  },
  values: ContextValues,
  userId: string,
  organization: string,
): Promise<void> {
  const [head, account, roles] = await Promise.all([
    store.loadOnInstance(userId),
    directory.serviceAccount(userId),
    directory.memberships(userId),
  ]);
  const isForeign = (role: Membership) => role.organization !== organization;
  const isTaken = head !== undefined || account !== undefined;
  if (isTaken || (roles.some(isForeign) && !mayWriteEverywhere(values)))
    throw new ServiceError("createUserIdTaken");
}

function mayWriteEverywhere(values: ContextValues): boolean {
  const ofInstance = values
    .get(membershipsKey)
    .filter(({ organization }) => organization === undefined);
  return standingIn(ofInstance, "", ["user.write"]) === "permitted";
}
