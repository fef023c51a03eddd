import type { MethodImpl } from "@connectrpc/connect";
import type { UserService } from "../../../gen/giraffe/v1/user_service_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { EventStore } from "../../store/event-store.ts";
import { changeHuman } from "../change-human.ts";
import { detailsOfWrite } from "../user/messages/details.ts";
import { reachOwner, type Users } from "../user/reach-user.ts";

/** Erase a user, whether or not it is removed. Service accounts are not erased. */
export function createEraseUser(
  users: Users & { readonly store: EventStore },
): MethodImpl<typeof UserService.method.eraseUser> {
  return async ({ userId }, context) => {
    const organization = await reachOwner(users, context.values, userId, "user.delete");
    if (organization === undefined) throw new ServiceError("userNotFound");
    const command = { type: "erase" } as const;
    const head = await changeHuman(users.store, context, userId, organization, command);
    return { details: detailsOfWrite(head) };
  };
}
