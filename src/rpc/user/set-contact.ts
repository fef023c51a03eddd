import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { UserService } from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import type { ContactCommand } from "../../domain/contact.ts";
import type { EventStore } from "../../store/event-store.ts";
import { changeHuman } from "../change-human.ts";
import { refuseFields } from "../refuse-fields.ts";
import { codeFields, knownPhoneNumber, saysVerified } from "./messages/contact.ts";
import { detailsOfWrite } from "./messages/details.ts";
import { reachHuman, type Users } from "./reach-user.ts";

type ContactMethods = Pick<
  ServiceImpl<typeof UserService>,
  "setEmail" | "setPhone" | "removePhone"
>;

/** The calls that ZITADEL has replaced by UpdateUser. The same address or number again is an error. */
export function createSetContact(users: Users & { readonly store: EventStore }): ContactMethods {
  const run = async (
    context: HandlerContext,
    userId: string,
    command: ContactCommand,
    isVerified: boolean,
  ) => {
    const { organization } = await reachHuman(users, context.values, userId, {
      permission: "user.write",
      missing: command.type === "set-email" ? "setEmailNotFound" : "setPhoneNotFound",
      ...(!isVerified && { ofSelf: [] }),
    });
    const head = await changeHuman(users.store, context, userId, organization, command);
    return { details: detailsOfWrite(head) };
  };

  return {
    setEmail({ userId, email, verification }, context) {
      refuseFields(codeFields("", verification));
      const isVerified = saysVerified(verification);
      return run(context, userId, { type: "set-email", email, isVerified }, isVerified);
    },
    async setPhone({ userId, phone, verification }, context) {
      refuseFields(codeFields("", verification));
      const isVerified = saysVerified(verification);
      const number = knownPhoneNumber(phone);
      return run(context, userId, { type: "set-phone", phone: number, isVerified }, isVerified);
    },
    removePhone: ({ userId }, context) => run(context, userId, { type: "clear-phone" }, false),
  };
}
