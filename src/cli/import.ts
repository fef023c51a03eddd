import { type Form, formFrom, formNames, openForm } from "../bulk/forms.ts";
import type { ImportSummary } from "../bulk/import/import-users.ts";
import type { PreparedSource } from "../bulk/import/prepared-source.ts";
import { wordsOfLosses } from "../bulk/losses.ts";
import type { Reading } from "../config/config.ts";
import {
  type AdminOptions,
  adminFlags,
  anyCommand,
  type Line,
  type Out,
  textOf,
  withAdminOptions,
} from "./command/command.ts";
import { counted } from "./command/counted.ts";
import { printable } from "./command/printable.ts";
import { tokenFrom } from "./command/token-file.ts";

type ImportOptions = AdminOptions & {
  readonly input: string;
  /** `undefined`: lines, as `export` writes them. */
  readonly form: Form | undefined;
  readonly isUpdating: boolean;
  /** Of users whose lines name none. */
  readonly organization: string | undefined;
  /** Of an input that is a URL. */
  readonly tokenFile: string | undefined;
  /** Where the events of a URL are kept. */
  readonly spool: string | undefined;
};

/** `giraffe import FILE`. The exit code is 1 if lines were rejected. */
export const importCommand = anyCommand<ImportOptions>({
  name: "import",
  help: "add users from lines of JSON in a file (- for stdin); an interrupted run is continued",
  argument: "FILE",
  flags: {
    from: { argument: "FORM", help: `the file is of another system: ${formNames.join(", ")}` },
    tokenFile: {
      argument: "FILE",
      help: "with --from zitadel-events, FILE is the URL of a server; the token is in this file",
    },
    spool: {
      argument: "FILE",
      help: "keeps the events of that server, so that the next run reads only new ones (default: events.db)",
    },
    org: { argument: "ID", help: "of users whose lines name none (default: the only one)" },
    update: { help: "change users who are there, unless they were changed since their import" },
    ...adminFlags,
  },
  read: readOptions,
  async run({ database, json, input, form, isUpdating, organization, tokenFile, spool }, out) {
    const { openTransfer, wallClock } = await import("../server/database.ts");
    const { createLineReader } = await import("../bulk/line/line-reader.ts");
    const { createIdGenerator } = await import("../access/id.ts");
    const { importUsers } = await import("../bulk/import/import-users.ts");
    const { transfer, directory } = await openTransfer(database);
    const tell = (line: string) => void process.stderr.write(`${line}\n`);
    let source: PreparedSource | undefined;
    try {
      const token = tokenFile === undefined ? undefined : tokenFrom(tokenFile);
      source = form && (await openForm(form, input, { now: wallClock(), token, spool }));
      const newId = createIdGenerator({ now: wallClock });
      const parts = {
        transfer,
        directory,
        readLine: createLineReader(),
        newId,
        isUpdating,
        source,
        rejectsBeside: spool,
        organization,
      };
      const summary = await importUsers(input, parts, tell);
      const notTaken = source?.losses.counts();
      if (json) out(JSON.stringify({ ...summary, notTaken }));
      else printSummary(summary, notTaken, out);
      return summary.rejected > 0 ? 1 : 0;
    } finally {
      source?.close();
      await transfer.close();
      await directory.close();
    }
  },
});

function readOptions(line: Line): Reading<ImportOptions> {
  const from = textOf(line.given, "from");
  const tokenFile = textOf(line.given, "tokenFile");
  const spool = textOf(line.given, "spool");
  const form = from === undefined ? undefined : formFrom(from);
  const reading = withAdminOptions(line, {
    input: line.argument,
    form,
    isUpdating: line.given.update === true || form !== undefined,
    organization: textOf(line.given, "org"),
    tokenFile,
    spool: tokenFile === undefined ? undefined : (spool ?? "events.db"),
  });
  const problems = [
    ...(from !== undefined && form === undefined
      ? [`--from ${JSON.stringify(from)}: the forms are ${formNames.join(", ")}`]
      : []),
    ...(tokenFile !== undefined && form !== "zitadel-events"
      ? ["--token-file belongs to --from zitadel-events"]
      : []),
    ...(form === "zitadel-events" && isUrl(line.argument) && tokenFile === undefined
      ? ["--token-file is missing: the URL of a server needs a token"]
      : []),
    ...(spool !== undefined && tokenFile === undefined ? ["--spool belongs to --token-file"] : []),
  ];
  if (problems.length === 0) return reading;
  const others = reading.kind === "refused" ? reading.problems : [];
  return { kind: "refused", problems: [...others, ...problems] };
}

function isUrl(input: string): boolean {
  return input.startsWith("https://") || input.startsWith("http://");
}

function printSummary(
  summary: ImportSummary,
  notTaken: Readonly<Record<string, number>> = {},
  out: Out,
): void {
  for (const line of wordsOf(summary)) out(line);
  const losses = wordsOfLosses(notTaken);
  if (losses !== undefined) out(printable(losses));
}

function wordsOf(summary: ImportSummary): string[] {
  const { imported, changed = 0, unchanged = 0, rejected, rejects } = summary;
  const { doneBefore, triedAgain } = summary;
  const counts = [
    `imported ${counted(imported, "user")}`,
    ...(changed > 0 ? [`changed ${counted(changed, "user")}`] : []),
    ...(unchanged > 0
      ? [`${counted(unchanged, "user")} ${unchanged === 1 ? "needs" : "need"} no change`]
      : []),
    ...(doneBefore > 0 ? [`${counted(doneBefore, "line")} ${were(doneBefore)} done before`] : []),
    ...(triedAgain > 0
      ? [`${counted(triedAgain, "rejected line")} ${were(triedAgain)} tried again`]
      : []),
    ...(rejected > 0 ? [`rejected ${counted(rejected, "line")}, see ${rejects ?? "above"}`] : []),
  ];
  if (rejected === 0) return [counts.join(", ")];
  const orMend = rejects === null ? "" : `, or correct them in ${rejects} and import that file`;
  return [counts.join(", "), `run the same command to try the rejected lines again${orMend}`];
}

function were(count: number): string {
  return count === 1 ? "was" : "were";
}
