import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type LineBatch,
  lineBatches,
  maxBatchBytes,
  maxLineBytes,
  type Stop,
} from "../../../src/bulk/import/line-batches.ts";

async function cut(chunks: readonly Buffer[], size: number, stops: readonly Stop[] = []) {
  async function* input() {
    yield* chunks;
  }
  const batches: LineBatch<Stop>[] = [];
  const left = [...stops];
  const nextStop = async () => left.shift();
  for await (const batch of lineBatches(input(), () => size, nextStop)) batches.push(batch);
  return batches;
}

const textsOf = (batches: readonly LineBatch<Stop>[]) =>
  batches.flatMap((batch) => batch.lines.map(({ bytes }) => bytes?.toString()));

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
        const stops = skip > 0 ? [{ lines: skip, wanted: new Set<number>() }] : [];
        const batches = await cut(chunksOf(whole, cuts), size, stops);
        expect(textsOf(batches)).toEqual(lines.slice(skip));
        for (const { count, digest, lines: held, stop } of batches) {
          expect(digest).toBe(digestOf(lines.slice(0, count)));
          const numbers = held.map(({ line }) => line);
          const first = count - held.length + 1;
          if (stop === undefined) expect(numbers).toEqual(held.map((_, index) => first + index));
        }
        if (skip > 0)
          expect(batches[0]).toMatchObject({
            count: Math.min(skip, lines.length),
            lines: [],
            stop: stops[0],
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
    ...Array.from({ length: 100 }, () => long),
    Buffer.from("\nb"),
  ];
  expect(textsOf(await cut(chunks, 10))).toEqual(["a", undefined, "b"]);
  const [fits] = await cut([Buffer.alloc(maxLineBytes, "x")], 10);
  expect(fits?.lines[0]?.bytes?.byteLength).toBe(maxLineBytes);
});

test("C11: before the last stop only lines come that are wanted, wherever the input is cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 9 }), { minLength: 1 }),
      fc.array(fc.nat(100)),
      fc.array(fc.record({ lines: fc.integer({ min: 1, max: 9 }), wants: fc.func(fc.boolean()) })),
      async (lines, cuts, steps) => {
        let lineOfStop = 0;
        const stops = steps.map(({ lines: step, wants }) => {
          const from = lineOfStop + 1;
          lineOfStop += step;
          const numbers = Array.from({ length: step }, (_, index) => from + index);
          return { lines: lineOfStop, wanted: new Set(numbers.filter((line) => wants(line))) };
        });
        const text = lines.map((line) => `${line}\n`).join("");
        const batches = await cut(chunksOf(text, cuts), 3, stops);
        const wanted = lines.filter(
          (_, index) => index >= lineOfStop || stops.some((stop) => stop.wanted.has(index + 1)),
        );
        expect(textsOf(batches)).toEqual(wanted);
        for (const { count, digest, stop, lines: held } of batches) {
          expect(digest).toBe(digestOf(lines.slice(0, count)));
          for (const { line, bytes } of held) expect(bytes?.toString()).toBe(lines[line - 1]);
          if (stop !== undefined) expect(count).toBe(Math.min(stop.lines, lines.length));
        }
      },
    ),
  );
});

test("C11: a batch of long lines ends early", async () => {
  const line = Buffer.concat([Buffer.alloc(maxLineBytes - 1, "x"), Buffer.from("\n")]);
  const most = Math.ceil(maxBatchBytes / (maxLineBytes - 1));
  const batches = await cut(
    Array.from({ length: most + 1 }, () => line),
    8_000,
  );
  expect(batches.map(({ lines }) => lines.length)).toEqual([most, 1]);
});
