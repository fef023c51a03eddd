import { type Admin, report } from "../command/admin.ts";
import { textOf } from "../command/command.ts";
import { directoryCommand } from "../command/directory-command.ts";
import { membershipDocument } from "../command/documents.ts";
import { formatTable } from "../command/table.ts";

/** Which roles `member list` shows. A field that is `undefined` excludes none. */
type MemberFilter = {
  readonly subject?: string | undefined;
  readonly role?: string | undefined;
  readonly organization?: string | undefined;
};

/** `giraffe member list`. Service accounts are among the members. */
export const memberList = directoryCommand({
  name: "member list",
  help: "list who has which role",
  flags: {
    subject: { argument: "SUB", help: "only roles of this subject (default: of all)" },
    role: { argument: "ROLE", help: "only this role (default: all)" },
    org: { argument: "ID", help: "only roles in this organization (default: anywhere)" },
  },
  options: ({ given }) => ({
    subject: textOf(given, "subject"),
    role: textOf(given, "role"),
    organization: textOf(given, "org"),
  }),
  run: listMembers,
});

/** Print the roles that match the filter. */
export async function listMembers(
  admin: Admin,
  { subject, role, organization }: MemberFilter,
): Promise<void> {
  const members = (await admin.directory.everyMembership()).filter(
    (membership) =>
      (subject ?? membership.subject) === membership.subject &&
      (role ?? membership.role) === membership.role &&
      (organization ?? membership.organization) === membership.organization,
  );
  report(
    admin,
    members.map(membershipDocument),
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
