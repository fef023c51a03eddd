import type { Membership, ServiceAccount } from "../../store/directory.ts";
import { type Admin, isoTime, report } from "../command/admin.ts";
import { directoryCommand } from "../command/directory-command.ts";
import { tokenDocument } from "../command/documents.ts";
import { formatTable } from "../command/table.ts";

/** `giraffe token list` */
export const tokenList = directoryCommand({
  name: "token list",
  help: "list the tokens, without their secrets",
  options: () => ({}),
  run: listTokens,
});

/** Print all tokens, also those that have expired or were revoked. */
export async function listTokens(admin: Admin): Promise<void> {
  const { directory } = admin;
  const tokens = await Promise.all(
    (await directory.tokens()).map(async ({ token, account }) => ({
      token,
      account,
      memberships: await directory.memberships(account.id),
    })),
  );
  report(
    admin,
    tokens.map(({ token, account, memberships }) => tokenDocument(token, account, memberships)),
    formatTable(
      ["ID", "ACCOUNT", "ORGANIZATION", "ROLES", "CREATED", "EXPIRES", "REVOKED"],
      tokens.map(({ token, account, memberships }) => [
        token.id,
        account.name,
        account.organization,
        memberships.map((membership) => roleText(membership, account)).join(", ") || "-",
        isoTime(token.createdAt),
        isoTime(token.expiresAt) ?? "never",
        isoTime(token.revokedAt) ?? "-",
      ]),
    ),
  );
}

/** The organization is added only if it is not the account's own. */
function roleText({ role, organization }: Membership, account: ServiceAccount): string {
  const isElsewhere = organization !== undefined && organization !== account.organization;
  return isElsewhere ? `${role} in ${organization}` : role;
}
