import { Writable } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createUnsent } from "../../../src/wire/bounds/unsent.ts";
import { writeTracked } from "../../../src/wire/bounds/write-in-pieces.ts";
import { farewellMs } from "../../../src/wire/limits.ts";

const limits = { maxUnsentBytes: 100_000, maxUnsentBytesEach: 50_000, unsentTimeoutMs: 80 };

// Real time would break off an answer that moves, if the machine is too busy to let it move.
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** How often an answer was broken off, for each name. */
function setUp(changes: Partial<typeof limits> = {}) {
  const unsent = createUnsent({ ...limits, ...changes });
  const broken: string[] = [];
  const begin = (client: string, name: string) =>
    unsent.begin(client, () => {
      broken.push(name);
    });
  return { unsent, begin, broken };
}

test("A4: what is handed to an answer that is over is not kept", () => {
  const { unsent, begin, broken } = setUp();
  const left = begin("a", "left");
  expect(left.hand(40_000)).toBe(true);
  left.end();
  expect(left.hand(40_000)).toBe(false);
  expect(begin("a", "next").hand(40_000)).toBe(true);
  vi.advanceTimersByTime(2 * limits.unsentTimeoutMs);
  expect(broken).toContain("next");
  expect(broken).not.toContain("left");
  unsent.stop();
});

test("A4: an answer that moves is left alone, one that does not is broken off again and again", () => {
  const { unsent, begin, broken } = setUp();
  const moving = begin("a", "moving");
  const stuck = begin("b", "stuck");
  for (const answer of [moving, stuck]) answer.hand(10_000);
  const mover = setInterval(() => moving.took(10), 10);
  vi.advanceTimersByTime(4 * limits.unsentTimeoutMs);
  clearInterval(mover);
  expect(broken.length).toBeGreaterThan(2);
  expect(new Set(broken)).toEqual(new Set(["stuck"]));
  unsent.stop();
});

test("A4: one that was taken may wait as long as it likes for more to say", () => {
  const { unsent, begin, broken } = setUp();
  const answer = begin("a", "quiet");
  answer.hand(10);
  answer.took(10);
  vi.advanceTimersByTime(100 * limits.unsentTimeoutMs);
  expect(broken).toEqual([]);
  expect(answer.hand(10)).toBe(true);
  unsent.stop();
  expect(vi.getTimerCount()).toBe(0);
});

test("A4: one that has ended is broken off if its client does not read the end", () => {
  const { unsent, begin, broken } = setUp();
  const [before, after] = [begin("a", "taken before"), begin("b", "taken after")];
  for (const answer of [before, after]) answer.hand(10);
  before.took(10);
  for (const answer of [before, after]) expect(answer.handLast()).toBe(true);
  after.took(10);
  vi.advanceTimersByTime(2 * limits.unsentTimeoutMs);
  expect(new Set(broken)).toEqual(new Set(["taken before", "taken after"]));
  unsent.stop();
});

test("A4: a client with too much waiting loses its next answer", () => {
  const { unsent, begin, broken } = setUp();
  expect(begin("a", "first").hand(40_000)).toBe(true);
  const second = begin("a", "second");
  expect(second.hand(40_000)).toBe(false);
  expect(begin("b", "other").hand(40_000)).toBe(true);
  expect(broken).toEqual(["second"]);
  // Some of it may have been on its way.
  second.took(10_000);
  second.end();
  unsent.stop();
});

test("A4: when all is too much, the client with most waiting loses its largest answer", () => {
  const { unsent, begin, broken } = setUp();
  begin("a", "small").hand(10_000);
  begin("a", "large").hand(30_000);
  begin("b", "other").hand(30_000);
  expect(begin("c", "newest").hand(30_000)).toBe(true);
  expect(broken).toEqual(["large"]);
  unsent.stop();
});

test("A4: one that makes room for others is broken off again after a moment, unless it has ended by then", () => {
  const { unsent, begin, broken } = setUp({ unsentTimeoutMs: 30_000 });
  const begun = ["a1", "a2", "b1", "b2"].map((name) => {
    const answer = begin(name.charAt(0), name);
    answer.hand(20_000);
    return answer;
  });
  for (const client of ["c", "d"]) begin(client, client).hand(15_000);
  expect(broken).toEqual(["a1", "b1"]);
  begun[0]?.end();
  vi.advanceTimersByTime(farewellMs);
  expect(broken).toEqual(["a1", "b1", "b1"]);
  unsent.stop();
});

test("A4: a part is written in pieces, and rejected where nobody takes it", async () => {
  const { unsent, begin, broken } = setUp();
  const written: number[] = [];
  const stream = new Writable({
    write(chunk: Uint8Array, _encoding, taken) {
      written.push(chunk.byteLength);
      taken();
    },
  });
  await writeTracked(stream, new Uint8Array(90_000), begin("big", "big"));
  expect(written.splice(0)).toEqual([65_536, 24_464]);
  await writeTracked(stream, new Uint8Array(131_072), begin("big", "whole pieces"));
  expect(written).toEqual([65_536, 65_536]);
  // All of it was taken.
  vi.advanceTimersByTime(2 * limits.unsentTimeoutMs);
  expect(broken).toEqual([]);
  stream.destroy();
  await expect(writeTracked(stream, new Uint8Array(1), begin("a", "a"))).rejects.toThrow("gone");
  unsent.stop();
});

test("A4: a part that fails is rejected", async () => {
  const { unsent, begin } = setUp();
  const stream = new Writable({ write: (_chunk, _encoding, taken) => taken(new Error("reset")) });
  stream.on("error", () => undefined);
  const sending = begin("a", "a");
  await expect(writeTracked(stream, new Uint8Array(90_000), sending)).rejects.toThrow("reset");
  unsent.stop();
});
