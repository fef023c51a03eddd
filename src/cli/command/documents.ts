import type { Membership, Organization, ServiceAccount, Token } from "../../store/directory.ts";
import { isoTime } from "./admin.ts";

/** An organization as `--json` shows it. */
export function organizationDocument({ id, name, createdAt }: Organization) {
  return { id, name, createdAt: isoTime(createdAt) };
}

/** A token as `--json` shows it, without its secret. */
export function tokenDocument(
  token: Token,
  account: ServiceAccount,
  memberships: readonly Membership[],
) {
  return {
    id: token.id,
    account: { id: account.id, name: account.name },
    organization: account.organization,
    roles: memberships.map(({ role, organization }) => ({
      role,
      organization: organization ?? null,
    })),
    createdAt: isoTime(token.createdAt),
    expiresAt: isoTime(token.expiresAt),
    revokedAt: isoTime(token.revokedAt),
  };
}

/** A membership as `--json` shows it. */
export function membershipDocument({ subject, role, organization }: Membership) {
  return { subject, role, organization: organization ?? null };
}
