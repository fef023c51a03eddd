import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { importUsers } from "../../../src/bulk/import/import-users.ts";
import { rejectsToFile } from "../../../src/bulk/import/rejects.ts";
import { createLineReader } from "../../../src/bulk/line/line-reader.ts";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteDirectory } from "../../../src/store/sqlite/directory.ts";
import { createSqliteTransfer } from "../../../src/store/sqlite/transfer.ts";
import { OvertakenError, type Transfer } from "../../../src/store/transfer.ts";

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const reject = (line: number) => ({ line, reason: "none", text: `line ${line}` });
const linesOf = (file: string) =>
  readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).line);

test("rejects take the place of earlier ones when they are published, in their order", async () => {
  const file = join(createFolder(), "users.ndjson.rejected");
  writeFileSync(file, JSON.stringify(reject(100)), { mode: 0o644 });
  const rejects = await rejectsToFile(file);
  await rejects.add([reject(1)]);
  rejects.clear();
  const many = Array.from({ length: 20 }, (_, index) => ({
    ...reject(index + 2),
    text: "x".repeat(1_000_000),
  }));
  for (const each of many) await rejects.add([each]);
  expect(linesOf(file)).toEqual([100]);
  await rejects.publish();
  await rejects.add([reject(22), reject(23)]);
  await rejects.publish();
  expect(await rejects.close()).toBe(file);
  expect(linesOf(file)).toEqual(Array.from({ length: 22 }, (_, index) => index + 2));
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("rejects that are not published leave the file as it is", async () => {
  const file = join(createFolder(), "users.ndjson.rejected");
  writeFileSync(file, JSON.stringify(reject(100)));
  const rejects = await rejectsToFile(file);
  await rejects.add([reject(1)]);
  expect(await rejects.close()).toBeNull();
  expect(linesOf(file)).toEqual([100]);
});

test.for([
  { name: "none", before: [] },
  { name: "some", before: [reject(1)] },
])(
  "an import that had $name leaves alone the file of the import that took its place",
  async (row) => {
    const file = join(createFolder(), "users.ndjson.rejected");
    const [mine, other] = [await rejectsToFile(file), await rejectsToFile(file)];
    await mine.publish();
    await mine.add(row.before);
    await other.publish();
    await other.add([reject(1), reject(2)]);
    await mine.close();
    expect(await other.close()).toBe(file);
    expect(linesOf(file)).toEqual([1, 2]);
  },
);

/** A file of six lines, of which the even ones are no users. It is imported two lines at a time. */
function createInput() {
  const folder = createFolder();
  const file = join(folder, "users.ndjson");
  const user = (id: number) => ({
    userId: String(id),
    userName: `user-${id}`,
    profile: { firstName: "Gigi", lastName: "Giraffe" },
    email: { email: "gigi@giraffe.example" },
  });
  const lines = [1, 2, 3, 4, 5, 6].map((id) => (id % 2 === 0 ? { no: id } : user(id)));
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const open = () => {
    const database = openSqlite(join(folder, "giraffe.db"));
    const directory = createSqliteDirectory(database);
    const transfer = createSqliteTransfer({ database, now: () => 1 });
    onTestFinished(async () => {
      await transfer.close();
      await directory.close();
    });
    /** @param before Called before each write, with its number. */
    const run = (before: (write: number) => Promise<void>) => {
      let writes = 0;
      const watched: Transfer = {
        ...transfer,
        batchSize: () => 2,
        async write(lines) {
          writes += 1;
          await before(writes);
          return transfer.write(lines);
        },
      };
      const newId = () => "new";
      const parts = { transfer: watched, directory, readLine: createLineReader(), newId };
      return importUsers(file, parts, () => {});
    };
    return { directory, run };
  };
  return { rejected: `${file}.rejected`, open };
}

test("an import that tries rejected lines again leaves alone the file of the import that goes on", async () => {
  const { rejected, open } = createInput();
  const [first, second] = [open(), open()];
  await first.directory.add({ organizations: [{ id: "1", name: "Zoo", createdAt: 1 }] });
  const mayGoOn = Promise.withResolvers<void>();
  const firstEnd = first.run(async (write) => {
    if (write === 3) await mayGoOn.promise;
  });
  await vi.waitUntil(() => existsSync(rejected) && linesOf(rejected).length === 2, {
    timeout: 240_000,
  });
  const secondEnd = second.run(async (write) => {
    if (write < 2) return;
    mayGoOn.resolve();
    await firstEnd;
    throw new OvertakenError();
  });
  await expect(secondEnd).rejects.toThrow("another import");
  expect(await firstEnd).toMatchObject({ imported: 3, rejected: 3, rejects: rejected });
  expect(linesOf(rejected)).toEqual([2, 4, 6]);
});
