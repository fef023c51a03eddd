import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { languagesFromAcceptLanguage } from "../../../src/domain/language/language.ts";
import { matchLanguage } from "../../../src/domain/language/language-match.ts";

const available = "bg cs de en es fr hu id it ja ko mk nl pl pt ro ru sv tr zh".split(" ");

/** What Go's golang.org/x/text/language.Matcher v0.21.0 chooses, with English as the default. */
const chosen: [header: string, language: string][] = [
  // the language itself, whatever its region
  ...available.map((language): [string, string] => [language, language]),
  ["de-CH", "de"],
  ["de-DE", "de"],
  ["pt-BR", "pt"],
  ["pt-PT", "pt"],
  ["es-419", "es"],
  ["en-GB", "en"],
  ["tr-CY", "tr"],
  ["zh-Hans-SG", "zh"],
  ["cmn", "zh"],
  ["mo", "ro"],
  ["und-DE", "de"],

  // another script
  ["zh-Hant", "zh"],
  ["zh-TW", "zh"],
  ["zh-Hant-HK", "zh"],
  ["zh-Hant,en", "en"],
  ["zh-Hant,gl", "es"],

  // what its speakers tend to read
  ["gsw", "de"],
  ["lb", "de"],
  ["gl", "es"],
  ["be", "ru"],
  ["kk", "ru"],
  ["ms-MY", "id"],
  ["ku-TR", "tr"],
  ["uz-UZ", "ru"],
  ["ta-IN", "en"],

  // nothing but the script
  ["uk", "bg"],
  ["sr", "bg"],
  ["sr-Latn", "en"],
  ["und-Cyrl", "ru"],

  // nothing at all
  ["", "en"],
  ["*", "en"],
  ["nb", "en"],
  ["nn", "en"],
  ["da", "en"],
  ["ca", "en"],
  ["ar,he", "en"],
  ["und,*", "en"],

  // several
  ["fr;q=0.3,it;q=0.8,es;q=0", "it"],
  ["ko-KR,ko;q=0.9,en-US;q=0.8", "ko"],
  ["nb,da,sv", "sv"],
  ["he,cs", "cs"],
  ["sh,hu", "hu"],
  ["de-CH,fr", "de"],
  ["de-CH,fr,de", "fr"],
  ["gsw,fr-CH", "fr"],
  ["lb,nl", "nl"],
  ["gl,ja", "ja"],
  ["und,pl", "pl"],
];

describe("matchLanguage", () => {
  const match = (header: string, fallback = "en") =>
    matchLanguage(languagesFromAcceptLanguage(header), available, fallback);

  test.for(chosen)("answers %j in %s", ([header, want]) => {
    expect(match(header)).toBe(want);
  });

  test.for([
    { header: "nb", fallback: "de", want: "de" },
    { header: "ta-IN", fallback: "de", want: "en" },
    { header: "uk", fallback: "ru", want: "ru" },
  ])("answers $header in $want, by default $fallback", ({ header, fallback, want }) => {
    expect(match(header, fallback)).toBe(want);
  });

  test.for([
    { name: "malformed tags", preferred: ["not valid", "", "*", "fr"], want: "fr" },
    { name: "private tags", preferred: ["x-foo", "de"], want: "de" },
    { name: "unknown languages, whatever their region", preferred: ["xx-US", "de"], want: "de" },
    { name: "extensions", preferred: ["de-u-co-phonebk-u-co-phonebk"], want: "de" },
    { name: "members of a macrolanguage that CLDR names not", preferred: ["quz"], want: "es" },
  ])("is more patient than Go with $name", ({ preferred, want }) => {
    expect(matchLanguage(preferred, available, "en")).toBe(want);
  });

  test("returns the fallback if nothing is available", () => {
    expect(matchLanguage(["de"], [], "en")).toBe("en");
  });

  test("answers with an available language or the fallback, whatever is preferred", () => {
    const anyTag = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc
        .array(fc.constantFrom("de", "en", "zh", "Hant", "und", "419", "1996", "u", "x", "a", ""))
        .map((subtags) => subtags.join("-")),
    );
    fc.assert(
      fc.property(fc.array(anyTag), (preferred) => {
        expect(available).toContain(matchLanguage(preferred, available, "en"));
      }),
    );
  });
});
