import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import type { MembershipQuery, MembershipSchema } from "../../../gen/zitadel/user_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { Directory, Membership } from "../../store/directory.ts";
import type { Micros } from "../../store/event-store.ts";
import { organizationKey } from "../gate/authorize.ts";
import { limitOf, startOf } from "../list-page.ts";
import { timestampFromMicros } from "./messages/details.ts";

/** In one request. */
const maxQueries = 100;

/** Stands where ZITADEL shows the name of its instance. */
const instanceName = "Giraffe";

/** The roles of a subject in one place. */
type Place = { readonly organization: string | undefined; readonly roles: string[] };

/**
 * List the roles that a user has on the instance and in the organization of the call; those in other
 * organizations are not shown. A user that there is not has none.
 */
export function createListUserMemberships(
  directory: Directory,
  now: () => Micros,
): MethodImpl<typeof ManagementService.method.listUserMemberships> {
  return async ({ userId, query, queries }, { values }) => {
    if (queries.length > maxQueries) throw new ServiceError("queryTooLarge");
    const organization = values.get(organizationKey);
    const viewedAt = now();
    const name = (await directory.organization(organization))?.name ?? "";
    const places = placesFrom(await directory.memberships(userId), organization).filter((place) =>
      queries.every((each) => matches(each, place)),
    );
    const offset = startOf(query?.offset);
    const limit = limitOf(query?.limit);
    return {
      details: {
        totalResult: BigInt(places.length),
        viewTimestamp: timestampFromMicros(viewedAt),
      },
      result: places
        .slice(offset, offset + limit)
        .map((place) => membershipFrom(userId, place, name)),
    };
  };
}

/** In the order in which the first role of each place was given. */
function placesFrom(memberships: readonly Membership[], visible: string): Place[] {
  const places = new Map<string | undefined, Place>();
  for (const { organization, role } of memberships) {
    if (organization !== undefined && organization !== visible) continue;
    const place = places.get(organization) ?? { organization, roles: [] };
    place.roles.push(role);
    places.set(organization, place);
  }
  return [...places.values()];
}

/** As in ZITADEL, a query for memberships on the instance means what it says even with `iam: false`. */
function matches({ query }: MembershipQuery, { organization }: Place): boolean {
  switch (query.case) {
    case "orgQuery":
      return organization === query.value.orgId;
    case "iamQuery":
      return organization === undefined;
    default:
      return false;
  }
}

function membershipFrom(
  userId: string,
  { organization, roles }: Place,
  name: string,
): MessageInitShape<typeof MembershipSchema> {
  if (organization === undefined) {
    return { userId, roles, displayName: instanceName, type: { case: "iam", value: true } };
  }
  return {
    userId,
    details: { resourceOwner: organization },
    roles,
    displayName: name,
    type: { case: "orgId", value: organization },
  };
}
