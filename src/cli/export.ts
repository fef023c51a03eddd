import { CliError } from "./command/admin.ts";
import {
  type AdminOptions,
  adminFlags,
  anyCommand,
  textOf,
  withAdminOptions,
} from "./command/command.ts";
import { counted } from "./command/counted.ts";

type ExportOptions = AdminOptions & {
  /** Default: all. */
  readonly organization: string | undefined;
};

/** `giraffe export`. Only the users go to stdout; the summary goes to stderr. */
export const exportCommand = anyCommand<ExportOptions>({
  name: "export",
  help: "write all users as lines of JSON",
  flags: {
    org: { argument: "ID", help: "only users of this organization (default: all)" },
    ...adminFlags,
  },
  read: (line) => withAdminOptions(line, { organization: textOf(line.given, "org") }),
  async run({ database, json, organization }) {
    const { openTransfer } = await import("../server/database.ts");
    const { createUserLines } = await import("../bulk/user-line.ts");
    const { exportUsers } = await import("../bulk/export-users.ts");
    const { transfer, directory } = await openTransfer(database);
    try {
      if (organization !== undefined && !(await directory.organization(organization))) {
        throw new CliError(`there is no organization ${JSON.stringify(organization)}`);
      }
      const exported = await exportUsers(transfer, createUserLines(), organization, process.stdout);
      const summary = json ? JSON.stringify({ exported }) : `exported ${counted(exported, "user")}`;
      process.stderr.write(`${summary}\n`);
      return 0;
    } finally {
      await transfer.close();
      await directory.close();
    }
  },
});
