import { headPages } from "../../bulk/head-pages.ts";
import { type UserDocument, userDocument } from "../../bulk/line/user-document.ts";
import { CliError } from "../command/admin.ts";
import { textOf } from "../command/command.ts";
import { printable } from "../command/printable.ts";
import { formatTable } from "../command/table.ts";
import { transferCommand, type UserAdmin } from "../command/transfer-command.ts";

const usualLimit = 100;
/** As a list over RPC has at most. `export` writes all users. */
const maxLimit = 1_000;

type ListOptions = {
  /** Default: all. */
  readonly organization: string | undefined;
  readonly after: string;
  readonly limit: string;
};

/** `giraffe user list` */
export const userList = transferCommand<ListOptions>({
  name: "user list",
  help: "list users in the order of their ids",
  flags: {
    org: { argument: "ID", help: "only users of this organization (default: all)" },
    limit: { argument: "N", help: `1 to ${maxLimit} users (default: ${usualLimit})` },
    after: { argument: "ID", help: "only users whose id comes after this one" },
  },
  options: ({ given }) => ({
    organization: textOf(given, "org"),
    after: textOf(given, "after") ?? "",
    limit: textOf(given, "limit") ?? String(usualLimit),
  }),
  async run(admin, { organization, after, limit }) {
    if (organization !== undefined && !(await admin.directory.organization(organization))) {
      throw new CliError(`there is no organization ${JSON.stringify(organization)}`);
    }
    const { users, next } = await readUsers(admin, organization, after, checkedLimit(limit));
    if (admin.json) {
      admin.out(JSON.stringify({ users, next: next ?? null }));
      return;
    }
    const rows = users.map((user) =>
      [
        user.userId,
        user.userName,
        user.profile.displayName ?? "",
        user.state,
        user.organization,
      ].map(printable),
    );
    for (const line of formatTable(["ID", "USER NAME", "NAME", "STATE", "ORGANIZATION"], rows)) {
      admin.out(line);
    }
    if (next !== undefined) admin.out(`there are more: add --after ${printable(next)}`);
  },
});

function checkedLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= maxLimit) return limit;
  throw new CliError(`--limit ${JSON.stringify(text)}: give a whole number from 1 to ${maxLimit}`);
}

/** @returns One page, and the id behind which the next one begins; `undefined`: this is the last one. */
async function readUsers(
  { transfer, lines }: Pick<UserAdmin, "transfer" | "lines">,
  organization: string | undefined,
  from: string,
  limit: number,
): Promise<{ readonly users: readonly UserDocument[]; readonly next: string | undefined }> {
  const users: UserDocument[] = [];
  const pages = headPages<Parameters<typeof lines.write>[2]>(transfer, organization, from);
  for await (const heads of pages) {
    for (const { stream, head } of heads) {
      const user = userDocument(lines, stream, head, []);
      if (user === undefined) continue;
      if (users.length === limit) return { users, next: users.at(-1)?.userId };
      users.push(user);
    }
  }
  return { users, next: undefined };
}
