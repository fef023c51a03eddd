import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { TurnEnd } from "../../../src/wire/turns/turn-end.ts";

test("the function is called once at the end of a turn, and then only if it is asked for again", async () => {
  let called = 0;
  const turnEnd = new TurnEnd(() => {
    called += 1;
    if (called === 1) turnEnd.soon();
  });
  const seen: [number, boolean][] = [];
  for (let turns = 0; turns < 4; turns += 1) {
    if (turns === 0) for (let asked = 0; asked < 3; asked += 1) turnEnd.soon();
    seen.push([called, turnEnd.isDue]);
    await nextTurn();
  }
  expect(seen).toEqual([
    [0, true],
    [1, true],
    [2, false],
    [2, false],
  ]);
});
