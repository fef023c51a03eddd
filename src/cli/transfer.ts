import { createIdGenerator } from "../access/id.ts";
import { createUserLines, openTransfer, wallClock } from "../service.ts";
import { CliError } from "./admin.ts";
import { backUpTo } from "./backup.ts";
import { exportUsers } from "./export.ts";
import { importUsers } from "./import.ts";
import type { TransferCommand } from "./program.ts";

/**
 * Run a command about all users at once, beside a running server or alone.
 *
 * @returns The exit code: 1 if lines were rejected.
 * @throws CliError, StoreUnavailableError, OutcomeUnknownError: run an import again and it goes on.
 */
export async function runTransfer(
  command: TransferCommand,
  out: (line: string) => void,
): Promise<number> {
  if (command.name === "backup") {
    const { file } = command.options;
    await backUpTo(file, command.database);
    out(command.json ? JSON.stringify({ file }) : `backed up to ${file}`);
    return 0;
  }
  const { transfer, directory } = await openTransfer(command.database);
  const lines = createUserLines();
  try {
    if (command.name === "export") {
      const { organization } = command.options;
      if (organization !== undefined && !(await directory.organization(organization))) {
        throw new CliError(`there is no organization ${JSON.stringify(organization)}`);
      }
      const exported = await exportUsers(transfer, lines.write, organization, process.stdout);
      // Users are on stdout, and nothing else.
      const summary = command.json ? JSON.stringify({ exported }) : `exported ${exported} users`;
      process.stderr.write(`${summary}\n`);
      return 0;
    }
    const newId = createIdGenerator({ now: wallClock });
    const parts = { transfer, directory, readLine: lines.read, newId };
    const summary = await importUsers(command.options.input, parts);
    const { imported, rejected, doneBefore, rejects } = summary;
    out(
      command.json
        ? JSON.stringify(summary)
        : [
            `imported ${imported} users`,
            ...(doneBefore > 0 ? [`${doneBefore} lines were done before`] : []),
            ...(rejected > 0 ? [`rejected ${rejected} lines, see ${rejects ?? "above"}`] : []),
          ].join(", "),
    );
    return rejected > 0 ? 1 : 0;
  } finally {
    await transfer.close();
    await directory.close();
  }
}
