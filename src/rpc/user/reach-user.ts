import type { ContextValues } from "@connectrpc/connect";
import { type ErrorKey, ServiceError } from "../../domain/errors.ts";
import type { HumanState, PresentHuman } from "../../domain/human-state.ts";
import type { Directory, ServiceAccount } from "../../store/directory.ts";
import type { EventStore, Head } from "../../store/event-store.ts";
import { callerKey } from "../gate/authenticate.ts";
import { assertPermitted, membershipsKey } from "../gate/standing.ts";
import { noteRights } from "../repeats/repeat.ts";

/** Where users are looked for. */
export type Users = {
  readonly store: Pick<EventStore, "loadOnInstance">;
  readonly directory: Pick<Directory, "serviceAccount">;
};

/** What a call wants of a user. */
export type Wish = {
  /** Needed where the user lives. */
  readonly permission: string;
  /** Permissions of which one is needed if the caller is the user; `[]` if none is. Default: `permission`. */
  readonly ofSelf?: readonly string[];
  /** The error for a user who is not there, for those who may know it. */
  readonly missing: ErrorKey;
};

/** A user whom the caller may reach. */
export type Reached =
  | { readonly kind: "human"; readonly head: Head<PresentHuman> }
  | { readonly kind: "machine"; readonly account: ServiceAccount };

/**
 * Find a user on the whole instance, for a caller who has the permission where the user lives.
 *
 * Who has no role there learns nothing: an unknown id and a user of an organization in which the caller has
 * no role are refused alike. A caller with a role on the instance has one everywhere, so it is told that an
 * id is unknown. So are members about users whom their organization had.
 *
 * @throws ServiceError `membershipNotFound` if the caller has no role where the user lives, or if nobody
 *   has the id and the caller has no role on the instance.
 * @throws ServiceError `userPermissionMissing` for a caller with other roles there.
 * @throws ServiceError `missing` if there is no such user, or not any more.
 */
export async function reachUser(
  users: Users,
  values: ContextValues,
  userId: string,
  wish: Wish,
): Promise<Reached> {
  const { head, account } = await find(users, userId);
  assertAllowed(values, userId, head?.organization ?? account?.organization, wish);
  if (head !== undefined && isPresent(head)) return { kind: "human", head };
  if (account !== undefined) return { kind: "machine", account };
  throw new ServiceError(wish.missing);
}

/**
 * `reachUser` for calls that do not say whether there is such a user.
 *
 * @returns The organization that owns the user, or owned it; `undefined` if nobody has the id.
 */
export async function reachOwner(
  users: Users,
  values: ContextValues,
  userId: string,
  permission: string,
): Promise<string | undefined> {
  const { head, account } = await find(users, userId);
  const owner = head?.organization ?? account?.organization;
  assertAllowed(values, userId, owner, { permission });
  return owner;
}

async function find({ store, directory }: Users, userId: string) {
  const head = await store.loadOnInstance<HumanState>(userId);
  const account = head === undefined ? await directory.serviceAccount(userId) : undefined;
  return { head, account };
}

/**
 * `reachUser` for what only humans have: machines are not there.
 *
 * @returns The head of the human.
 */
export async function reachHuman(
  users: Users,
  values: ContextValues,
  userId: string,
  wish: Wish,
): Promise<Head<PresentHuman>> {
  const reached = await reachUser(users, values, userId, wish);
  if (reached.kind === "machine") throw new ServiceError(wish.missing);
  return reached.head;
}

/** @param owner `undefined` if nobody has the id. */
function assertAllowed(
  values: ContextValues,
  userId: string,
  owner: string | undefined,
  { permission, ofSelf = [permission] }: Omit<Wish, "missing">,
): void {
  const memberships = values.get(membershipsKey);
  const isSelf = values.get(callerKey)?.subject === userId;
  if (isSelf && ofSelf.length === 0) return;
  if (owner === undefined) {
    const isKnownEverywhere = memberships.some(({ organization }) => organization === undefined);
    if (!isKnownEverywhere) throw new ServiceError("membershipNotFound");
    return;
  }
  const permissions = isSelf ? ofSelf : [permission];
  assertPermitted(memberships, owner, permissions, "userPermissionMissing");
  noteRights(values, { organization: owner, permissions });
}

function isPresent(head: Head<HumanState>): head is Head<PresentHuman> {
  return head.state.kind === "present";
}
