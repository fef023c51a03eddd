import type { MethodImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { profileFrom } from "../../domain/profile.ts";
import type { EventStore } from "../../store/event-store.ts";
import { extrasKey } from "../extras/extras.ts";
import { maskedProfile } from "../extras/update-mask.ts";
import { detailsFromHead } from "./messages/details.ts";
import { changeUser } from "./one-user/change-user.ts";

/** Replace the six fields of a person's profile, or those that the caller names by a mask. */
export function createUpdateHumanProfile(
  store: EventStore,
): MethodImpl<typeof ManagementService.method.updateHumanProfile> {
  return async (request, context) => {
    const { mask } = context.values.get(extrasKey);
    const profile = maskedProfile(profileFrom(request), mask);
    const command = { type: "change-profile", profile } as const;
    const head = await changeUser(store, context, request.userId, command);
    return { details: detailsFromHead(head) };
  };
}
