import { type Admin, report } from "../command/admin.ts";
import { directoryCommand } from "../command/directory-command.ts";
import { membershipDocument } from "../command/documents.ts";
import {
  assertRoom,
  type MembershipOptions,
  membershipFlags,
  membershipOf,
  membershipOptions,
  placedRole,
} from "../command/membership.ts";

/** `giraffe member add --subject SUB --role ROLE`. Changes nothing if the subject has the role already. */
export const memberAdd = directoryCommand({
  name: "member add",
  help: "give a subject a role",
  flags: membershipFlags,
  required: ["subject", "role"],
  options: membershipOptions,
  run: addMember,
});

/** @throws CliError if an option is not acceptable. The message says what is. */
export async function addMember(admin: Admin, options: MembershipOptions): Promise<void> {
  const membership = await membershipOf(admin, options);
  await assertRoom(admin.directory, membership);
  await admin.directory.add({ memberships: [membership] });
  report(admin, membershipDocument(membership), [
    `${membership.subject} has ${placedRole(membership)}; this takes effect within 5 seconds`,
  ]);
}
