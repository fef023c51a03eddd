import {
  knownLanguage,
  knownRegion,
  knownScript,
  replacedLanguages,
  replacedRegions,
  variants,
  wholeTags,
} from "./language-subtags.ts";

/**
 * The canonical BCP 47 tag that is stored for a tag as a client sends it; `"und"` if no part of it can
 * be used. Agrees with Go's `golang.org/x/text/language.Parse`, whose result upstream stores even if
 * it comes with an error:
 * - malformed and unknown subtags are left out, the others are kept (`en-foobar` → `en`); an unknown
 *   language becomes `und` (`xx-US` → `und-US`);
 * - spelling is fixed (`EN_us` → `en-US`, `deu` → `de`), an extended language replaces its prefix
 *   (`zh-yue` → `yue`);
 * - codes that were replaced are updated (`iw` → `he`, `UK` → `GB`), but only if nothing was left
 *   out (`iw-foobar` → `iw`); so a second parse may update what the first one did not;
 * - macrolanguages are not merged (`cmn` stays), redundant scripts not removed (`en-Latn` stays).
 *
 * Made for the 10 characters the field rules allow. Where it differs from Go:
 * - a language is known if ICU has a name for it: some 750 of the 8,800 that Go knows (`aaa` →
 *   `und`). Scripts and regions likewise: a few dozen, rare, withdrawn or very new, differ;
 * - what follows `-t-` and `-u-` is neither checked nor sorted;
 * - beyond 10 characters: variants of 8 letters and regions of three letters are unknown, variants
 *   and extensions stay in the order sent, and more than 100 UTF-16 units are `und`.
 *
 * Never throws.
 */
export function parseLanguage(tag: string): string {
  if (tag.length > longestTag) return "und";
  const parts = tag.split(/[-_]/);
  const subtags = parts.filter((part) => /^[a-z0-9]{1,8}$/i.test(part));
  const rest = subtags.map((subtag) => subtag.toLowerCase());
  const wellFormed = rest.length === parts.length;
  if (wellFormed) {
    const whole = wholeTags.get(rest.join("-"));
    if (whole !== undefined) return whole;
  }

  const first = rest[0] ?? "";
  if (first === "x" && rest.length > 1) return rest.join("-");
  if (first.length < 2 || first.length > 3) return "und";

  const read = readSubtags(rest);
  const { language, script, region } = wellFormed && read.complete ? update(read) : read;
  return [language, script, region, ...read.tail].filter((subtag) => subtag !== "").join("-");
}

/**
 * The languages of an Accept-Language header, most wanted first, equal weights in the order sent
 * (RFC 9110, section 12.5.4). Left out: `*`, weight 0, and elements that do not look like a tag.
 *
 * Never throws.
 *
 * @param header Only the first 1,000 characters are read; an element that reaches beyond is left
 *   out.
 * @returns At most 10 tags as sent, because matching costs time per tag.
 */
export function languagesFromAcceptLanguage(header: string): string[] {
  const elements = header.slice(0, longestHeader).split(",");
  if (header.length > longestHeader) elements.pop();
  return elements
    .map(weighted)
    .filter(({ weight }) => weight > 0)
    .sort((one, other) => other.weight - one.weight)
    .slice(0, mostLanguages)
    .map(({ tag }) => tag);
}

/** Far above the 10 code points of the field rules. Bounds the work on other input. */
const longestTag = 100;
const longestHeader = 1000;
const mostLanguages = 10;

/** The subtags of a tag in upstream's order; `""` stands for a missing one. */
type Subtags = {
  readonly language: string;
  readonly script: string;
  readonly region: string;
  /** Variants and extensions. */
  readonly tail: readonly string[];
  /** Whether nothing had to be left out. */
  readonly complete: boolean;
};

/** @param rest Lower-case subtags, the first of two or three characters. Emptied. */
function readSubtags(rest: string[]): Subtags {
  let complete = true;
  /** Takes the next subtag; `""` if it is not one we know. */
  const take = (known: (subtag: string) => string | undefined): string => {
    const subtag = known(rest.shift() ?? "");
    complete &&= subtag !== undefined;
    return subtag ?? "";
  };
  const next = (shape: RegExp) => shape.test(rest[0] ?? "");

  let language = take(knownLanguage) || "und";
  while (next(/^[a-z]..$/)) {
    const extended = take(knownLanguage);
    if (extended !== "" && extended !== "und") language = extended;
  }
  const script = next(/^[a-z]...$/) ? take(knownScript) : "";
  const region = next(/^...?$/) ? take(knownRegion) : "";
  const tail: string[] = [];
  while (next(/^.{4}/)) tail.push(take((variant) => (variants.has(variant) ? variant : undefined)));
  if (rest.length > 0 && !next(/^.$/)) complete = false;
  while (next(/^.$/)) {
    const extension = takeExtension(rest);
    complete &&= extension.length > 1;
    if (extension.length > 1) tail.push(...extension);
  }
  return { language, script, region, tail, complete };
}

/** Takes an extension or the private part off the front: a singleton, and what belongs to it. */
function takeExtension(rest: string[]): string[] {
  const isPrivate = rest[0] === "x";
  const end = rest.findIndex((subtag, at) => at > 0 && subtag.length === 1 && !isPrivate);
  return rest.splice(0, end === -1 ? rest.length : end);
}

/** Replaces outdated codes. Only for a tag of which nothing was left out, as in Go. */
function update({ language, script, region, tail, complete }: Subtags): Subtags {
  const [newLanguage = language, implied = ""] = replacedLanguages.get(language)?.split("-") ?? [];
  const impliesRegion = /^[A-Z]{2}$/.test(implied);
  const newScript = script === "Qaai" ? "Zinh" : script;
  return {
    language: newLanguage,
    script: newScript || (impliesRegion ? "" : implied),
    region: replacedRegions.get(region) ?? (region || (impliesRegion ? implied : "")),
    tail,
    complete,
  };
}

/** One element of an Accept-Language header; weight 0 if it is malformed. */
function weighted(element: string): { tag: string; weight: number } {
  const [, tag = "", weight = tag === "" ? "0" : "1"] =
    /^([a-z]{2,8}(?:-[a-z0-9]{1,8})*)(?:[ \t]*;[ \t]*q=(0(?:\.\d*)?|1(?:\.0*)?))?$/i.exec(
      element.trim(),
    ) ?? [];
  return { tag, weight: Number(weight) };
}
