import { createIdGenerator } from "../access/id.ts";
import { openDirectory, wallClock } from "../service.ts";
import type { Admin } from "./admin.ts";
import { addMember, listMembers, removeMember } from "./member.ts";
import { createOrganization, listOrganizations } from "./org.ts";
import type { Command, TransferCommand } from "./program.ts";
import { createToken, listTokens, revokeToken } from "./token.ts";

/** The commands that change or list what is in the directory, beside a running server or alone. */
export type AdminCommand = Exclude<Command, { name: "help" | "serve" } | TransferCommand>;

/** @throws CliError if the command cannot be done. */
export async function administer(
  command: AdminCommand,
  out: (line: string) => void,
): Promise<void> {
  const directory = await openDirectory(command.database);
  const ids = createIdGenerator({ now: wallClock });
  try {
    await run(command, { directory, ids, now: wallClock, out, json: command.json });
  } finally {
    await directory.close();
  }
}

function run(command: AdminCommand, admin: Admin): Promise<void> {
  switch (command.name) {
    case "org create":
      return createOrganization(admin, command.options);
    case "org list":
      return listOrganizations(admin);
    case "token create":
      return createToken(admin, command.options);
    case "token list":
      return listTokens(admin);
    case "token revoke":
      return revokeToken(admin, command.options);
    case "member add":
      return addMember(admin, command.options);
    case "member remove":
      return removeMember(admin, command.options);
    case "member list":
      return listMembers(admin, command.options);
  }
}
