import { type Admin, CliError, report } from "../command/admin.ts";
import { directoryCommand } from "../command/directory-command.ts";
import { membershipDocument } from "../command/documents.ts";
import {
  type MembershipOptions,
  membershipFlags,
  membershipOf,
  membershipOptions,
  placedRole,
} from "../command/membership.ts";

/** `giraffe member remove --subject SUB --role ROLE` */
export const memberRemove = directoryCommand({
  name: "member remove",
  help: "take a role from a subject",
  flags: membershipFlags,
  required: ["subject", "role"],
  options: membershipOptions,
  run: removeMember,
});

/** @throws CliError if an option is not acceptable, or the subject has no such role. */
export async function removeMember(admin: Admin, options: MembershipOptions): Promise<void> {
  const membership = await membershipOf(admin, options);
  if (!(await admin.directory.removeMembership(membership))) {
    const subject = JSON.stringify(membership.subject);
    throw new CliError(`${subject} does not have ${placedRole(membership)}`);
  }
  report(admin, { ...membershipDocument(membership), removed: true }, [
    `${membership.subject} no longer has ${placedRole(membership)}; this takes effect within 5 seconds`,
  ]);
}
