import { expect, test } from "vitest";
import { memoize } from "../../src/wire/memoize.ts";

test("computes once for each of the first 32 texts, and rightly for every other", () => {
  const computed: string[] = [];
  const lengthOf = memoize((text) => {
    computed.push(text);
    return text === "" ? undefined : text.length;
  });
  const texts = Array.from({ length: 40 }, (_, length) => "x".repeat(length));
  for (let round = 0; round < 3; round += 1) {
    expect(texts.map(lengthOf)).toEqual([undefined, ...texts.slice(1).map((text) => text.length)]);
  }
  expect(computed).toEqual([...texts, ...texts.slice(32), ...texts.slice(32)]);
});
