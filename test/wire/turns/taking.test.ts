import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createTaking } from "../../../src/wire/turns/taking.ts";

/** What each turn of two milliseconds is, while connections come in those that `comes` names. */
async function turns(comes: (turn: number) => boolean, count: number): Promise<string> {
  let now = 1_000;
  const { took, isTaking } = createTaking({ now: () => now });
  let seen = "";
  for (let turn = 0; turn < count; turn += 1, now += 2) {
    if (comes(turn)) took();
    seen += isTaking() ? "t" : "-";
    await nextTurn();
  }
  return seen;
}

test("while connections come, what waits has one turn after each five milliseconds", async () => {
  expect(await turns(() => true, 12)).toBe("ttt-ttt-ttt-");
});

test("a turn behind one with a new connection is held until its end, and no other", async () => {
  expect(await turns((turn) => turn === 1, 5)).toBe("-tt--");
  expect(await turns(() => false, 3)).toBe("---");
});

test("connections in every other turn hold nothing for longer than those in each turn", async () => {
  expect(await turns((turn) => turn % 2 === 0, 12)).toBe("tttt--tttt--");
});

test("several connections in one turn count as one", async () => {
  let now = 0;
  const { took, isTaking } = createTaking({ now: () => now });
  took();
  now = 100;
  took();
  expect(isTaking()).toBe(true);
  await nextTurn();
  await nextTurn();
  expect(isTaking()).toBe(false);
});
