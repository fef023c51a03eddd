import { createContextKey } from "@connectrpc/connect";
import { permissionsOf } from "../../access/roles.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { Membership } from "../../store/directory.ts";
import type { SearchScope } from "../../store/search.ts";

/** The memberships of the caller; empty in public methods. */
export const membershipsKey = createContextKey<readonly Membership[]>([], {
  description: "memberships",
});

/** How a caller stands in an organization: with the permission, with other roles only, or with none. */
export type Standing = "permitted" | "member" | "outsider";

/**
 * Roles on the instance count in every organization.
 *
 * @param permissions One of them is enough.
 */
export function standingIn(
  memberships: readonly Membership[],
  organization: string,
  permissions: readonly string[],
): Standing {
  const held = memberships.filter(
    (membership) =>
      membership.organization === undefined || membership.organization === organization,
  );
  if (held.length === 0) return "outsider";
  const isHeld = ({ role }: Membership) =>
    permissions.some((permission) => permissionsOf(role).has(permission));
  return held.some(isHeld) ? "permitted" : "member";
}

/**
 * @param permissions One of them is enough.
 * @param missing The error for a caller with other roles only. ZITADEL has one for v1 and one for v2.
 * @throws ServiceError `membershipNotFound` for an outsider, else `missing`.
 */
export function assertPermitted(
  memberships: readonly Membership[],
  organization: string,
  permissions: readonly string[],
  missing: "permissionMissing" | "userPermissionMissing" = "permissionMissing",
): void {
  const standing = standingIn(memberships, organization, permissions);
  if (standing === "outsider") throw new ServiceError("membershipNotFound");
  if (standing === "member") throw new ServiceError(missing);
}

/** The organizations in which a caller has a permission: all of them with a role on the instance. */
export function scopeOf(memberships: readonly Membership[], permission: string): SearchScope {
  const held = memberships.filter(({ role }) => permissionsOf(role).has(permission));
  const organizations = new Set<string>();
  for (const { organization } of held) {
    if (organization === undefined) return { everyOrganization: true };
    organizations.add(organization);
  }
  return [...organizations];
}
