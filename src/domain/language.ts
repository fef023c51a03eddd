import { match } from "@formatjs/intl-localematcher";

/**
 * What is stored for a language tag as a client sends it: the canonical BCP 47 tag, `"und"` if
 * nothing of it can be used. Agrees with Go's `golang.org/x/text/language.Parse`, whose result
 * upstream stores even when it comes with an error:
 * - what cannot be a subtag, or is unknown, is left out and the rest kept (`en-foobar` → `en`);
 *   an unknown language becomes `und` (`xx-US` → `und-US`);
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
 * Which of the available languages a reader should get. The first preferred language that has an
 * answer decides: the available tag it starts with (`de-CH` → `de`), else the one CLDR calls close
 * to its language subtag (`gsw` → `de`), else the next one is asked.
 *
 * Only subtags of known languages reach the best-fit matcher, because it remembers every tag it was
 * ever asked about and callers choose them.
 *
 * Never throws.
 *
 * @param preferred BCP 47 tags, most wanted first. Malformed ones are passed over.
 * @param available Canonical BCP 47 tags.
 * @param fallback Returned as it is, also if it is not among the available.
 */
export function matchLanguage(
  preferred: readonly string[],
  available: readonly string[],
  fallback: string,
): string {
  for (const tag of preferred) {
    const language = matchableLanguage(tag);
    const found =
      language &&
      (match([tag], available, "", { algorithm: "lookup" }) || match([language], available, ""));
    if (found) return found;
  }
  return fallback;
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

/** Far above the 10 code points of the field rules; bounds the work on any input. */
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

/** The codes in use today, for a tag of which nothing was left out. */
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

/** The code as BCP 47 spells it, the shortest there is; `undefined` if it is not a known one. */
function knownLanguage(code: string): string | undefined {
  const isPrivate = /^q[a-t][a-z]$/.test(code);
  if (isPrivate || replacedLanguages.has(code) || unnamedLanguages.has(code)) return code;
  if (!/^[a-z]{2,3}$/.test(code) || !isKnown("language", code)) return undefined;
  if (code.length === 2) return code;
  const respelled = respelledLanguages.get(code);
  if (respelled !== undefined) return respelled;
  const [spelled = code] = Intl.getCanonicalLocales(code);
  return spelled.length === 2 && !memberLanguages.has(code) ? spelled : code;
}

function knownScript(code: string): string | undefined {
  const spelled = code.slice(0, 1).toUpperCase() + code.slice(1);
  const isPrivate = /^Qa(a[a-z]|b[a-x])$/.test(spelled);
  return isPrivate || (/^[A-Z][a-z]{3}$/.test(spelled) && isKnown("script", spelled))
    ? spelled
    : undefined;
}

function knownRegion(code: string): string | undefined {
  if (/^[0-9]{3}$/.test(code)) {
    const [tag = ""] = Intl.getCanonicalLocales(`und-${code}`);
    const spelled = tag.slice("und-".length);
    return spelled.length === 2 || isKnown("region", spelled) ? spelled : undefined;
  }
  const spelled = code.toUpperCase();
  const isPrivate = /^(AA|Q[M-Z]|X[A-Z]|ZZ)$/.test(spelled);
  if (isPrivate || replacedRegions.has(spelled)) return spelled;
  return /^[A-Z]{2}$/.test(spelled) && isKnown("region", spelled) ? spelled : undefined;
}

type SubtagKind = "language" | "script" | "region";

/** Made when first needed: they take milliseconds that start-up does not have. */
const names = new Map<SubtagKind, Intl.DisplayNames>();

/** Codes found known, because asking ICU again costs microseconds. A few hundred of each kind. */
const knownCodes = { language: new Set(), script: new Set(), region: new Set() } satisfies Record<
  SubtagKind,
  Set<string>
>;

/** @param code Of the kind's shape and not `und`, else this throws. */
function isKnown(kind: SubtagKind, code: string): boolean {
  const known = knownCodes[kind];
  if (known.has(code)) return true;
  let ofKind = names.get(kind);
  if (ofKind === undefined) {
    ofKind = new Intl.DisplayNames("en", { type: kind, fallback: "none" });
    names.set(kind, ofKind);
  }
  if (ofKind.of(code) === undefined) return false;
  known.add(code);
  return true;
}

/**
 * The language subtag, if it is one of the bounded number that the best-fit matcher may remember.
 *
 * @returns `undefined` also if the tag is malformed.
 */
function matchableLanguage(tag: string): string | undefined {
  try {
    const { language } = new Intl.Locale(tag);
    return language !== "und" && knownLanguage(language) !== undefined ? language : undefined;
  } catch {
    return undefined;
  }
}

/** One element of an Accept-Language header; weight 0 if it is malformed. */
function weighted(element: string): { tag: string; weight: number } {
  const [, tag = "", weight = tag === "" ? "0" : "1"] =
    /^([a-z]{2,8}(?:-[a-z0-9]{1,8})*)(?:[ \t]*;[ \t]*q=(0(?:\.\d*)?|1(?:\.0*)?))?$/i.exec(
      element.trim(),
    ) ?? [];
  return { tag, weight: Number(weight) };
}

const words = (text: string) => new Set(text.split(" "));
const pairs = (text: string) =>
  new Map(text.split(" ").map((pair) => pair.split("=") as [string, string]));

/** Registered as a whole before BCP 47 (RFC 5646, section 2.2.8), and CLDR's `root`. */
const wholeTags = pairs(
  "art-lojban=jbo cel-gaulish=xtg-x-cel-gaulish en-gb-oed=en-GB-oxendict i-ami=ami i-bnn=bnn " +
    "i-default=en-x-i-default i-enochian=und-x-i-enochian i-hak=hak i-klingon=tlh i-lux=lb " +
    "i-mingo=see-x-i-mingo i-navajo=nv i-pwn=pwn i-tao=tao i-tay=tay i-tsu=tsu no-bok=nb no-nyn=nn " +
    "sgn-be-fr=sfb sgn-be-nl=vgt sgn-ch-de=sgg zh-guoyu=cmn zh-hakka=hak zh-min=nan-x-zh-min " +
    "zh-min-nan=nan zh-xiang=hsn root=und en-us-posix=en-US-u-va-posix",
);

/** No language, and those the table above leads to though ICU has no name for them. */
const unnamedLanguages = words("und ami bnn pwn sfb sgg tao tay tsu vgt xtg");

/** Deprecated and bibliographic codes (CLDR `languageAlias`), macrolanguages aside. */
const replacedLanguages = pairs(
  "in=id iw=he ji=yi jw=jv mo=ro-MD sh=sr-Latn tl=fil " +
    "adp=dz ajt=aeb alb=sq arm=hy baq=eu blg=iba bur=my chi=zh cze=cs drh=khk drw=prs dut=nl fre=fr " +
    "geo=ka ger=de gre=el ice=is ktr=dtp kxl=kru kzj=dtp kzt=dtp mac=mk mao=mi may=ms per=fa pmk=crr " +
    "prp=gu rum=ro slo=sk smd=kmb snb=iba tdu=dtp tib=bo tnf=prs wel=cy",
);

/** Three-letter codes whose two-letter form upstream takes from the older edition of the list. */
const respelledLanguages = pairs("bih=bh hbs=sh heb=iw mol=mo tgl=tl twi=tw yid=ji");

/** Members of a macrolanguage, which `Intl` would replace by it. */
const memberLanguages = words(
  "als arb ayr azj cmn cwd ekk esk fat fuc gaz gug ike khk kmr knc kng kpv lvs npi ojg ory pbu pes " +
    "plt quz src swh uzn ydd zsm zyb",
);

/** Deprecated regions (CLDR `territoryAlias`); those that were divided keep their code. */
const replacedRegions = pairs(
  "BU=MM CT=KI DD=DE DY=BJ FX=FR HV=BF JT=UM MI=UM NH=VU NQ=AQ PU=UM PZ=PA QU=EU RH=ZW TP=TL UK=GB " +
    "VD=VN WK=UM YD=YE ZR=CD",
);

/**
 * Registered variants (IANA language subtag registry) of up to 7 characters, and the one that the
 * first table leads to. `Intl` has no list.
 */
const variants = words(
  "1901 1994 1996 abl1943 akuapem alalc97 aluku ao1990 aranes arevela arevmda arkaika asante " +
    "auvern balanka barla bauddha bciav bcizbl biske bohoric boont cisaup cornu creiss dajnko " +
    "ekavsk emodeng fonipa fonnapa fonupa gallo gascon grclass grital grmistr hepburn heploc " +
    "itihasa jauer kkcor kscor laukika lemosin lipaw ltg1929 ltg2007 metelko monoton ndyuka nedis " +
    "nicard njiva nulik osojs oxendict pahawh2 pahawh3 pahawh4 pamaka peano pinyin polyton " +
    "provenc puter rigik rozaj rumgr scouse simple solba sotav sursilv sutsilv tarask uccor " +
    "ucrcor ulster unifon vaidika",
);
