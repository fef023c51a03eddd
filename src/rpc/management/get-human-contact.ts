import type { ServiceImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { noteVersion } from "../extras/extras.ts";
import { organizationKey } from "../gate/authorize.ts";
import { detailsFromHead } from "./messages/details.ts";
import type { LoadHuman } from "./one-user/load-human.ts";

type GetMethods = Pick<ServiceImpl<typeof ManagementService>, "getHumanEmail" | "getHumanPhone">;

const emailRefusals = { missing: "getEmailNotFound", machine: "getEmailNotHuman" } as const;
const phoneRefusals = { missing: "getPhoneNotFound", machine: "getPhoneNotHuman" } as const;

/** Read a person's e-mail address or phone. */
export function createGetHumanContact(loadHuman: LoadHuman): GetMethods {
  return {
    async getHumanEmail({ userId }, { values }) {
      const { head, human } = await loadHuman(userId, values.get(organizationKey), emailRefusals);
      noteVersion(values, head.version);
      const { email, isEmailVerified } = human;
      return { details: detailsFromHead(head), email: { email, isEmailVerified } };
    },
    async getHumanPhone({ userId }, { values }) {
      const { head, human } = await loadHuman(userId, values.get(organizationKey), phoneRefusals);
      noteVersion(values, head.version);
      const { phone, isPhoneVerified } = human;
      return { details: detailsFromHead(head), phone: { phone, isPhoneVerified } };
    },
  };
}
