import { expect, test } from "vitest";
import { createShares } from "../../../src/wire/bounds/shares.ts";
import { Unhandled } from "../../../src/wire/bounds/unhandled.ts";

function setUp(max: number) {
  const shares = createShares(max, max);
  const cutOff: string[] = [];
  const open = (name: string) =>
    new Unhandled(shares, "a client", () => {
      cutOff.push(name);
    });
  const hasRoomFor = (bytes: number) => {
    const share = shares.take("a client", bytes, () => {});
    share?.end();
    return share !== undefined;
  };
  return { open, cutOff, hasRoomFor };
}

test("a connection takes room for what is there now, however often that is told", () => {
  const { open, cutOff, hasRoomFor } = setUp(100);
  const unhandled = open("first");
  for (const bytes of [0, 60, 60, 90, 20]) unhandled.set(bytes);
  expect(unhandled.bytes).toBe(20);
  expect([hasRoomFor(81), hasRoomFor(80)]).toEqual([false, true]);
  unhandled.end();
  expect(hasRoomFor(100)).toBe(true);
  expect(cutOff).toEqual([]);
});

test("a connection for which there is no room is cut off, and leaves that of others", () => {
  const { open, cutOff, hasRoomFor } = setUp(100);
  const [first, second] = [open("first"), open("second")];
  first.set(60);
  second.set(41);
  expect(cutOff).toEqual(["second"]);
  second.end();
  expect([hasRoomFor(41), hasRoomFor(40)]).toEqual([false, true]);
});

test("a connection that has closed takes no more room, although it may still be counted", () => {
  const { open, cutOff, hasRoomFor } = setUp(100);
  const unhandled = open("first");
  unhandled.set(60);
  unhandled.end();
  unhandled.set(90);
  expect(hasRoomFor(100)).toBe(true);
  expect(cutOff).toEqual([]);
});
