import { isInstanceRole } from "../../access/roles.ts";
import type { Setting } from "../../config/settings.ts";
import type { Membership } from "../../store/directory.ts";
import { type Admin, CliError } from "./admin.ts";
import { type Line, textOf } from "./command.ts";
import { checkedRole, homeOf } from "./role.ts";

/** Which role of whom a `member` command changes. */
export type MembershipOptions = {
  /** The `sub` of an external token, or the id of a service account. */
  readonly subject: string;
  readonly role: string;
  /** Id of the organization. Default: the only one there is. */
  readonly organization?: string | undefined;
};

/** The flags of `MembershipOptions`. */
export const membershipFlags = {
  subject: { argument: "SUB", help: "the sub of the tokens, or the id of a service account" },
  role: { argument: "ROLE", help: "such as ORG_OWNER, or IAM_OWNER for the whole instance" },
  org: { argument: "ID", help: "organization (default: the only one); not for IAM_* roles" },
} as const satisfies Record<string, Setting>;

export function membershipOptions({ given }: Line): MembershipOptions {
  return {
    subject: textOf(given, "subject") ?? "",
    role: textOf(given, "role") ?? "",
    organization: textOf(given, "org"),
  };
}

/** @throws CliError if an option is not acceptable; says what is. */
export async function membershipOf(
  { directory }: Admin,
  options: MembershipOptions,
): Promise<Membership> {
  const subject = checkedSubject(options.subject);
  const role = checkedRole(options.role);
  const home = await homeOf(directory, role, options.organization);
  return { subject, organization: isInstanceRole(role) ? undefined : home, role };
}

/** Exactly as tokens have it, so nothing is trimmed. The bound is that of OpenID Connect Core, 2. */
function checkedSubject(subject: string): string {
  if (/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{1,255}$/u.test(subject)) return subject;
  throw new CliError(
    `subject ${JSON.stringify(subject)}: a subject has 1 to 255 characters, none of them a control character`,
  );
}

/** A role and where it holds, as a person reads it. */
export function placedRole({ role, organization }: Membership): string {
  return `${role} ${organization === undefined ? "on the instance" : `in ${organization}`}`;
}
