import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import type { Decide, EventStore, KeysOf } from "../../../../src/store/event-store.ts";
import { openSqlite } from "../../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../../src/store/sqlite/event-store.ts";
import { startProgram } from "../../../support/child.ts";

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

const program = fileURLToPath(new URL("crash-eraser.ts", import.meta.url));

describe("a SQLite event store that erases", () => {
  test("has erased a stream wholly or not at all when it is killed", async () => {
    const kills = [1, 7, 20, 33, 60];
    for (const killAfter of kills) {
      const file = newFile();
      mkdirSync(join(file, ".."));
      const child = startProgram(process.execPath, [program, file, "100"]);
      await child.until("stdout", new RegExp(`^s${killAfter}$`, "m"));
      child.kill("SIGKILL");
      const { stdout } = await child.ended;
      const acknowledged = stdout.split("\n").filter((line) => /^s\d+$/.test(line));
      const store = openStore(file);
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          const stream = `s${index}`;
          const events = await store.history(stream, "org", {
            ...{ after: 0, limit: 1_000, ascending: true },
          });
          const head = await store.load(stream, "org");
          const attributes = await store.readAttributes(stream, "org", ["text"]);
          const receipt = await store.receipts.find({ owner: "me", name: stream });
          const left = new Set(events.map(({ data }) => JSON.stringify(data)));
          const facts = { events: events.length, left: [...left], state: head?.state };
          return {
            stream,
            ...facts,
            attributes: attributes.length,
            receipt: receipt !== undefined,
          };
        }),
      );
      const whole = {
        ...{
          events: 100,
          left: ['{"text":"secret"}'],
          state: "secret",
          attributes: 1,
          receipt: true,
        },
      };
      const erased = { events: 101, left: ["{}"], state: "", attributes: 0, receipt: false };
      for (const { stream, ...facts } of outcomes) {
        const isErased = facts.events === 101;
        expect(facts).toEqual(isErased ? erased : whole);
        if (acknowledged.includes(stream))
          expect({ stream, isErased }).toEqual({ stream, isErased: true });
      }
      expect(outcomes.some(({ events }) => events === 100)).toBe(true);
      await store.close();
    }
  });

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

  test("leaves nothing either of streams that are erased in one change", async () => {
    const file = newFile();
    const store = openStore(file);
    await fill(store);
    const members = [3, 10].map((person) => ({ stream: `stream ${person}`, organization: "org" }));
    const decisions = members.map(() => erase(undefined));
    await store.changeAll(members, () => ({ decisions }));
    expect(peopleIn(file)).toEqual(new Set(people.filter((person) => ![3, 10].includes(person))));
    await store.close();
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
