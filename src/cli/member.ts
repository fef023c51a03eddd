import { isInstanceRole } from "../access/roles.ts";
import type { Membership } from "../store/directory.ts";
import { type Admin, CliError, report } from "./admin.ts";
import { checkedRole, homeOf } from "./role.ts";
import { formatTable } from "./table.ts";

type MemberOptions = {
  /** The `sub` of an external token, or the id of a service account. */
  readonly subject: string;
  readonly role: string;
  /** Id of the organization. Default: the only one there is. */
  readonly organization?: string | undefined;
};

/** What `member list` shows. Default: everything. */
type MemberFilter = {
  readonly [Option in keyof MemberOptions]?: MemberOptions[Option] | undefined;
};

/**
 * Give a subject a role. What it has already, it keeps.
 *
 * @throws CliError if an option is not acceptable; says what is.
 */
export async function addMember(admin: Admin, options: MemberOptions): Promise<void> {
  const membership = await membershipOf(admin, options);
  await admin.directory.add({ memberships: [membership] });
  report(admin, documentOf(membership), [
    `${membership.subject} has ${placedRole(membership)}; it counts within 5 seconds`,
  ]);
}

/** @throws CliError if an option is not acceptable, or the subject has no such role. */
export async function removeMember(admin: Admin, options: MemberOptions): Promise<void> {
  const membership = await membershipOf(admin, options);
  if (!(await admin.directory.removeMembership(membership))) {
    const subject = JSON.stringify(membership.subject);
    throw new CliError(`${subject} does not have ${placedRole(membership)}`);
  }
  report(admin, { ...documentOf(membership), removed: true }, [
    `${membership.subject} no longer has ${placedRole(membership)}; it counts within 5 seconds`,
  ]);
}

/** Service accounts are among them. */
export async function listMembers(admin: Admin, filter: MemberFilter): Promise<void> {
  const { subject, role, organization } = filter;
  const members = (await admin.directory.everyMembership()).filter(
    (membership) =>
      (subject ?? membership.subject) === membership.subject &&
      (role ?? membership.role) === membership.role &&
      (organization ?? membership.organization) === membership.organization,
  );
  report(
    admin,
    members.map(documentOf),
    formatTable(
      ["SUBJECT", "ROLE", "ORGANIZATION"],
      members.map((membership) => [
        membership.subject,
        membership.role,
        membership.organization ?? "-",
      ]),
    ),
  );
}

async function membershipOf({ directory }: Admin, options: MemberOptions): Promise<Membership> {
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

function placedRole({ role, organization }: Membership): string {
  return `${role} ${organization === undefined ? "on the instance" : `in ${organization}`}`;
}

function documentOf({ subject, role, organization }: Membership) {
  return { subject, role, organization: organization ?? null };
}
