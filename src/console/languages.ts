import { byId } from "./dom.ts";
import { languageText } from "./wording.ts";

/** Tags with a region or a script that profiles often have, beside all languages with two letters. */
const regional = [
  ...["de-AT", "de-CH", "de-DE", "en-AU", "en-CA", "en-GB", "en-IN", "en-US", "es-ES", "es-MX"],
  ...["fr-BE", "fr-CA", "fr-CH", "fr-FR", "it-CH", "it-IT", "nl-BE", "nl-NL", "pt-BR", "pt-PT"],
  ...["sr-Cyrl", "sr-Latn", "zh-Hans", "zh-Hant"],
];

const letters = [..."abcdefghijklmnopqrstuvwxyz"];

/**
 * The languages that a field proposes: those for which the browser has a name, each by the tag that is not outdated.
 * Every other tag can be typed, too.
 */
export function languageTags(): readonly string[] {
  const short = letters.flatMap((first) => letters.map((second) => `${first}${second}`));
  return [...short, ...regional].filter(
    (tag) => Intl.getCanonicalLocales(tag)[0] === tag && languageText(tag) !== tag,
  );
}

/** Fill the list of a field with them, by name. */
export function proposeLanguages(field: HTMLInputElement): void {
  const options = languageTags().map((tag) => new Option(languageText(tag), tag));
  options.sort((one, other) => one.text.localeCompare(other.text, "en"));
  byId(`${field.id}-list`, HTMLDataListElement).append(...options);
}
