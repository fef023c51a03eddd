import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type LineBatch, lineBatches, maxLineBytes } from "../../src/cli/line-batches.ts";

async function cut(chunks: readonly Buffer[], size: number, skip: number): Promise<LineBatch[]> {
  async function* input() {
    yield* chunks;
  }
  const batches: LineBatch[] = [];
  for await (const batch of lineBatches(input(), () => size, skip)) batches.push(batch);
  return batches;
}

const digestOf = (lines: readonly string[]) =>
  createHash("sha256")
    .update(lines.map((line) => `${line}\n`).join(""))
    .digest("hex");

/** Wherever the chunks are cut. */
function chunksOf(text: string, cuts: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text);
  const places = [...cuts.map((place) => place % (bytes.byteLength + 1)), bytes.byteLength];
  let at = 0;
  return places
    .sort((a, b) => a - b)
    .map((place) => {
      const chunk = bytes.subarray(at, place);
      at = place;
      return chunk;
    });
}

test("lines come whole, in order, and with the digest of all before, wherever the input is cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", ""))),
      fc.array(fc.nat(500)),
      fc.boolean(),
      fc.integer({ min: 1, max: 5 }),
      fc.nat(8),
      async (lines, cuts, isTerminated, size, skip) => {
        // Without its end, an empty last line is none.
        const whole =
          isTerminated || lines.at(-1) === ""
            ? lines.map((l) => `${l}\n`).join("")
            : lines.join("\n");
        const batches = await cut(chunksOf(whole, cuts), size, skip);
        const texts = batches.flatMap((batch) => batch.lines.map((line) => line?.toString()));
        expect(texts).toEqual(lines.slice(skip));
        for (const { first, count, digest, lines: held } of batches) {
          expect(digest).toBe(digestOf(lines.slice(0, count)));
          if (first > skip) expect(count - first + 1).toBe(held.length);
        }
        if (skip > 0)
          expect(batches[0]).toMatchObject({
            first: 1,
            count: Math.min(skip, lines.length),
            lines: [],
          });
        const last = batches.at(-1);
        if (lines.length > skip)
          expect(last).toMatchObject({ count: lines.length, bytes: Buffer.byteLength(whole) });
      },
    ),
  );
});

test("a line that is too long is not held, and those behind it come all the same", async () => {
  const long = Buffer.alloc(100_000, "x");
  const chunks = [
    Buffer.from("a\n"),
    ...Array.from({ length: 50 }, () => long),
    Buffer.from("\nb"),
  ];
  const [batch] = await cut(chunks, 10, 0);
  expect(batch?.lines.map((line) => line?.toString())).toEqual(["a", undefined, "b"]);
  const [fits] = await cut([Buffer.alloc(maxLineBytes, "x")], 10, 0);
  expect(fits?.lines[0]?.byteLength).toBe(maxLineBytes);
});
