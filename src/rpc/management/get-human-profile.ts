import type { MethodImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { HumanState } from "../../domain/human-state.ts";
import type { Directory } from "../../store/directory.ts";
import type { EventStore } from "../../store/event-store.ts";
import { organizationKey } from "../gate/authorize.ts";
import { detailsFromHead } from "./details.ts";

/** Read a person's profile. Sees every change that was acknowledged before. */
export function createGetHumanProfile(
  store: EventStore,
  directory: Directory,
): MethodImpl<typeof ManagementService.method.getHumanProfile> {
  return async ({ userId }, { values }) => {
    const organization = values.get(organizationKey);
    const head = await store.load<HumanState>(userId, organization);
    if (head?.state.kind === "present") {
      return { details: detailsFromHead(head), profile: head.state.profile };
    }
    const account = await directory.serviceAccount(userId);
    const isMachine = account?.organization === organization;
    throw new ServiceError(isMachine ? "userNotHuman" : "humanNotFound");
  };
}
