import { expect } from "vitest";
import { createIdGenerator } from "../../src/access/id.ts";
import { createPersonalAccessTokenAuthenticator } from "../../src/access/personal-access-token.ts";
import { createOrganization } from "../../src/cli/admin/org-create.ts";
import type { CliError } from "../../src/cli/command/admin.ts";
import { openSqlite } from "../../src/store/sqlite/database.ts";
import { createSqliteDirectory } from "../../src/store/sqlite/directory.ts";
import { askingAtOnce } from "../access/at-once.ts";

export const start = Date.parse("2026-01-31T12:00:00Z") * 1_000;

/** An empty directory, and functions that return what a command prints, as lines or as a document. */
export function setUp() {
  const directory = createSqliteDirectory(openSqlite(":memory:"));
  const now = () => start;
  const lines: string[] = [];
  const out = (line: string) => void lines.push(line);
  const admin = { directory, ids: createIdGenerator({ now }), now, out, json: false };
  return {
    admin,
    directory,
    authenticate: askingAtOnce(createPersonalAccessTokenAuthenticator(directory, { now })),
    linesOf: async (command: Promise<void>) => {
      lines.length = 0;
      await command;
      return [...lines];
    },
    documentOf: async (run: (json: typeof admin) => Promise<void>) => {
      lines.length = 0;
      await run({ ...admin, json: true });
      expect(lines).toHaveLength(1);
      return JSON.parse(lines.join(""));
    },
  };
}

export const cliError = (message: string | RegExp) =>
  expect.objectContaining<Partial<CliError>>({
    name: "CliError",
    exitCode: 1,
    message: expect.stringMatching(message),
  });

/** Organizations by name, with their ids. */
export async function withOrganizations(...names: string[]) {
  const context = setUp();
  const ids: string[] = [];
  for (const name of names) {
    const { id } = await context.documentOf((json) => createOrganization(json, { name }));
    ids.push(id);
  }
  return { ...context, ids };
}
