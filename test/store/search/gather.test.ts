import { describe, expect, test } from "vitest";
import { firstRows, gathered } from "../../../src/store/search/gather.ts";

const statement = { text: "", values: [] };
const firstOf = () => statement;
type Texts = readonly (string | null)[];

const pageOf = (
  parts: readonly (readonly Texts[])[],
  { ascending = true, offset = 0, limit = 10, asked = 100 } = {},
) =>
  gathered(
    {
      columns: ["text", "stream"],
      gathering: { kind: "page", firstOf, ascending, offset, limit },
    },
    parts,
    asked,
  )?.map(({ text, stream }) => [text, stream]);

describe("a page of parts", () => {
  test("is in the order of all columns, and begins and ends where it should", () => {
    const parts = [
      [
        ["a", "3"],
        ["c", "1"],
      ],
      [
        ["a", "2"],
        ["b", "4"],
      ],
      [],
    ];
    const all = [
      ["a", "2"],
      ["a", "3"],
      ["b", "4"],
      ["c", "1"],
    ];
    expect(pageOf(parts)).toEqual(all);
    expect(pageOf(parts, { offset: 1, limit: 2 })).toEqual(all.slice(1, 3));
    expect(pageOf(parts, { offset: 4 })).toEqual([]);
    const reversed = parts.map((rows) => rows.toReversed());
    expect(pageOf(reversed, { ascending: false })).toEqual(all.toReversed());
  });

  test("sorts by code points, also outside the basic plane", () => {
    const texts = [
      "",
      "a",
      "ab",
      "é",
      "\u{d7ff}",
      "\u{e000}",
      "\u{fffd}",
      "\u{10000}",
      "\u{1f600}",
    ];
    const parts = [0, 1, 2].map((part) =>
      texts.filter((_, place) => place % 3 === part).map((text) => [text, "s"]),
    );
    expect(pageOf(parts)?.map(([text]) => text)).toEqual(texts);
    const bytes = texts.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(texts).toEqual(bytes);
  });

  test("is not known if a part may have more of it than it was asked for", () => {
    const parts = [
      [
        ["a", "1"],
        ["b", "2"],
      ],
      [["x", "3"]],
    ];
    expect(pageOf(parts, { limit: 3, asked: 2 })).toBeUndefined();
    expect(pageOf(parts, { limit: 2, asked: 2 })).toEqual([
      ["a", "1"],
      ["b", "2"],
    ]);
    expect(pageOf(parts, { limit: 4, asked: 4 })).toHaveLength(3);
  });

  test("asks parts for a share of it, and never for more than all", () => {
    expect(firstRows(100, 4)).toBe(48);
    expect(firstRows(5, 4)).toBe(5);
    expect(firstRows(100, 1)).toBe(100);
  });
});

describe("other answers of parts", () => {
  test("totals are summed by the first column, or in all", () => {
    const byStatus = { columns: ["status", "total"], gathering: { kind: "sum" } } as const;
    expect(
      gathered(byStatus, [
        [
          ["active", "2"],
          ["locked", "1"],
        ],
        [["active", "40"]],
        [],
      ]),
    ).toEqual([
      { status: "active", total: "42" },
      { status: "locked", total: "1" },
    ]);
    expect(gathered(byStatus, [[], []])).toEqual([]);
    const all = { columns: ["total"], gathering: { kind: "sum" } } as const;
    expect(gathered(all, [[["2"]], [["0"]]])).toEqual([{ total: "2" }]);
  });

  test("the ends are those of all parts, and null if all are empty", () => {
    const each = { columns: ["first", "last"], gathering: { kind: "ends" } } as const;
    expect(gathered(each, [[["b", "c"]], [[null, null]], [["a", "b"]]])).toEqual([
      { first: "a", last: "c" },
    ]);
    expect(gathered(each, [[[null, null]]])).toEqual([{ first: null, last: null }]);
  });

  test("any rows are those of some parts", () => {
    const any = { columns: ["stream"], gathering: { kind: "any", limit: 2 } } as const;
    expect(gathered(any, [[["1"]], [["2"], ["3"]]])).toEqual([{ stream: "1" }, { stream: "2" }]);
  });
});
