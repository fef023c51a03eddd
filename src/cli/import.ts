import { type AdminOptions, adminFlags, anyCommand, withAdminOptions } from "./command.ts";

/** `giraffe import FILE`. The exit code is 1 if lines were rejected. */
export const importCommand = anyCommand<AdminOptions & { readonly input: string }>({
  name: "import",
  help: "add users from lines of JSON in a file, or - for stdin; goes on where it was broken off",
  argument: "FILE",
  flags: adminFlags,
  read: (line) => withAdminOptions(line, { input: line.argument }),
  async run({ database, json, input }, out) {
    const { createUserLines, openTransfer, wallClock } = await import("../service.ts");
    const { createIdGenerator } = await import("../access/id.ts");
    const { importUsers } = await import("./import-users.ts");
    const { transfer, directory } = await openTransfer(database);
    try {
      const newId = createIdGenerator({ now: wallClock });
      const readLine = createUserLines().read;
      const summary = await importUsers(input, { transfer, directory, readLine, newId });
      const { imported, rejected, doneBefore, rejects } = summary;
      out(
        json
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
  },
});
