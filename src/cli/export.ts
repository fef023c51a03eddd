import type { Reading } from "../config/config.ts";
import type { Directory, Organization } from "../store/directory.ts";
import type { Transfer } from "../store/transfer.ts";
import { CliError } from "./command/admin.ts";
import {
  type AdminOptions,
  adminFlags,
  anyCommand,
  type Line,
  textOf,
  withAdminOptions,
} from "./command/command.ts";
import { counted } from "./command/counted.ts";

type ExportOptions = AdminOptions & {
  /** Default: all. */
  readonly organization: string | undefined;
  /** A folder for requests of ZITADEL's ImportData. Default: lines on stdout. */
  readonly folder: string | undefined;
};

/** The only other form. */
const zitadelImport = "zitadel-import";

/** `giraffe export`. Only the users go to stdout; the summary goes to stderr. */
export const exportCommand = anyCommand<ExportOptions>({
  name: "export",
  help: "write all users as lines of JSON, or for another system into files of a new folder DIR",
  argument: "[DIR]",
  mayLackArgument: true,
  flags: {
    org: { argument: "ID", help: "only users of this organization (default: all)" },
    to: { argument: "FORM", help: `for another system: ${zitadelImport}` },
    ...adminFlags,
  },
  read: readOptions,
  async run({ database, json, organization, folder }) {
    const { openTransfer } = await import("../server/database.ts");
    const { transfer, directory } = await openTransfer(database);
    try {
      const only = organization === undefined ? undefined : await known(directory, organization);
      const summary =
        folder === undefined
          ? await writeLines(transfer, organization)
          : await writeFiles(transfer, only ? [only] : await directory.organizations(), folder);
      process.stderr.write(`${json ? JSON.stringify(summary) : wordsOf(summary)}\n`);
      return 0;
    } finally {
      await transfer.close();
      await directory.close();
    }
  },
});

function readOptions(line: Line): Reading<ExportOptions> {
  const organization = textOf(line.given, "org");
  const to = textOf(line.given, "to");
  const folder = line.argument === "" ? undefined : line.argument;
  const reading = withAdminOptions(line, { organization, folder });
  const problems = [
    ...(to !== undefined && to !== zitadelImport
      ? [`--to ${JSON.stringify(to)}: the form is ${zitadelImport}`]
      : []),
    ...(to !== undefined && folder === undefined ? ["DIR is missing: --to writes into it"] : []),
    ...(to === undefined && folder !== undefined
      ? [`${JSON.stringify(folder)} is an unexpected argument without --to`]
      : []),
  ];
  if (problems.length === 0) return reading;
  const others = reading.kind === "refused" ? reading.problems : [];
  return { kind: "refused", problems: [...others, ...problems] };
}

async function known(directory: Directory, id: string): Promise<Organization> {
  const organization = await directory.organization(id);
  if (organization !== undefined) return organization;
  throw new CliError(`there is no organization ${JSON.stringify(id)}`);
}

type Summary = { readonly exported: number; readonly files?: number };

async function writeLines(transfer: Transfer, organization: string | undefined): Promise<Summary> {
  const { createUserLines } = await import("../bulk/line/user-line.ts");
  const { exportUsers } = await import("../bulk/export-users.ts");
  return { exported: await exportUsers(transfer, createUserLines(), organization, process.stdout) };
}

async function writeFiles(
  transfer: Transfer,
  organizations: readonly Organization[],
  folder: string,
): Promise<Summary> {
  const { exportPeople } = await import("../bulk/zitadel/export-people.ts");
  return exportPeople(transfer, organizations, folder);
}

function wordsOf({ exported, files }: Summary): string {
  if (files === undefined) return `exported ${counted(exported, "user")}`;
  return `exported ${counted(exported, "user")} in ${counted(files, "file")}. ZITADEL makes users without a password or a link to an identity provider initial users, and sends them mails`;
}
