import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lowerCase } from "../../src/text/lower-case.ts";
import { plainText, plainTextIfOther } from "../../src/text/plain-text.ts";

const everyCharacter = Array.from({ length: 0x11_0000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code));

/** Letters with one mark or two, marks alone, and what is put together from parts. */
const character = fc.constantFrom(
  ...[
    "a",
    "E",
    "é",
    "Ế",
    "ü",
    "ß",
    "ẞ",
    "Ø",
    "İ",
    "ı",
    "ς",
    "Σ",
    "ǽ",
    "Ǆ",
    "K",
    "Å",
    "が",
    "か",
    "각",
  ],
  ...[
    "\u0301",
    "\u0323",
    "\u0345",
    "\u3099",
    "\u1100",
    "\u1161",
    "\u11a8",
    "क़",
    "ि",
    "🦒",
    "\ud800",
  ],
);
const text = fc.oneof(fc.string({ unit: character }), fc.string({ unit: "binary" }));

describe("plainText", () => {
  test.for([
    ["Müller", "muller"],
    ["MULLER", "muller"],
    ["Mu\u0308ller", "muller"],
    ["Straße", "strasse"],
    ["STRAẞE", "strasse"],
    ["Øre Æsir Łódź Đặng Þór Œuvre Ħal", "ore aesir lodz dang thor oeuvre hal"],
    ["Nguyễn Thị Ế", "nguyen thi e"],
    ["İstanbul ısparta", "istanbul isparta"],
    ["Σίσυφος", "σισυφοσ"],
    ["ΣΊΣΥΦΟΣ", "σισυφοσ"],
    ["Ёлкин Йод", "елкин иод"],
    ["हिन्दी", "हिन्दी"],
    ["がぎ 각하", "がぎ 각하"],
    ["か\u3099", "が"],
    ["שָׁלוֹם", "שָׁלוֹם"],
    ["\u0301", ""],
    ["🦒", "🦒"],
    ["\ud800", "\ud800"],
    ["", ""],
  ])("makes of %j %j", ([given = "", want]) => {
    expect(plainText(given)).toBe(want);
  });

  test.for([
    ["Müller", "muller"],
    ["MULLER", ""],
    ["हिन्दी", ""],
    ["Йод", "иод"],
    ["か\u3099", "が"],
    ["\u0301", ""],
    ["", ""],
  ])("is another text than the lower case of %j, or not: %j", ([given = "", want]) => {
    expect(plainTextIfOther(given)).toBe(want);
  });

  test("is the same for each character and for its lower case, and when it is taken again", () => {
    const differing = everyCharacter.filter((character) => {
      const plain = plainText(character);
      return plainText(lowerCase(character)) !== plain || plainText(plain) !== plain;
    });
    expect(differing).toEqual([]);
  });

  test("is the same for a text and for its lower case, and when it is taken again", () => {
    fc.assert(
      fc.property(text, (given) => {
        const plain = plainText(given);
        expect(plainText(lowerCase(given))).toBe(plain);
        expect(plainText(plain)).toBe(plain);
        expect(lowerCase(plain)).toBe(plain);
      }),
      { numRuns: 2_000 },
    );
  });

  test("leaves a text of a few hundred characters no more than three times as long", () => {
    const longest = everyCharacter.map((each) => plainText(each).length / each.length);
    expect(longest.reduce((a, b) => Math.max(a, b))).toBeLessThanOrEqual(3);
  });
});
