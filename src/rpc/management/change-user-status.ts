import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import type { RemoveHuman, Transition } from "../../domain/lifecycle.ts";
import type { EventStore } from "../../store/event-store.ts";
import { detailsFromHead } from "./messages/details.ts";
import { changeUser } from "./one-user/change-user.ts";

type StatusMethods = Pick<
  ServiceImpl<typeof ManagementService>,
  "deactivateUser" | "reactivateUser" | "lockUser" | "unlockUser" | "removeUser"
>;

type StatusCommand = (Transition | RemoveHuman)["type"];

/** The methods that change the status of a user or remove one. All take an id and return details. */
export function createChangeUserStatus(store: EventStore): StatusMethods {
  const run =
    (type: StatusCommand) =>
    async ({ id }: { readonly id: string }, context: HandlerContext) => ({
      details: detailsFromHead(await changeUser(store, context, id, { type })),
    });
  return {
    deactivateUser: run("deactivate"),
    reactivateUser: run("reactivate"),
    lockUser: run("lock"),
    unlockUser: run("unlock"),
    removeUser: run("remove"),
  };
}
