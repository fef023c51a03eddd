import type { MethodImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { EventStore } from "../../store/event-store.ts";
import { trim } from "../../text/trim.ts";
import { detailsFromHead } from "./messages/details.ts";
import { changeUser } from "./one-user/change-user.ts";

/** Change the user name of a person. */
export function createUpdateUserName(
  store: EventStore,
): MethodImpl<typeof ManagementService.method.updateUserName> {
  return async ({ userId, userName }, context) => {
    // ZITADEL has one error for an id and for a name that is blank.
    if (trim(userId) === "") throw new ServiceError("newUserNameBlank");
    const command = { type: "change-user-name", userName } as const;
    return { details: detailsFromHead(await changeUser(store, context, userId, command)) };
  };
}
