import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import type { HumanCommand } from "../../domain/human.ts";
import type { EventStore } from "../../store/event-store.ts";
import { detailsFromHead } from "./messages/details.ts";
import { phoneNumberFrom } from "./messages/phone-number.ts";
import { changeUser } from "./one-user/change-user.ts";

type ContactMethods = Pick<
  ServiceImpl<typeof ManagementService>,
  "updateHumanEmail" | "updateHumanPhone" | "removeHumanPhone"
>;

/**
 * Change a person's e-mail address or phone. Whether it is verified is what the caller says: nothing is sent,
 * and there are no codes.
 */
export function createChangeHumanContact(store: EventStore): ContactMethods {
  const run = async (context: HandlerContext, userId: string, command: HumanCommand) => ({
    details: detailsFromHead(await changeUser(store, context, userId, command)),
  });
  return {
    updateHumanEmail: ({ userId, email, isEmailVerified: isVerified }, context) =>
      run(context, userId, { type: "change-email", email, isVerified }),
    updateHumanPhone: ({ userId, phone, isPhoneVerified: isVerified }, context) =>
      run(context, userId, { type: "change-phone", phone: phoneNumberFrom(phone), isVerified }),
    removeHumanPhone: ({ userId }, context) => run(context, userId, { type: "remove-phone" }),
  };
}
