import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  languagesFromAcceptLanguage,
  parseLanguage,
} from "../../../src/domain/language/language.ts";

/** What Go's golang.org/x/text/language.Parse v0.43.0 makes of each input. */
const stored: [input: string, stored: string][] = [
  // nothing usable
  ["", "und"],
  ["not valid", "und"],
  ["english", "und"],
  ["deutsch", "und"],
  ["-", "und"],
  ["_", "und"],
  ["a", "und"],
  ["1", "und"],
  ["12", "und"],
  ["é", "und"],
  ["de\u0000", "und"],
  [" de", "und"],
  ["x", "und"],
  ["a-foo", "und"],
  ["u-co-phone", "und"],
  ["und", "und"],
  ["root", "und"],
  ["xx", "und"],
  ["xx-foobar", "und"],
  // plain
  ["en", "en"],
  ["de", "de"],
  ["de-CH", "de-CH"],
  ["mul", "mul"],
  ["zxx", "zxx"],
  ["tlh", "tlh"],
  ["gsw", "gsw"],
  ["es-419", "es-419"],
  ["en-001", "en-001"],
  ["sr-Latn-RS", "sr-Latn-RS"],
  ["zh-Hant-HK", "zh-Hant-HK"],
  ["de-CH-1996", "de-CH-1996"],
  ["de-1996", "de-1996"],
  ["sl-nedis", "sl-nedis"],
  ["sl-rozaj", "sl-rozaj"],
  ["qaa", "qaa"],
  ["de-AA", "de-AA"],
  ["de-ZZ", "de-ZZ"],
  ["de-XK", "de-XK"],
  ["de-Zzzz", "de-Zzzz"],
  ["de-Qaaa", "de-Qaaa"],
  ["en-Latn", "en-Latn"],
  ["no", "no"],
  ["nb", "nb"],
  ["cmn", "cmn"],
  // spelling
  ["EN-us", "en-US"],
  ["DE", "de"],
  ["zh_hant", "zh-Hant"],
  ["ZH-hANT-tw", "zh-Hant-TW"],
  ["sr_latn_RS", "sr-Latn-RS"],
  ["es_419", "es-419"],
  ["de-ch-1996", "de-CH-1996"],
  ["SL-ROZAJ", "sl-rozaj"],
  ["deu", "de"],
  ["ENG-GB", "en-GB"],
  ["de-276", "de-DE"],
  ["en-840", "en-US"],
  ["zh-yue", "yue"],
  ["en-deu", "de"],
  ["zh-cmn-tw", "cmn-TW"],
  ["de-und", "de"],
  ["twi", "tw"],
  // replaced
  ["iw", "he"],
  ["iw-IL", "he-IL"],
  ["in", "id"],
  ["ji", "yi"],
  ["jw", "jv"],
  ["mo", "ro-MD"],
  ["mo-US", "ro-US"],
  ["mol", "ro-MD"],
  ["sh", "sr-Latn"],
  ["sh-Cyrl", "sr-Cyrl"],
  ["tl", "fil"],
  ["heb", "he"],
  ["ger", "de"],
  ["drw", "prs"],
  ["en-UK", "en-GB"],
  ["de-DD", "de-DE"],
  ["my-BU", "my-MM"],
  ["fr-FX", "fr-FR"],
  ["und-Qaai", "und-Zinh"],
  ["en-AN", "en-AN"],
  ["ru-SU", "ru-SU"],
  // left out
  ["en-foobar", "en"],
  ["en-US-foob", "en-US"],
  ["xx-US", "und-US"],
  ["xx-Latn-US", "und-Latn-US"],
  ["de-XQQ", "de"],
  ["de-Abcd", "de"],
  ["de-Abcd-AT", "de-AT"],
  ["de-QA-QA", "de-QA"],
  ["de-AT-CH", "de-AT"],
  ["de-AT-x", "de-AT"],
  ["de-a", "de"],
  ["-de", "de"],
  ["de-", "de"],
  ["de--AT", "de-AT"],
  ["de-é", "de"],
  ["é-de", "de"],
  ["12-DE", "und-DE"],
  ["de-1", "de"],
  ["de-123456", "de"],
  ["toolongxx-", "und"],
  ["en-u-co-x", "en-u-co"],
  ["iw-foobar", "iw"],
  ["iw-", "iw"],
  ["ger-foobar", "ger"],
  ["en-UK-foob", "en-UK"],
  ["mo-foobar", "mo"],
  ["sh-x", "sh"],
  // whole
  ["i-klingon", "tlh"],
  ["I-KLINGON", "tlh"],
  ["i_klingon", "tlh"],
  ["zh-min-nan", "nan"],
  ["zh-min", "nan-x-zh-min"],
  ["art-lojban", "jbo"],
  ["i-lux", "lb"],
  ["i-navajo", "nv"],
  ["i-tao", "tao"],
  ["i-default", "en-x-i-default"],
  ["i-enochian", "und-x-i-enochian"],
  ["i-mingo", "see-x-i-mingo"],
  ["zh-guoyu", "cmn"],
  ["zh-xiang", "hsn"],
  ["no-bok", "nb"],
  ["no-nyn", "nn"],
  ["sgn-BE-FR", "sfb"],
  ["en-GB-oed", "en-GB-oxendict"],
  ["i-foo", "und"],
  // extensions
  ["x-foo", "x-foo"],
  ["X-Foo-Bar", "x-foo-bar"],
  ["x-a-b", "x-a-b"],
  ["en-x-foo", "en-x-foo"],
  ["en-a-bb", "en-a-bb"],
  ["EN-U-CO", "en-u-co"],
  ["iw-u-co", "he-u-co"],
  ["mo-x-a", "ro-MD-x-a"],
  ["sh-x-a", "sr-Latn-x-a"],
  ["de-t-en-us", "de-t-en-us"],
  ["xx-x-foo", "und-x-foo"],
];

/** Text that often looks like a language tag. */
const tagLike = fc
  .array(fc.constantFrom(..."de-en_US-zh-Hant1996iwx-u-foo é".split("")), { maxLength: 10 })
  .map((letters) => letters.join(""));
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  tagLike,
  fc.constantFrom(...stored.map(([input]) => input)),
);

describe("parseLanguage", () => {
  test.for(stored)("stores %j as %j", ([input, want]) => {
    expect(parseLanguage(input)).toBe(want);
  });

  test.for([
    { name: "a language that ICU does not name", input: "aaa", want: "und" },
    { name: "a language that ICU does not name, and its region", input: "aaa-DE", want: "und-DE" },
    { name: "keys of -u- in the order sent", input: "de-u-bb-aa", want: "de-u-bb-aa" },
    { name: "a withdrawn region number as ICU does", input: "ru-810", want: "ru-RU" },
  ])("departs from Go: $name", ({ input, want }) => {
    expect(parseLanguage(input)).toBe(want);
  });

  test("stores what it made of its own answer as it is", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const settled = parseLanguage(parseLanguage(text));
        expect(parseLanguage(settled)).toBe(settled);
      }),
    );
  });

  test("stores a tag of today's codes as it is, whatever its case and separators", () => {
    const today = fc.constantFrom("de", "en-US", "zh-Hant-HK", "es-419", "de-1996", "cmn", "und");
    fc.assert(
      fc.property(today, (tag) => {
        expect(parseLanguage(tag)).toBe(tag);
        expect(parseLanguage(tag.toUpperCase().replaceAll("-", "_"))).toBe(tag);
      }),
    );
  });

  test("returns a tag of subtags for any text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(parseLanguage(text)).toMatch(/^[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*$/);
      }),
    );
  });

  test.for([
    { name: "letters", input: "a".repeat(100_000) },
    { name: "separators", input: "-".repeat(100_000) },
    { name: "subtags", input: "de-".repeat(33_000) },
    { name: "subtags, just too many,", input: `de${"-1996".repeat(20)}` },
  ])("does not read 100,000 characters of $name", ({ input }) => {
    expect(parseLanguage(input)).toBe("und");
  });
});

describe("languagesFromAcceptLanguage", () => {
  test.for<{ name: string; header: string; want: string[] }>([
    { name: "an empty header", header: "", want: [] },
    { name: "one language", header: "de", want: ["de"] },
    { name: "the order of weights", header: "en;q=0.2, de, fr;q=0.9", want: ["de", "fr", "en"] },
    { name: "the order sent", header: "fr;q=0.5,de;q=0.5,en;q=0.5", want: ["fr", "de", "en"] },
    { name: "white space and case", header: " de-CH ;\tQ=0.5 ,\ten ", want: ["en", "de-CH"] },
    { name: "weight 0 left out", header: "de;q=0, en;q=0.0, fr;q=0.1", want: ["fr"] },
    { name: "the star left out", header: "*, de;q=0.5, *;q=0.1", want: ["de"] },
    { name: "a bad weight left out", header: "de;q=2, fr;q=x, es;q=-1, it;q=, en", want: ["en"] },
    { name: "a bad tag left out", header: "not valid, é, a, de_DE, ,,en", want: ["en"] },
    { name: "an unknown parameter left out", header: "de;v=1, en;q=0.5;v=1, fr", want: ["fr"] },
  ])("reads $name", ({ header, want }) => {
    expect(languagesFromAcceptLanguage(header)).toEqual(want);
  });

  test("reads 8 KiB no further than that", () => {
    expect(languagesFromAcceptLanguage(`de;q=0.5,fr,${"x".repeat(8_192)}`)).toEqual(["fr", "de"]);
  });

  test("leaves out what reaches beyond 1,000 characters, and what follows", () => {
    const header = `de,${" ".repeat(993)}en;q=0.1,fr`;
    expect(languagesFromAcceptLanguage(header)).toEqual(["de"]);
  });

  test("keeps the 10 most wanted", () => {
    const header = `${"en;q=0.5,".repeat(30)}de`;
    expect(languagesFromAcceptLanguage(header)).toEqual(["de", ...Array(9).fill("en")]);
  });

  test("returns a few tags for any header", () => {
    const element = fc.tuple(anyText, fc.constantFrom("", ";q=0.3", ";q=1", ";q=9", ";"));
    const header = fc.array(element).map((elements) => elements.map((e) => e.join("")).join(","));
    fc.assert(
      fc.property(fc.oneof(anyText, header), (text) => {
        const languages = languagesFromAcceptLanguage(text);
        expect(languages.length).toBeLessThanOrEqual(10);
        expect(languages.join()).toMatch(/^[A-Za-z0-9,-]*$/);
      }),
    );
  });
});
