import type { MethodImpl } from "@connectrpc/connect";
import type { SetHumanPhone } from "../../../gen/zitadel/user/v2/phone_pb.ts";
import type {
  UpdateUserRequest,
  UpdateUserRequest_Human,
  UserService,
} from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { EventStore } from "../../store/event-store.ts";
import { changeHuman } from "../change-human.ts";
import { timestampFromMicros } from "../management/details.ts";
import { refuseFields } from "../refuse-fields.ts";
import { codeFields } from "./contact.ts";
import { reachHuman, type Users } from "./reach-user.ts";
import { saysAnyVerified, updateCommand } from "./update-command.ts";

/** Change what the request names. An empty phone removes the phone. */
export function createUpdateUser(
  users: Users & { readonly store: EventStore },
): MethodImpl<typeof UserService.method.updateUser> {
  return async (request, context) => {
    const { userId, username } = request;
    const { profile, email, phone } = humanOf(request);
    const parts = { username, profile, email, phone: phone && phoneOrRemoval(phone) };
    const command = updateCommand(parts);
    const { organization } = await reachHuman(users, context.values, userId, {
      permission: "user.write",
      missing: "updateUserNotFound",
      ...(!saysAnyVerified(parts) && { ofSelf: [] }),
    });
    const head = await changeHuman(users.store, context, userId, organization, command);
    return { changeDate: timestampFromMicros(head.changedAt) };
  };
}

/** @throws ServiceError `userTypeMissing`, `fieldNotSupported`. */
function humanOf({ userType, metadata }: UpdateUserRequest): UpdateUserRequest_Human {
  if (userType.case === undefined) throw new ServiceError("userTypeMissing");
  const human = userType.case === "human" ? userType.value : undefined;
  refuseFields({
    machine: human === undefined,
    ...codeFields("human.email.", human?.email?.verification),
    ...codeFields("human.phone.", human?.phone?.verification),
    "human.password": human?.password !== undefined,
    metadata: metadata.length > 0,
  });
  return human as UpdateUserRequest_Human;
}

/** @throws ServiceError `phoneRemovalVerified`. */
function phoneOrRemoval(phone: SetHumanPhone): SetHumanPhone | "remove" {
  if (phone.phone !== "") return phone;
  if (phone.verification.case !== undefined) throw new ServiceError("phoneRemovalVerified");
  return "remove";
}
