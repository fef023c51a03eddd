import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { UserService } from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import type { ErrorKey } from "../../domain/errors.ts";
import type { Transition } from "../../domain/lifecycle.ts";
import type { EventStore } from "../../store/event-store.ts";
import { changeHuman } from "../change-human.ts";
import { detailsOfWrite } from "./messages/details.ts";
import { reachHuman, type Users, type Wish } from "./reach-user.ts";

type StateMethods = Pick<
  ServiceImpl<typeof UserService>,
  "deactivateUser" | "reactivateUser" | "lockUser" | "unlockUser" | "deleteUser"
>;

type Command = Transition["type"] | "remove";

/** For callers who may know that there is no such user. */
const missing = {
  deactivate: "deactivateUserNotFound",
  reactivate: "reactivateUserNotFound",
  lock: "lockUserNotFound",
  unlock: "unlockUserNotFound",
  remove: "deleteUserNotFound",
} as const satisfies Record<Command, ErrorKey>;

/** The methods that change the status of a user or remove one. A caller may remove itself at most. */
export function createChangeUserState(users: Users & { readonly store: EventStore }): StateMethods {
  const run =
    (type: Command, rights: Pick<Wish, "permission" | "ofSelf">) =>
    async ({ userId }: { readonly userId: string }, context: HandlerContext) => {
      const wish = { ...rights, missing: missing[type] };
      const { organization } = await reachHuman(users, context.values, userId, wish);
      const command = { type, api: "v2" } as const;
      const head = await changeHuman(users.store, context, userId, organization, command);
      return { details: detailsOfWrite(head) };
    };
  const writing = { permission: "user.write" };
  return {
    deactivateUser: run("deactivate", writing),
    reactivateUser: run("reactivate", writing),
    lockUser: run("lock", writing),
    unlockUser: run("unlock", writing),
    deleteUser: run("remove", {
      permission: "user.delete",
      ofSelf: ["user.delete", "user.self.delete"],
    }),
  };
}
