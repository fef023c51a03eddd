import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { runGiraffe } from "../support/child.ts";
import { query } from "../support/postgres.ts";
import { newPostgresDatabase } from "../support/postgres-database.ts";

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-mistyped-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** All commands that need a database that exists. */
const commands = [
  ["org", "list"],
  ["token", "create", "--name", "ci", "--role", "IAM_OWNER"],
  ["token", "list"],
  ["token", "revoke", "1"],
  ["member", "add", "--subject", "sam", "--role", "IAM_OWNER"],
  ["member", "remove", "--subject", "sam", "--role", "IAM_OWNER"],
  ["member", "list"],
  ["export"],
  ["import", "-"],
].map((command) => ({ name: command.join(" "), command }));

describe("a mistyped --database", () => {
  test.for([...commands, { name: "backup FILE", command: ["backup", "copy.db"] }])(
    "C10: is refused by $name, which leaves nothing behind",
    async ({ command }) => {
      const folder = newFolder();
      const path = join(folder, "data", "giraffe.db");
      expect(await runGiraffe(...command, "--database", `sqlite:${path}`)).toEqual({
        code: 1,
        stdout: "",
        stderr: `giraffe: there is no database ${path}: serve and org create make one\n`,
      });
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  test("C10: is refused on PostgreSQL, and no table is made", async () => {
    const url = await newPostgresDatabase();
    for (const { name, command } of commands) {
      expect(await runGiraffe(...command, "--database", url), name).toMatchObject({
        code: 1,
        stderr:
          "giraffe: there is nothing of Giraffe in this database: serve and org create set one up\n",
      });
    }
    expect(await query(url, "select 1 from pg_tables where schemaname = 'public'")).toEqual([]);
    expect((await runGiraffe("org", "create", "Zoo", "--database", url)).code).toBe(0);
    expect((await runGiraffe("org", "list", "--database", url)).stdout).toContain("Zoo");
  });

  test.for([["  "], ["Zoo", "--id", ""]])(
    "C10: org create %j is refused before there is a database",
    async (options) => {
      const folder = newFolder();
      const database = ["--database", `sqlite:${join(folder, "data", "giraffe.db")}`];
      const { code, stderr } = await runGiraffe("org", "create", ...options, ...database);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("a name has") });
      expect(readdirSync(folder)).toEqual([]);
    },
  );
});

describe("a serve that is refused", () => {
  test.for([
    {
      name: "a file that is no database",
      make: (path: string) => writeFileSync(path, "a".repeat(5_000)),
    },
    {
      name: "a database that is newer",
      make(path: string) {
        const db = new DatabaseSync(path);
        db.exec("pragma user_version = 99");
        db.close();
      },
    },
  ])("C10: leaves no lock beside $name", async ({ make }) => {
    const folder = newFolder();
    const path = join(folder, "giraffe.db");
    make(path);
    const serve = ["serve", "--listen", "127.0.0.1:0", "--database", `sqlite:${path}`];
    expect((await runGiraffe(...serve)).code).toBe(1);
    expect(readdirSync(folder).filter((name) => name.includes("lock"))).toEqual([]);
  });

  test("C10: leaves no lock when its port is taken", async () => {
    const folder = newFolder();
    const other = createServer();
    const port = await new Promise<number>((resolve) => {
      other.listen(0, "127.0.0.1", () => {
        const address = other.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
    onTestFinished(() => void other.close());
    const database = `sqlite:${join(folder, "giraffe.db")}`;
    const refused = await runGiraffe(
      "serve",
      "--listen",
      `127.0.0.1:${port}`,
      ...["--database", database],
    );
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("address already in use"),
    });
    expect(readdirSync(folder).sort()).toEqual(["admin.token", "giraffe.db"]);
  });
});
