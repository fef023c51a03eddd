import type { MethodImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { OrgState } from "../../../gen/zitadel/org_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { Directory } from "../../store/directory.ts";
import { organizationKey } from "../gate/authorize.ts";
import { detailsFromHead } from "./messages/details.ts";

/** Read the organization of the call. An organization never changes, so its version is 1. */
export function createGetMyOrg(
  directory: Directory,
): MethodImpl<typeof ManagementService.method.getMyOrg> {
  return async (_, { values }) => {
    const organization = await directory.organization(values.get(organizationKey));
    if (organization === undefined) throw new ServiceError("organizationNotFound");
    const { id, name, createdAt } = organization;
    const head = { version: 1, organization: id, createdAt, changedAt: createdAt };
    return { org: { id, details: detailsFromHead(head), state: OrgState.ACTIVE, name } };
  };
}
