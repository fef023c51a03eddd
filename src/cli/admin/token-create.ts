import { createTokenSecret } from "../../access/personal-access-token.ts";
import { isInstanceRole } from "../../access/roles.ts";
import { type Membership, RecordExistsError, type Token } from "../../store/directory.ts";
import type { Micros } from "../../store/event-store.ts";
import { type Admin, CliError, checkedName, isoTime, report } from "../command/admin.ts";
import { textOf } from "../command/command.ts";
import { directoryCommand } from "../command/directory-command.ts";
import { tokenDocument } from "../command/documents.ts";
import { assertRoom } from "../command/membership.ts";
import { checkedRole, homeOf } from "../command/role.ts";

type TokenOptions = {
  /** Of the service account, which is created if its organization has none of that name. */
  readonly name: string;
  readonly role: string;
  /** Id of the organization. Default: the only one there is. */
  readonly organization?: string | undefined;
  /** A duration such as `90d`, `12h` or `30m`. Default: the token never expires. */
  readonly expires?: string | undefined;
};

/** `giraffe token create --name NAME --role ROLE` */
export const tokenCreate = directoryCommand<TokenOptions>({
  name: "token create",
  help: "create a token and, if it does not exist, its service account; the secret is shown once",
  flags: {
    name: { argument: "NAME", help: "name of the service account" },
    role: { argument: "ROLE", help: "such as ORG_OWNER, or IAM_OWNER for the whole instance" },
    org: { argument: "ID", help: "organization (default: the only one); not for IAM_* roles" },
    expires: { argument: "DURATION", help: "such as 90d, 12h or 30m (default: never)" },
  },
  required: ["name", "role"],
  options: ({ given }) => ({
    name: textOf(given, "name") ?? "",
    role: textOf(given, "role") ?? "",
    organization: textOf(given, "org"),
    expires: textOf(given, "expires"),
  }),
  run: createToken,
});

/**
 * Create a token for a service account, give the account the role, and print the secret.
 *
 * A role on the instance (`IAM_*`) takes no organization: the account then belongs to the first
 * organization, which `serve` has created.
 *
 * @throws CliError if an option is not acceptable. The message says what is.
 */
export async function createToken(admin: Admin, options: TokenOptions): Promise<void> {
  const { directory, now } = admin;
  const name = checkedName("service account", options.name);
  const role = checkedRole(options.role);
  const createdAt = now();
  const expiresAt =
    options.expires === undefined ? undefined : createdAt + durationOf(options.expires);
  const home = await homeOf(directory, role, options.organization);

  const known = await directory.serviceAccountByName(home, name);
  const account = known ?? { id: admin.ids(), organization: home, name, createdAt };
  const organization = isInstanceRole(role) ? undefined : home;
  const membership: Membership = { subject: account.id, organization, role };
  if (known !== undefined) await assertRoom(directory, membership);
  const { secret, digest } = createTokenSecret();
  const token: Token = {
    id: admin.ids(),
    digest,
    account: account.id,
    createdAt,
    expiresAt,
    revokedAt: undefined,
  };
  try {
    await directory.add({
      serviceAccounts: known === undefined ? [account] : [],
      tokens: [token],
      memberships: [membership],
    });
  } catch (error) {
    if (!(error instanceof RecordExistsError)) throw error;
    throw new CliError("another command created the same account just now; try again", {
      cause: error,
    });
  }

  report(admin, { ...tokenDocument(token, account, [membership]), secret }, [
    `token    ${token.id}`,
    `account  ${account.id} ${name}`,
    `role     ${role} ${organization === undefined ? "on the instance" : `in ${organization}`}`,
    `expires  ${isoTime(expiresAt) ?? "never"}`,
    `secret   ${secret}`,
    "",
    "The secret is not stored and is not shown again.",
  ]);
}

const microsPerUnit = { m: 60e6, h: 3_600e6, d: 86_400e6 } as const;
/** A hundred years: with it, the moment when the token expires still is a safe integer. */
const maxDuration: Micros = 36_500 * microsPerUnit.d;

function durationOf(text: string): Micros {
  const [, digits, unit] = /^([1-9][0-9]{0,8})([mhd])$/.exec(text) ?? [];
  const duration =
    Number(digits) * (microsPerUnit[unit as keyof typeof microsPerUnit] ?? Number.NaN);
  if (duration <= maxDuration) return duration;
  throw new CliError(
    `--expires ${JSON.stringify(text)}: give a duration such as 90d, 12h or 30m, at most 36500d`,
  );
}
