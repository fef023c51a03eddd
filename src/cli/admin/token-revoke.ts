import { type Admin, CliError, report } from "../command/admin.ts";
import { directoryCommand } from "../command/directory-command.ts";

/** `giraffe token revoke ID` */
export const tokenRevoke = directoryCommand({
  name: "token revoke",
  help: "revoke a token for ever",
  argument: "ID",
  options: ({ argument }) => ({ id: argument }),
  run: revokeToken,
});

/** @throws CliError if there is no such token. */
export async function revokeToken(admin: Admin, { id }: { readonly id: string }): Promise<void> {
  if (!(await admin.directory.revokeToken(id, admin.now()))) {
    throw new CliError(`there is no token ${JSON.stringify(id)}`);
  }
  report(admin, { id, revoked: true }, [`revoked token ${id}; it stops working within 5 seconds`]);
}
