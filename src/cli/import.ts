import type { ImportSummary } from "../bulk/import-users.ts";
import { type AdminOptions, adminFlags, anyCommand, withAdminOptions } from "./command/command.ts";
import { counted } from "./command/counted.ts";

/** `giraffe import FILE`. The exit code is 1 if lines were rejected. */
export const importCommand = anyCommand<AdminOptions & { readonly input: string }>({
  name: "import",
  help: "add users from lines of JSON in a file (- for stdin); an interrupted run is continued",
  argument: "FILE",
  flags: adminFlags,
  read: (line) => withAdminOptions(line, { input: line.argument }),
  async run({ database, json, input }, out) {
    const { openTransfer, wallClock } = await import("../server/database.ts");
    const { createUserLines } = await import("../bulk/user-line.ts");
    const { createIdGenerator } = await import("../access/id.ts");
    const { importUsers } = await import("../bulk/import-users.ts");
    const { transfer, directory } = await openTransfer(database);
    try {
      const newId = createIdGenerator({ now: wallClock });
      const readLine = createUserLines().read;
      const parts = { transfer, directory, readLine, newId };
      const tell = (line: string) => void process.stderr.write(`${line}\n`);
      const summary = await importUsers(input, parts, tell);
      if (json) out(JSON.stringify(summary));
      else for (const line of wordsOf(summary)) out(line);
      return summary.rejected > 0 ? 1 : 0;
    } finally {
      await transfer.close();
      await directory.close();
    }
  },
});

function wordsOf({ imported, rejected, doneBefore, triedAgain, rejects }: ImportSummary): string[] {
  const counts = [
    `imported ${counted(imported, "user")}`,
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
