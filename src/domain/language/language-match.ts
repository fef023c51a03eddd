import { parseLanguage } from "./language.ts";

/**
 * Choose one of the available languages for a reader, as Go's `language.Matcher` does with the fallback
 * as its default:
 * - the first preferred language that is available in its usual script, whatever its region
 *   (`de-CH` → `de`). If the same language is preferred again further down (`de-CH, fr, de`), an
 *   exact match in between is better;
 * - else an available language that speakers of a preferred one usually read (`gsw` → `de`, `gl` → `es`);
 * - else the same language in another script (`zh-Hant` → `zh`);
 * - else the fallback, if it is written in the script of a preferred language; else the first
 *   available that is (`uk` → `bg`); else the fallback.
 *
 * Malformed tags and unknown languages are ignored. Where it differs from Go: rare member
 * languages count as their macrolanguage (`quz` as `qu`), and ICU knows the script of more.
 *
 * Never throws.
 *
 * @param preferred BCP 47 tags, most wanted first.
 * @param available Language subtags, without region and script.
 * @param fallback Returned as it is, also if it is not among the available.
 */
export function matchLanguage(
  preferred: readonly string[],
  available: readonly string[],
  fallback: string,
): string {
  const wanted = preferred.map(usableTag).filter((tag) => tag !== undefined);
  let best: Match | undefined;
  for (const [at, tag] of wanted.entries()) {
    const match = matchOne(tag, available);
    if (match === undefined) continue;
    if (match.rank === rank.exact) return match.language;
    best = best === undefined || match.rank > best.rank ? match : best;
    const isWantedAgain = wanted.slice(at + 1).some(({ language }) => language === tag.language);
    if (best === match && match.rank === rank.otherRegion && !isWantedAgain) break;
  }
  return best?.language ?? matchScript(wanted, available, fallback);
}

type Match = { readonly language: string; readonly rank: number };

const rank = { otherScript: 1, close: 2, otherRegion: 3, exact: 4 };

function matchOne(tag: Intl.Locale, available: readonly string[]): Match | undefined {
  const likely = tag.maximize();
  if (available.includes(likely.language)) {
    const usual = usualLocale(likely.language);
    if (likely.script !== usual.script)
      return { language: likely.language, rank: rank.otherScript };
    const isExact = likely.region === usual.region;
    return { language: likely.language, rank: isExact ? rank.exact : rank.otherRegion };
  }
  const language = closeLanguages.get(likely.language);
  if (language === undefined || !available.includes(language)) return undefined;
  const isBare = tag.script === undefined && tag.region === undefined;
  const isReadable = isBare || likely.script === usualLocale(language).script;
  return { language, rank: isReadable ? rank.close : rank.otherScript };
}

function matchScript(
  wanted: readonly Intl.Locale[],
  available: readonly string[],
  fallback: string,
): string {
  const supported = [fallback, ...available];
  for (const tag of wanted) {
    const { script } = tag.maximize();
    const found = supported.find((language) => usualLocale(language).script === script);
    if (script !== undefined && found !== undefined) return found;
  }
  return fallback;
}

/** Of the available languages, because asking ICU again costs microseconds. */
const usualLocales = new Map<string, Intl.Locale>();

/** With the script and the region that are most likely for an available language. */
function usualLocale(language: string): Intl.Locale {
  const known = usualLocales.get(language);
  if (known !== undefined) return known;
  const locale = new Intl.Locale(language).maximize();
  usualLocales.set(language, locale);
  return locale;
}

/** @returns `undefined` if the tag says nothing about language, script and region. */
function usableTag(tag: string): Intl.Locale | undefined {
  const [parsed] = subtagsPattern.exec(parseLanguage(tag)) ?? [];
  if (parsed === undefined || parsed === "und") return undefined;
  const isUnknown = parsed.startsWith("und-") && !/^und[-_]/i.test(tag);
  return isUnknown ? undefined : new Intl.Locale(parsed);
}

/** Language, script and region at the start of a parsed tag. */
const subtagsPattern = /^[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|\d{3}))?(?=-|$)/;

/**
 * For each language with translations: the languages whose speakers usually read it if there is nothing
 * in their own. Source: CLDR `languageMatching`, as golang.org/x/text v0.21 has it.
 */
const closeLanguages: ReadonlyMap<string, string> = new Map(
  Object.entries({
    de: "gsw lb rm",
    en: "ach ak bem bn chr cy ee eo ga gaa gd ha haw ia ig is ka km kn kri lg lo loz mfe mi ml mt my ne nso ny nyn om or pa pcm ps rn sd si sn so sq st sw ta te ti tlh tn to tum ur xh yi yo zu",
    es: "ay eu gl gn qu",
    fr: "br co crs ht kg ln lua mg oc rw wo",
    id: "jv ms su",
    it: "la",
    nl: "af fy",
    ru: "ab az be hy kk ky mn tg tk tt uz",
    tr: "ku",
    zh: "cmn ug",
  }).flatMap(([language, speakers]) => speakers.split(" ").map((each) => [each, language])),
);
