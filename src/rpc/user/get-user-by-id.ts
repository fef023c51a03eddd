import type { MethodImpl } from "@connectrpc/connect";
import type { UserService } from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import { noteVersion } from "../extras/extras.ts";
import { versionOfServiceAccount } from "../management/messages/user.ts";
import { userFromHead, userFromServiceAccount } from "./messages/user.ts";
import { reachUser, type Users } from "./reach-user.ts";

/** Read a user by id. Sees every change that was acknowledged before. */
export function createGetUserByID(users: Users): MethodImpl<typeof UserService.method.getUserByID> {
  return async ({ userId }, { values }) => {
    const wish = { permission: "user.read", ofSelf: [], missing: "userNotFound" } as const;
    const reached = await reachUser(users, values, userId, wish);
    const isHuman = reached.kind === "human";
    noteVersion(values, isHuman ? reached.head.version : versionOfServiceAccount);
    const user =
      reached.kind === "human"
        ? userFromHead(userId, reached.head)
        : userFromServiceAccount(reached.account);
    return { user, ...(user.details && { details: user.details }) };
  };
}
