import { expect, test } from "vitest";
import {
  createHpackEncoder,
  type HpackEncoder,
  listBytes,
} from "../../../../src/wire/http2/hpack/encoder.ts";
import { knownName } from "../../../../src/wire/http2/hpack/fields.ts";

// What is known of fields is shared by all connections, so it has a bound. These tests fill it, in this order.

/** @returns The bytes of a field, sent twice: the second time it is shorter if it is known. */
function lengthsOf(
  encoder: HpackEncoder,
  name: string,
  value: string,
): [first: number, second: number] {
  const fields = [name, value];
  const room = Buffer.alloc(listBytes(fields));
  return [encoder.write(fields, room, 0), encoder.write(fields, room, 0)];
}

const isKnown = (name: string, value: string): boolean => {
  const [first, second] = lengthsOf(createHpackEncoder(), name, value);
  return second < first;
};

test("a few values of a name are known, and stay known when there are many", () => {
  for (let index = 0; index < 32; index++) expect(isKnown("x-some", `value ${index}`)).toBe(true);
  expect(isKnown("x-some", "value 32")).toBe(false);
  expect(isKnown("x-some", "value 0")).toBe(true);
});

test("a value that would fill the peer's table is not known", () => {
  expect(isKnown("x-long", "v".repeat(256))).toBe(true);
  expect(isKnown("x-long", "v".repeat(257))).toBe(false);
});

test("a few hundred names are known, and further ones take nothing from them", () => {
  const names = Array.from({ length: 400 }, (_, index) => `x-name-${index}`);
  const known = names.filter((name) => {
    const before = knownName(name);
    return knownName(name) === before;
  });
  expect(known.length).toBeGreaterThan(200);
  expect(known.length).toBeLessThan(256);
  expect(known[0]).toBe("x-name-0");
  const others = names.slice(known.length);
  expect(others.filter((name) => isKnown(name, "v"))).toEqual([]);
});

test("a few hundred fields are known, and no more", () => {
  const known = Array.from({ length: 400 }, (_, index) =>
    isKnown(`x-name-${index % 40}`, `${index}`),
  );
  expect(known.filter(Boolean).length).toBeGreaterThan(200);
  expect(known.filter(Boolean).length).toBeLessThan(256);
  expect(known[0]).toBe(true);
  expect(known[399]).toBe(false);
  expect(isKnown("x-name-0", "0")).toBe(true);
  // A peer need not add one that is not known to its table: it is sent as a literal that is not indexed.
  const room = Buffer.alloc(100);
  createHpackEncoder().write(["x-name-39", "399"], room, 0);
  expect(room[0]).toBe(0x00);
});
