import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import type { Decide, EventStore, KeysOf } from "../../../src/store/event-store.ts";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../src/store/sqlite/event-store.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-erase-"));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const newFile = () => {
  files += 1;
  return join(folder, `${files}`, "giraffe.db");
};
type Texts = readonly string[];
const keysOf: KeysOf<Texts> = ({ state }) =>
  state.length === 0 ? undefined : Object.fromEntries(state.map((text, at) => [`k${at}`, text]));
const openStore = (file: string) =>
  createSqliteEventStore({ database: openSqlite(file, keysOf), now: () => Date.now() * 1_000 });

/** A text of a person, in a given edition: none is part of another one. */
const textOf = (person: number, edition: number) => `person${person}edition${edition}z`;

const write =
  (person: number, edition: number, length = 0): Decide<Texts> =>
  () => {
    const text = textOf(person, edition);
    const long = text.repeat(1 + Math.floor(length / text.length));
    return {
      events: [{ type: "written", data: { text: long }, creator: "me" }],
      state: [text, `other ${text}`],
      uniqueKeys: [`name ${text}`],
      attributes: [{ key: text, value: Buffer.from(long) }],
      receipt: { owner: "me", name: text, contentOf: () => Buffer.from(text) },
    };
  };
const erase: Decide<Texts> = () => ({
  events: [{ type: "erased", data: {}, creator: "me" }],
  state: [],
  uniqueKeys: [],
  attributes: "remove-all",
  erases: true,
});

/** The persons of whom anything is in one of the files. */
function peopleIn(file: string): Set<number> {
  const found = new Set<number>();
  for (const name of readdirSync(join(file, ".."))) {
    const bytes = readFileSync(join(file, "..", name)).toString("latin1");
    for (const [, person] of bytes.matchAll(/person(\d+)edition/g)) found.add(Number(person));
  }
  return found;
}

const people = Array.from({ length: 400 }, (_, person) => person);
const erased = people.filter((person) => person % 7 === 3);

/** Everybody, written several times, with values of several pages among them. */
async function fill(store: EventStore): Promise<void> {
  for (let edition = 0; edition < 5; edition += 1)
    await Promise.all(
      people.map((person) =>
        store.change(
          `stream ${person}`,
          "org",
          write(person, edition, person % 20 === 3 ? 20_000 : 0),
        ),
      ),
    );
}

describe("a SQLite event store that erases", () => {
  test("leaves nothing in the file, nor in its log, when the call is answered", async () => {
    const file = newFile();
    const store = openStore(file);
    await fill(store);
    expect(peopleIn(file)).toEqual(new Set(people));
    await Promise.all(erased.map((person) => store.change(`stream ${person}`, "org", erase)));
    const left = people.filter((person) => !erased.includes(person));
    expect(peopleIn(file)).toEqual(new Set(left));
    await store.close();
    expect(peopleIn(file)).toEqual(new Set(left));
  });

  test("leaves nothing once a reader that was in the way has ended", async () => {
    const file = newFile();
    const store = openStore(file);
    await fill(store);
    const reader = new DatabaseSync(file);
    reader.exec("begin; select * from heads limit 1");
    await store.change("stream 3", "org", erase);
    expect(peopleIn(file).has(3)).toBe(true);
    reader.close();
    await store.change("stream 4", "org", write(4, 9));
    expect(peopleIn(file).has(3)).toBe(false);
    await store.close();
  });
});
