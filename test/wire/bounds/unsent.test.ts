import { Writable } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createUnsent } from "../../../src/wire/bounds/unsent.ts";
import { writeTracked } from "../../../src/wire/bounds/write-in-pieces.ts";

const limits = { maxUnsentBytes: 100_000, maxUnsentBytesEach: 50_000, unsentTimeoutMs: 80 };

// Real time would break off an answer that moves, if the machine is too busy to let it move.
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** How often an answer was broken off, for each name. */
function setUp() {
  const unsent = createUnsent(limits);
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
});

test("A4: a client with too much waiting loses its next answer", () => {
  const { unsent, begin, broken } = setUp();
  expect(begin("a", "first").hand(40_000)).toBe(true);
  expect(begin("a", "second").hand(40_000)).toBe(false);
  expect(begin("b", "other").hand(40_000)).toBe(true);
  expect(broken).toEqual(["second"]);
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

test("A4: a part is written in pieces, and rejected where nobody takes it", async () => {
  const { unsent, begin } = setUp();
  const written: number[] = [];
  const stream = new Writable({
    write(chunk: Uint8Array, _encoding, taken) {
      written.push(chunk.byteLength);
      taken();
    },
  });
  await writeTracked(stream, new Uint8Array(90_000), begin("big", "big"));
  expect(written).toEqual([65_536, 24_464]);
  stream.destroy();
  await expect(writeTracked(stream, new Uint8Array(1), begin("a", "a"))).rejects.toThrow("gone");
  unsent.stop();
});
