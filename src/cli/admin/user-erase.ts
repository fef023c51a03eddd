import type { Erasable } from "../../server/erase-user.ts";
import { CliError } from "../command/admin.ts";
import { type AdminOptions, adminFlags, anyCommand, withAdminOptions } from "../command/command.ts";
import { confirm } from "../command/confirm.ts";

type Options = AdminOptions & { readonly id: string; readonly isSure: boolean };

/** `giraffe user erase ID` */
export const userErase = anyCommand<Options>({
  name: "user erase",
  help: "erase a user for good, with all that was stored of the person",
  argument: "ID",
  flags: { yes: { help: "do not ask" }, ...adminFlags },
  read: (line) => withAdminOptions(line, { id: line.argument, isSure: line.given.yes === true }),
  async run({ database, json, id, isSure }, out) {
    const { openEventStore } = await import("../../server/database.ts");
    const { eraseUser, findErasable } = await import("../../server/erase-user.ts");
    const store = await openEventStore(database);
    try {
      const found = await findErasable(store, id);
      if (found === undefined) throw new CliError(`there is no user ${JSON.stringify(id)}`);
      if (!isSure) await confirm(questionAbout(id, found), id);
      const { version } = await eraseUser(store, id, found);
      out(json ? JSON.stringify({ id, sequence: version, erased: true }) : `erased user ${id}`);
      return 0;
    } finally {
      await store.close();
    }
  },
});

function questionAbout(id: string, { userName }: Erasable): string {
  const who =
    userName === undefined ? "who was removed" : `with the name ${JSON.stringify(userName)}`;
  return (
    `This erases user ${id}, ${who}, and everything that was stored of the person.\n` +
    "Nobody can undo it. Type the id to go on: "
  );
}
