import type { MethodImpl } from "@connectrpc/connect";
import type { UserService } from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import type { EventStore } from "../../store/event-store.ts";
import { changeHuman } from "../change-human.ts";
import { refuseFields } from "../refuse-fields.ts";
import { codeFields } from "./messages/contact.ts";
import { detailsOfWrite } from "./messages/details.ts";
import { saysAnyVerified, updateCommand } from "./messages/update-command.ts";
import { reachHuman, type Users } from "./reach-user.ts";

/** Change what the request names. An empty phone is ignored, as in ZITADEL. */
export function createUpdateHumanUser(
  users: Users & { readonly store: EventStore },
): MethodImpl<typeof UserService.method.updateHumanUser> {
  return async ({ userId, username, profile, email, phone, password }, context) => {
    refuseFields({
      ...codeFields("email.", email?.verification),
      ...codeFields("phone.", phone?.verification),
      password: password !== undefined,
    });
    const parts = { username, profile, email, phone: phone?.phone === "" ? undefined : phone };
    const command = updateCommand(parts);
    const { organization } = await reachHuman(users, context.values, userId, {
      permission: "user.write",
      missing: "updateUserNotFound",
      ...(!saysAnyVerified(parts) && { ofSelf: [] }),
    });
    const head = await changeHuman(users.store, context, userId, organization, command);
    return { details: detailsOfWrite(head) };
  };
}
