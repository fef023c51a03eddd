import { describe, expect, test } from "vitest";
import { createIdGenerator } from "../../src/access/id.ts";

const epoch = Date.UTC(2019, 3, 29) * 1_000;
const partsOf = (id: string) => ({
  tick: Number(BigInt(id) >> 24n),
  counter: Number((BigInt(id) >> 16n) & 0xffn),
  machine: Number(BigInt(id) & 0xffffn),
});
const take = (count: number, next: () => string) => Array.from({ length: count }, () => next());

describe("createIdGenerator", () => {
  test.for([
    { at: "2021-06-01T00:00:00Z" },
    { at: "2026-01-01T00:00:00Z" },
    { at: "2037-12-31T23:59:59Z" },
  ])("makes 18 digits at $at", ({ at }) => {
    const next = createIdGenerator({ now: () => Date.parse(at) * 1_000 });
    expect(next()).toMatch(/^[1-9][0-9]{17}$/);
  });

  test("counts ticks of 10 ms since 2019-04-29, then ids within the tick", () => {
    let now = epoch + 50_000;
    const next = createIdGenerator({ now: () => now });
    const [first, second] = take(2, next).map(partsOf);
    now += 9_999;
    const third = partsOf(next());
    now += 1;
    const fourth = partsOf(next());
    expect([first, second, third, fourth]).toMatchObject([
      { tick: 5, counter: 0 },
      { tick: 5, counter: 1 },
      { tick: 5, counter: 2 },
      { tick: 6, counter: 0 },
    ]);
    expect(fourth.machine).toBe(first?.machine);
  });

  test.for([
    { name: "when a tick is used up", nows: (call: number) => epoch + 1e12 + call * 0 },
    { name: "when the clock goes back", nows: (call: number) => epoch + 1e12 - call * 1e6 },
    { name: "before its epoch", nows: (call: number) => epoch - 1e12 + call },
  ])("grows without repeating an id $name", ({ nows }) => {
    let call = 0;
    const next = createIdGenerator({ now: () => nows(call++) });
    const ids = take(1_000, next).map(BigInt);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => (a < b ? -1 : 1)));
  });

  test("takes the next tick for the 257th id of one", () => {
    const next = createIdGenerator({ now: () => epoch + 50_000 });
    const ids = take(257, next).map(partsOf);
    expect(ids.slice(-2)).toMatchObject([
      { tick: 5, counter: 255 },
      { tick: 6, counter: 0 },
    ]);
  });
});
