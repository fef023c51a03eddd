import { expect, test, vi } from "vitest";
import { createMessageTurns } from "../../../../src/wire/protocol/streaming/message-turns.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("so many messages at once, and then so many in each turn of the event loop, in the order in which they asked", async () => {
  const next = createMessageTurns();
  const first = Array.from({ length: 16 }, () => next());
  expect(first.every((each) => each === undefined)).toBe(true);
  const begun: number[] = [];
  for (let index = 0; index < 40; index += 1) void next()?.then(() => begun.push(index));
  const after = async () => {
    await turn();
    return begun.length;
  };
  expect(await after()).toBe(16);
  expect(await after()).toBe(32);
  expect(await after()).toBe(40);
  expect(begun).toEqual(Array.from({ length: 40 }, (_, index) => index));
  await turn();
  expect(next()).toBeUndefined();
});

test("no turn is waited for while no stream asks", () => {
  vi.useFakeTimers({ toFake: ["setImmediate"] });
  try {
    const next = createMessageTurns();
    for (let index = 0; index < 20; index += 1) void next();
    expect(vi.getTimerCount()).toBe(1);
    for (let turns = 0; turns < 3; turns += 1) vi.runOnlyPendingTimers();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
