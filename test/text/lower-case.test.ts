import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lowerCase } from "../../src/text/lower-case.ts";

const everyCharacter = Array.from({ length: 0x11_0000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code));

const hex = (text: string) => text.codePointAt(0)?.toString(16);

describe("lowerCase", () => {
  test("C7: changes what unicode.ToLower of Go 1.26 (Unicode 15.0.0) changes, and nothing else", () => {
    // A Go program printed "CODE LOWER" in hexadecimal for each code point that ToLower changes.
    const lines = everyCharacter
      .filter((character) => lowerCase(character) !== character)
      .map((character) => `${hex(character)} ${hex(lowerCase(character))}\n`);
    expect(lines).toHaveLength(1433);
    expect(createHash("sha256").update(lines.join("")).digest("hex")).toBe(
      "f4944fbf8c952a5676c9b57b7707fa77b2238f620c41f6cce6f180532afe52f7",
    );
  });

  test("C7: differs from this Node only in İ and in what came after Unicode 15", () => {
    const newer = everyCharacter.filter(
      (character) => character !== "İ" && lowerCase(character) !== character.toLowerCase(),
    );
    expect(newer.filter((character) => lowerCase(character) !== character)).toEqual([]);
  });

  test("the lower case of a text is that of its parts, and stays the same when it is taken again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (a, b) => {
        expect(lowerCase(a + b)).toBe(lowerCase(a) + lowerCase(b));
        expect(lowerCase(lowerCase(a))).toBe(lowerCase(a));
      }),
    );
  });

  test.for([
    { text: "Istanbul", want: "istanbul" },
    { text: "İstanbul", want: "istanbul" },
    { text: "ISPARTA ıI", want: "isparta ıi" },
    { text: "ΜΆΪΟΣ", want: "μάϊοσ" },
    { text: "μάϊος", want: "μάϊος" },
    { text: "straße", want: "straße" },
    { text: "STRASSE", want: "strasse" },
    { text: "STRAẞE", want: "straße" },
    { text: "K", want: "k" },
    { text: "𐐀 𝐀 🦒", want: "𐐨 𝐀 🦒" },
    { text: "\ud800", want: "\ud800" },
  ])("C7: makes $want of $text", ({ text, want }) => {
    expect(lowerCase(text)).toBe(want);
  });
});
