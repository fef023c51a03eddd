/** Texts of many lengths, which SQLite moves from page to page. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { openStore as openServed } from "../../../../src/server/database.ts";
import type { Decide, KeysOf } from "../../../../src/store/event-store.ts";
import { openSqlite } from "../../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../../src/store/sqlite/event-store.ts";
import { backUp } from "../../../../src/store/sqlite/file/backup.ts";
import { clearGaps } from "../../../../src/store/sqlite/file/clear-gaps.ts";
import { clearErased } from "../../../../src/store/sqlite/file/erased-mark.ts";
import { createRandom } from "../../../faults/random.ts";

type Texts = readonly string[];
const keysOf: KeysOf<Texts> = ({ state }) =>
  state.length === 0 ? undefined : Object.fromEntries(state.map((text, at) => [`k${at}`, text]));

const writing =
  (texts: Texts): Decide<Texts> =>
  () => ({
    events: [{ type: "written", data: { texts }, creator: "me" }],
    state: texts,
    uniqueKeys: [`name ${texts[0]}`],
  });
const erasing: Decide<Texts> = () => ({
  events: [{ type: "erased", data: {}, creator: "me" }],
  state: [],
  uniqueKeys: [],
  erases: true,
});

const people = Array.from({ length: 300 }, (_, person) => person);
const isErased = (person: number) => person % 2 === 0;

/** The people of whom anything is in a file. */
function peopleIn(file: string): Set<number> {
  const bytes = readFileSync(file, "latin1");
  return new Set(Array.from(bytes.matchAll(/person(\d+)z/g), ([, person]) => Number(person)));
}

/** The rows of all tables. */
function contentsOf(file: string) {
  const db = new DatabaseSync(file, { readOnly: true });
  const tables = ["heads", "events", "claims", "search_keys", "head_counts"];
  const rows = tables.map((table) => db.prepare(`select * from ${table}`).all());
  db.close();
  return rows;
}

const openStore = (file: string) =>
  createSqliteEventStore({ database: openSqlite(file, keysOf), now: () => Date.now() * 1_000 });
const newFile = () => {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-moved-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "giraffe.db");
};
const left = new Set(people.filter((person) => !isErased(person)));

/** A database in which half of the people are erased. */
async function fill(file: string): Promise<void> {
  const store = openStore(file);
  const random = createRandom("moved texts");
  const streams = people.map((person) => `${random.int(1_000_000)} ${person}`);
  const textOf = (person: number) =>
    `${random.int(1_000_000)} person${person}z ${"y".repeat(random.oneIn(5) ? random.int(180) : 3)}`;
  const change = (person: number, decide: Decide<Texts>) =>
    store.change(streams[person] ?? "", "org", decide);
  for (let edition = 0; edition < 7; edition += 1) {
    const written = people.filter(() => edition === 0 || random.oneIn(2));
    await Promise.all(
      written.map((person) =>
        change(person, writing(Array.from({ length: 6 }, () => textOf(person)))),
      ),
    );
  }
  await Promise.all(people.filter(isErased).map((person) => change(person, erasing)));
  await store.close();
}

test("a backup has nothing of people who were erased, and everything else", async () => {
  const file = newFile();
  await fill(file);
  const copy = `${file}.copy`;
  await backUp(file, copy, () => {});
  expect(peopleIn(copy)).toEqual(left);
  expect(contentsOf(copy)).toEqual(contentsOf(file));
});

test("the next start of a server overwrites all that is left of people who were erased", async () => {
  const file = newFile();
  await fill(file);
  const contents = contentsOf(file);
  const observer = { waiting() {}, committed() {}, retried() {}, failed() {} };
  const served = await openServed({ kind: "sqlite", path: file }, observer);
  await served.close();
  expect(peopleIn(file)).toEqual(left);
  expect(contentsOf(file)).toEqual(contents);
  expect(existsSync(`${file}-erased`)).toBe(false);
});

test("a start beside another connection leaves that to the next one", async () => {
  const file = newFile();
  await fill(file);
  const other = openStore(file);
  clearErased(file);
  expect(existsSync(`${file}-erased`)).toBe(true);
  await other.change("one more", "org", writing(["one more"]));
  await other.close();
  clearErased(file);
  expect(peopleIn(file)).toEqual(left);
  expect(existsSync(`${file}-erased`)).toBe(false);
  const again = openStore(file);
  expect(await again.load("one more", "org")).toMatchObject({ version: 1 });
  await again.close();
});

test("while a mark is removed nobody else can erase, whose mark would be lost", async () => {
  const file = newFile();
  await fill(file);
  const db = new DatabaseSync(file);
  db.exec("pragma journal_mode = delete; begin exclusive");
  const program = `const { DatabaseSync } = await import("node:sqlite");
    new DatabaseSync(process.argv[1]).exec("begin immediate");`;
  const argv = ["--input-type=module", "-e", program, file];
  const tryToWrite = () => String(spawnSync(process.execPath, argv).stderr);
  let meanwhile = "";
  clearGaps(file, () => {
    meanwhile = tryToWrite();
  });
  expect(meanwhile).toContain("database is locked");
  expect(tryToWrite()).toBe("");
  db.close();
});
