/** The shortest code of BCP 47 for the language; `undefined` if the language is not known. */
export function knownLanguage(code: string): string | undefined {
  const isPrivate = /^q[a-t][a-z]$/.test(code);
  if (isPrivate || replacedLanguages.has(code) || unnamedLanguages.has(code)) return code;
  if (!/^[a-z]{2,3}$/.test(code) || !isKnown("language", code)) return undefined;
  if (code.length === 2) return code;
  const respelled = respelledLanguages.get(code);
  if (respelled !== undefined) return respelled;
  const [spelled = code] = Intl.getCanonicalLocales(code);
  return spelled.length === 2 && !memberLanguages.has(code) ? spelled : code;
}

/** As `knownLanguage`, for a script in lower case. */
export function knownScript(code: string): string | undefined {
  const spelled = code.slice(0, 1).toUpperCase() + code.slice(1);
  const isPrivate = /^Qa(a[a-z]|b[a-x])$/.test(spelled);
  return isPrivate || (/^[A-Z][a-z]{3}$/.test(spelled) && isKnown("script", spelled))
    ? spelled
    : undefined;
}

/** As `knownLanguage`, for a region in lower case or three digits. */
export function knownRegion(code: string): string | undefined {
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

/** Made when first needed, because they would make the start slower by milliseconds. */
const names = new Map<SubtagKind, Intl.DisplayNames>();

/** Codes that ICU knows, kept because asking it again takes microseconds. A few hundred of each kind. */
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

const words = (text: string) => new Set(text.split(" "));
const pairs = (text: string) =>
  new Map(text.split(" ").map((pair) => pair.split("=") as [string, string]));

/** Registered as a whole before BCP 47 (RFC 5646, section 2.2.8), and CLDR's `root`. */
export const wholeTags = pairs(
  "art-lojban=jbo cel-gaulish=xtg-x-cel-gaulish en-gb-oed=en-GB-oxendict i-ami=ami i-bnn=bnn " +
    "i-default=en-x-i-default i-enochian=und-x-i-enochian i-hak=hak i-klingon=tlh i-lux=lb " +
    "i-mingo=see-x-i-mingo i-navajo=nv i-pwn=pwn i-tao=tao i-tay=tay i-tsu=tsu no-bok=nb no-nyn=nn " +
    "sgn-be-fr=sfb sgn-be-nl=vgt sgn-ch-de=sgg zh-guoyu=cmn zh-hakka=hak zh-min=nan-x-zh-min " +
    "zh-min-nan=nan zh-xiang=hsn root=und en-us-posix=en-US-u-va-posix",
);

/** `und`, and the languages in the table above for which ICU has no name. */
const unnamedLanguages = words("und ami bnn pwn sfb sgg tao tay tsu vgt xtg");

/** Deprecated and bibliographic codes (CLDR `languageAlias`), macrolanguages aside. */
export const replacedLanguages = pairs(
  "in=id iw=he ji=yi jw=jv mo=ro-MD sh=sr-Latn tl=fil " +
    "adp=dz ajt=aeb alb=sq arm=hy baq=eu blg=iba bur=my chi=zh cze=cs drh=khk drw=prs dut=nl fre=fr " +
    "geo=ka ger=de gre=el ice=is ktr=dtp kxl=kru kzj=dtp kzt=dtp mac=mk mao=mi may=ms per=fa pmk=crr " +
    "prp=gu rum=ro slo=sk smd=kmb snb=iba tdu=dtp tib=bo tnf=prs wel=cy",
);

/** Three-letter codes for which upstream uses an older two-letter code. */
const respelledLanguages = pairs("bih=bh hbs=sh heb=iw mol=mo tgl=tl twi=tw yid=ji");

/** Members of a macrolanguage, which `Intl` would replace by the macrolanguage. */
const memberLanguages = words(
  "als arb ayr azj cmn cwd ekk esk fat fuc gaz gug ike khk kmr knc kng kpv lvs npi ojg ory pbu pes " +
    "plt quz src swh uzn ydd zsm zyb",
);

/** Deprecated regions (CLDR `territoryAlias`); those that were divided keep their code. */
export const replacedRegions = pairs(
  "BU=MM CT=KI DD=DE DY=BJ FX=FR HV=BF JT=UM MI=UM NH=VU NQ=AQ PU=UM PZ=PA QU=EU RH=ZW TP=TL UK=GB " +
    "VD=VN WK=UM YD=YE ZR=CD",
);

/**
 * Registered variants (IANA language subtag registry) of up to 7 characters, and `oxendict`, which is in
 * the first table. `Intl` has no list of them.
 */
export const variants = words(
  "1901 1994 1996 abl1943 akuapem alalc97 aluku ao1990 aranes arevela arevmda arkaika asante " +
    "auvern balanka barla bauddha bciav bcizbl biske bohoric boont cisaup cornu creiss dajnko " +
    "ekavsk emodeng fonipa fonnapa fonupa gallo gascon grclass grital grmistr hepburn heploc " +
    "itihasa jauer kkcor kscor laukika lemosin lipaw ltg1929 ltg2007 metelko monoton ndyuka nedis " +
    "nicard njiva nulik osojs oxendict pahawh2 pahawh3 pahawh4 pamaka peano pinyin polyton " +
    "provenc puter rigik rozaj rumgr scouse simple solba sotav sursilv sutsilv tarask uccor " +
    "ucrcor ulster unifon vaidika",
);
