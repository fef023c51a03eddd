import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maxRecordBytes, type Wish } from "../../../src/bulk/json/json-document.ts";
import { jsonRecords, maxRecordsAtOnce } from "../../../src/bulk/json/json-records.ts";

async function* cut(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

async function recordsOf(text: string, size: number, wishFor: (path: readonly string[]) => Wish) {
  const found: { path: string; places: readonly number[]; json: string | undefined }[] = [];
  for await (const { records } of jsonRecords(cut(text, size), wishFor)) {
    for (const { path, places, json } of records) {
      found.push({ path: path.join("/"), places, json: json?.toString() });
    }
  }
  return found;
}

/** Everything two levels down is a record. */
const second = (path: readonly string[]): Wish => (path.length < 2 ? "enter" : "record");

describe("jsonRecords", () => {
  test("finds what JSON.parse finds, however the document is written and cut", async () => {
    const documents = fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })));
    const spaces = fc.constantFrom(undefined, 1, "\t", "\r\n");
    await fc.assert(
      fc.asyncProperty(
        documents,
        spaces,
        fc.integer({ min: 1, max: 40 }),
        async (doc, space, size) => {
          const text = JSON.stringify(doc, null, space);
          const found = await recordsOf(text, size, second);
          const parsed = JSON.parse(text) as Record<string, unknown>[];
          const wanted = parsed.flatMap((each, place) =>
            Object.entries(each).map(([name, value]) => ({ path: ["*", name], place, value })),
          );
          expect(
            found.map(({ path, places, json }) => ({
              path,
              place: places[0],
              value: JSON.parse(json ?? ""),
            })),
          ).toEqual(wanted.map(({ path, ...each }) => ({ ...each, path: path.join("/") })));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("counts and passes over what is not read", async () => {
    const text = '{"a":[1,"]",{"b":"\\"}"}],"c":{"d":[[]]},"e":[{"x":1},{"x":2}]}';
    const wish = (path: readonly string[]): Wish => {
      if (path.join("/") === "a/*") return "count";
      if (path.join("/") === "e/*") return "record";
      return path[0] === "c" ? "skip" : "enter";
    };
    expect(await recordsOf(text, 3, wish)).toEqual([
      ...[0, 1, 2].map((place) => ({ path: "a/*", places: [place], json: undefined })),
      { path: "e/*", places: [0], json: '{"x":1}' },
      { path: "e/*", places: [1], json: '{"x":2}' },
    ]);
  });

  test("hands on some records at once, however many a chunk has", async () => {
    const text = `[${"0,".repeat(2_500)}0]`;
    const sizes: number[] = [];
    for await (const { records } of jsonRecords(cut(text, text.length), (path) =>
      path.length === 0 ? "enter" : "count",
    )) {
      sizes.push(records.length);
    }
    expect(sizes).toEqual([maxRecordsAtOnce, maxRecordsAtOnce, 501]);
  });

  test("does not hold a record that is too long or too deep, and reads the next one", async () => {
    const long = JSON.stringify({ a: "x".repeat(maxRecordBytes) });
    const deep = `${"[".repeat(65)}${"]".repeat(65)}`;
    const fits = `${"[".repeat(64)}${"]".repeat(64)}`;
    const found = await recordsOf(`[${long},${deep},${fits}]`, 65_536, (path) =>
      path.length === 0 ? "enter" : "record",
    );
    expect(found.map(({ json }) => json)).toEqual([undefined, undefined, fits]);
  });

  test.for([
    ["", "ends early"],
    ['{"a":1', "ends early"],
    ['{"a":"', "ends early"],
    ["[1,2", "ends early"],
    ["[1 2]", "a comma is missing"],
    ["[1,]", "a value is missing"],
    ["[,1]", "a value is missing"],
    ['{"a"1}', "a colon is missing"],
    ['{"a":}', "a value is missing"],
    ["{a:1}", "a name is missing"],
    ["[1}", "a bracket is wrong"],
    ["[1]]", "more behind its end"],
    ["[1] {}", "more behind its end"],
    [`{"${"x".repeat(2_000)}":1}`, "a name is too long"],
    ["[".repeat(100), "nested too deep"],
  ])("refuses %s", async ([text = "", reason = ""]) => {
    await expect(recordsOf(text, 7, () => "enter")).rejects.toThrow(reason);
  });
});
