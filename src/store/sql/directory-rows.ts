import type { Membership, Organization, ServiceAccount, Token } from "../directory.ts";
import type { Row } from "./rows.ts";

export function organizationFromRow(row: Row): Organization {
  return {
    id: String(row.id),
    name: String(row.name),
    createdAt: Number(row.created_at),
  };
}

export function accountFromRow(row: Row): ServiceAccount {
  return {
    id: String(row.id),
    organization: String(row.organization),
    name: String(row.name),
    createdAt: Number(row.created_at),
  };
}

/** The columns that `tokenFromRow` reads, and the tables they are of: `t` and `a`. */
export const tokenColumns = `
  t.id, t.digest, t.account, t.created_at, t.expires_at, t.revoked_at,
  a.organization, a.name, a.created_at as account_created_at
  from tokens t join service_accounts a on a.id = t.account`;

export function tokenFromRow(row: Row): { token: Token; account: ServiceAccount } {
  return {
    token: {
      id: String(row.id),
      digest: String(row.digest),
      account: String(row.account),
      createdAt: Number(row.created_at),
      expiresAt: optionalNumber(row.expires_at),
      revokedAt: optionalNumber(row.revoked_at),
    },
    account: {
      id: String(row.account),
      organization: String(row.organization),
      name: String(row.name),
      createdAt: Number(row.account_created_at),
    },
  };
}

export function membershipFromRow(row: Row): Membership {
  const organization = row.organization;
  return {
    subject: String(row.subject),
    organization: organization === null ? undefined : String(organization),
    role: String(row.role),
  };
}

function optionalNumber(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}
