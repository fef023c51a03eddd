import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createShortTurns } from "../../../src/wire/turns/short-turns.ts";

test("requests of one turn take five milliseconds, and clients take turns", async () => {
  let now = 0;
  const take = createShortTurns(undefined, { now: () => now });
  const begun: string[] = [];
  const work = (name: string) =>
    take(name.charAt(0), () => {
      begun.push(name);
      now += 2;
    });
  for (const name of ["a1", "a2", "a3", "a4", "b1", "b2"]) work(name);
  expect(begun).toEqual([]);
  await nextTurn();
  expect(begun).toEqual(["a1", "b1", "a2"]);
  work("c1");
  await nextTurn();
  expect(begun).toEqual(["a1", "b1", "a2", "b2", "a3", "c1"]);
  await nextTurn();
  expect(begun.at(-1)).toBe("a4");
});

test("what comes in a turn begins in the next one", async () => {
  const take = createShortTurns();
  let begun = 0;
  const again = () => {
    begun += 1;
    take("a", again);
  };
  take("a", again);
  for (let turns = 1; turns <= 10; turns += 1) {
    await nextTurn();
    expect(begun).toBe(turns);
  }
});

test("nothing begins in turns that are held", async () => {
  let isHeld = true;
  const take = createShortTurns(() => isHeld);
  const begun: string[] = [];
  take("a", () => begun.push("a1"));
  for (let turns = 0; turns < 5; turns += 1) await nextTurn();
  expect(begun).toEqual([]);
  isHeld = false;
  await nextTurn();
  expect(begun).toEqual(["a1"]);
});

test("nothing is done in turns in which nothing waits", async () => {
  let turns = 0;
  const take = createShortTurns(() => {
    turns += 1;
    return false;
  });
  take("a", () => {});
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
  expect(turns).toBe(1);
});

test("each request keeps its own context", async () => {
  const context = new AsyncLocalStorage<string>();
  const take = createShortTurns();
  const seen: (string | undefined)[] = [];
  for (const name of ["a", "b"]) {
    context.run(name, () => take("client", () => seen.push(context.getStore())));
  }
  take("client", () => seen.push(context.getStore()));
  await nextTurn();
  expect(seen).toEqual(["a", "b", undefined]);
});
