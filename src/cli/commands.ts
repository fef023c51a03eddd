import type { AnyCommand } from "./command/command.ts";

type Load = () => Promise<readonly AnyCommand[]>;

/**
 * All commands by their first word, in the order of the help. A command line needs those of its own first
 * word: without the others, `serve` loads 40 files fewer.
 */
const loads: Readonly<Record<string, Load>> = {
  serve: async () => [(await import("./serve.ts")).serve],
  org: async () => [
    (await import("./admin/org-create.ts")).orgCreate,
    (await import("./admin/org-list.ts")).orgList,
  ],
  token: async () => [
    (await import("./admin/token-create.ts")).tokenCreate,
    (await import("./admin/token-list.ts")).tokenList,
    (await import("./admin/token-revoke.ts")).tokenRevoke,
  ],
  member: async () => [
    (await import("./admin/member-add.ts")).memberAdd,
    (await import("./admin/member-remove.ts")).memberRemove,
    (await import("./admin/member-list.ts")).memberList,
  ],
  user: async () => [
    (await import("./admin/user-get.ts")).userGet,
    (await import("./admin/user-list.ts")).userList,
    (await import("./admin/user-erase.ts")).userErase,
  ],
  import: async () => [(await import("./import.ts")).importCommand],
  export: async () => [(await import("./export.ts")).exportCommand],
  compare: async () => [(await import("./compare.ts")).compare],
  backup: async () => [(await import("./backup.ts")).backup],
  status: async () => [(await import("./status.ts")).status],
};

/**
 * The commands that a command line can mean: those that begin with its first word, or all of them if there are
 * none, because the help and the message about a mistyped command name the other commands, too.
 */
export async function commandsFor([first = ""]: readonly string[]): Promise<AnyCommand[]> {
  const load = Object.hasOwn(loads, first) ? loads[first] : undefined;
  if (load !== undefined) return [...(await load())];
  const all = await Promise.all(Object.values(loads).map((each) => each()));
  return all.flat();
}
