import { isInstanceRole } from "../../access/roles.ts";
import type { Setting } from "../../config/settings.ts";
import { type Directory, type Membership, maxMemberships } from "../../store/directory.ts";
import { type Admin, CliError } from "./admin.ts";
import { type Line, textOf } from "./command.ts";
import { checkedRole, homeOf } from "./role.ts";

/** Whose role a `member` command adds or removes, and which one. */
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

/** Read `MembershipOptions`. Nothing is checked yet. */
export function membershipOptions({ given }: Line): MembershipOptions {
  return {
    subject: textOf(given, "subject") ?? "",
    role: textOf(given, "role") ?? "",
    organization: textOf(given, "org"),
  };
}

/**
 * The membership that the options name.
 *
 * @throws CliError if an option is not acceptable. The message says what is.
 */
export async function membershipOf(
  { directory }: Admin,
  options: MembershipOptions,
): Promise<Membership> {
  const subject = checkedSubject(options.subject);
  const role = checkedRole(options.role);
  const home = await homeOf(directory, role, options.organization);
  return { subject, organization: isInstanceRole(role) ? undefined : home, role };
}

/**
 * Refuse a role too many of one subject. Two commands at once may exceed the limit; the roles that were given
 * last then do not count.
 *
 * @throws CliError if the subject has as many roles as count.
 */
export async function assertRoom(
  directory: Pick<Directory, "memberships">,
  { subject, organization, role }: Membership,
): Promise<void> {
  const held = await directory.memberships(subject);
  const isHeld = held.some((each) => each.organization === organization && each.role === role);
  if (isHeld || held.length < maxMemberships) return;
  throw new CliError(
    `${JSON.stringify(subject)} has ${maxMemberships} roles, and no more count; a role on the instance counts in every organization`,
  );
}

/** Not trimmed, because it must equal the `sub` of the tokens. Length as in OpenID Connect Core, section 2. */
function checkedSubject(subject: string): string {
  if (/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{1,255}$/u.test(subject)) return subject;
  throw new CliError(
    `subject ${JSON.stringify(subject)}: a subject has 1 to 255 characters, none of them a control character`,
  );
}

/** A role and where it is held, for people: `ORG_OWNER in 42`, `IAM_OWNER on the instance`. */
export function placedRole({ role, organization }: Membership): string {
  return `${role} ${organization === undefined ? "on the instance" : `in ${organization}`}`;
}
