import type { MethodImpl } from "@connectrpc/connect";
import type { SetHumanPhone } from "../../../gen/zitadel/user/v2/phone_pb.ts";
import type {
  UpdateUserRequest,
  UpdateUserRequest_Human,
  UserService,
} from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import { advance } from "../../domain/human.ts";
import { advanceMetadata } from "../../domain/metadata.ts";
import type { EventStore } from "../../store/event-store.ts";
import { changeHuman } from "../change-human.ts";
import { timestampFromMicros } from "../management/messages/details.ts";
import { type MetadataChanges, metadataEntries } from "../metadata/change-metadata.ts";
import { refuseFields } from "../refuse-fields.ts";
import { codeFields } from "./messages/contact.ts";
import { saysAnyVerified, updateCommand } from "./messages/update-command.ts";
import { reachHuman, type Users } from "./reach-user.ts";

/** Change what the request names, metadata included. An empty phone removes the phone, an empty value its key. */
export function createUpdateUser(
  users: Users & { readonly store: EventStore },
  metadataChanges: MetadataChanges,
): MethodImpl<typeof UserService.method.updateUser> {
  return async (request, context) => {
    const { userId, username } = request;
    const { profile, email, phone } = humanOf(request);
    const parts = { username, profile, email, phone: phone && phoneOrRemoval(phone) };
    const command = updateCommand(parts);
    const entries = metadataEntries(request.metadata);
    const { organization } = await reachHuman(users, context.values, userId, {
      permission: "user.write",
      missing: "updateUserNotFound",
      ...(!saysAnyVerified(parts) && entries.length === 0 && { ofSelf: [] }),
    });
    const set = { type: "set-metadata", entries } as const;
    const head =
      entries.length === 0
        ? await changeHuman(users.store, context, userId, organization, command)
        : await metadataChanges.change(context, userId, organization, set, (state, known) => {
            const step = advance(command, state);
            const { events, ...next } = advanceMetadata(set, step.state, known);
            return { ...step, ...next, events: [...step.events, ...events] };
          });
    return { changeDate: timestampFromMicros(head.changedAt) };
  };
}

/** @throws ServiceError `userTypeMissing`, `fieldNotSupported`. */
function humanOf({ userType }: UpdateUserRequest): UpdateUserRequest_Human {
  if (userType.case === undefined) throw new ServiceError("userTypeMissing");
  const human = userType.case === "human" ? userType.value : undefined;
  refuseFields({
    machine: human === undefined,
    ...codeFields("human.email.", human?.email?.verification),
    ...codeFields("human.phone.", human?.phone?.verification),
    "human.password": human?.password !== undefined,
  });
  return human as UpdateUserRequest_Human;
}

/** @throws ServiceError `phoneRemovalVerified`. */
function phoneOrRemoval(phone: SetHumanPhone): SetHumanPhone | "remove" {
  if (phone.phone !== "") return phone;
  if (phone.verification.case !== undefined) throw new ServiceError("phoneRemovalVerified");
  return "remove";
}
