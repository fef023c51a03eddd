import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fold } from "../../src/store/search.ts";

const lastCodePoint = 0x10ffff;

describe("fold", () => {
  test.for([
    ["Gigi GIRAFFE", "gigi giraffe"],
    ["STRASSE", fold("Straße")],
    ["ẞ", "ss"],
    ["ΟΔΟΣ", fold("οδος")],
    ["οδοσ", fold("οδος")],
    ["IŞIK", fold("ışık")],
    ["ÀÉ", fold("àé")],
    ["🦒", "🦒"],
  ] as const)("makes %j like %j", ([text, want]) => {
    expect(fold(text)).toBe(want);
  });

  test("is the same for upper, lower and folded text, of every character", () => {
    const odd: string[] = [];
    for (let codePoint = 0; codePoint <= lastCodePoint; codePoint += 1) {
      const text = String.fromCodePoint(codePoint);
      if (!text.isWellFormed()) continue;
      const folded = fold(text);
      if (fold(folded) !== folded || fold(text.toUpperCase()) !== folded) odd.push(text);
    }
    expect(odd).toEqual([]);
  });

  test("folds a text as it folds its parts", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        expect(fold(a + b)).toBe(fold(a) + fold(b));
      }),
    );
  });
});
