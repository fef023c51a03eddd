import type { MethodImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { noteVersion } from "../extras/extras.ts";
import { organizationKey } from "../gate/authorize.ts";
import { detailsFromHead } from "./messages/details.ts";
import type { LoadHuman } from "./one-user/load-human.ts";

const refusals = { missing: "humanNotFound", machine: "userNotHuman" } as const;

/** Read a person's profile. */
export function createGetHumanProfile(
  loadHuman: LoadHuman,
): MethodImpl<typeof ManagementService.method.getHumanProfile> {
  return async ({ userId }, { values }) => {
    const { head, human } = await loadHuman(userId, values.get(organizationKey), refusals);
    noteVersion(values, head.version);
    return { details: detailsFromHead(head), profile: human.profile };
  };
}
