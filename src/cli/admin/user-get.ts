import { type UserDocument, userDocument } from "../../bulk/line/user-document.ts";
import { CliError } from "../command/admin.ts";
import { printable } from "../command/printable.ts";
import { formatTable } from "../command/table.ts";
import { transferCommand } from "../command/transfer-command.ts";

/** `giraffe user get ID` */
export const userGet = transferCommand({
  name: "user get",
  help: "show one user, with metadata",
  argument: "ID",
  options: ({ argument }) => ({ id: argument }),
  async run({ transfer, lines, out, json }, { id }) {
    const found = await transfer.attributes<Parameters<typeof lines.write>[2]>(id);
    const user = found && userDocument(lines, id, found.head, found.attributes);
    if (user === undefined) throw new CliError(`there is no user ${JSON.stringify(id)}`);
    if (json) out(JSON.stringify(user));
    else for (const line of formatTable(["userId", user.userId], rowsOf(user))) out(line);
  },
});

/** One row for each field that has a value, in the order of the document. */
function rowsOf({ userId: _, metadata = [], ...user }: UserDocument): string[][] {
  const fields = Object.entries(user).flatMap(([name, value]): [string, unknown][] =>
    typeof value === "object" ? Object.entries(value) : [[name, value]],
  );
  return [
    ...fields.map(([name, value]) => [name, printable(String(value))]),
    ...metadata.map(({ key, value }) => [`metadata ${printable(key)}`, value]),
  ];
}
