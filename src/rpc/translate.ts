import { readdirSync, readFileSync } from "node:fs";
import { type ContextValues, createContextKey, type Interceptor } from "@connectrpc/connect";
import { ServiceError } from "../domain/errors.ts";
import { languagesFromAcceptLanguage } from "../domain/language.ts";
import { matchLanguage } from "../domain/language-match.ts";

/** Text of a key in the caller's language; in English if it has none there; else the key itself. */
export type Translator = (key: string) => string;

/** Translates for the caller of this request. Returns every key as it is outside createTranslate. */
export const translatorKey = createContextKey<Translator>((key) => key, {
  description: "translator",
});

/**
 * Give the handler a translator, and the messages of its errors the caller's language.
 *
 * Only a ServiceError whose message is a key of the translations is translated; everything else
 * passes unchanged. The language is chosen when a text is needed, so a call that succeeds without
 * one pays nothing.
 *
 * @param options.defaultLanguage Used when nothing the caller prefers is available; one of
 *   `availableLanguages()`.
 * @param options.callerLanguage The language of whoever calls, which goes before the header's.
 *   `undefined` and "und": only the header counts.
 */
export function createTranslate(options: {
  readonly defaultLanguage: string;
  readonly callerLanguage: (values: ContextValues) => string | undefined;
}): Interceptor {
  const translations = readTranslations();
  const available = [...translations.keys()];
  const english = translations.get("en");

  const translatorFor = (header: Headers, values: ContextValues): Translator => {
    let texts: Texts | undefined;
    return (key) => {
      texts ??= translations.get(
        matchLanguage(
          preferredLanguages(options.callerLanguage(values), header),
          available,
          options.defaultLanguage,
        ),
      );
      return texts?.get(key) ?? english?.get(key) ?? key;
    };
  };

  return (next) => async (request) => {
    const translate = translatorFor(request.header, request.contextValues);
    request.contextValues.set(translatorKey, translate);
    try {
      return await next(request);
    } catch (error) {
      if (!(error instanceof ServiceError) || !english?.has(error.message)) throw error;
      throw new ServiceError(error.key, {
        message: translate(error.message),
        cause: error.cause,
      });
    }
  };
}

/** Language tags that have a file of translations, in alphabetical order. */
export function availableLanguages(): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -".json".length))
    .sort();
}

type Texts = ReadonlyMap<string, string>;

const folder = new URL("./translations/", import.meta.url);

function readTranslations(): ReadonlyMap<string, Texts> {
  const textsOf = (language: string): Texts => {
    const json = readFileSync(new URL(`${language}.json`, folder), "utf8");
    return new Map(Object.entries(JSON.parse(json) as Record<string, string>));
  };
  return new Map(availableLanguages().map((language) => [language, textsOf(language)]));
}

/** The gateway passes a browser's Accept-Language on under a name of its own. */
function preferredLanguages(caller: string | undefined, header: Headers): readonly string[] {
  const accepted = header.get("accept-language") || header.get("grpcgateway-accept-language") || "";
  const fromHeader = languagesFromAcceptLanguage(accepted);
  return caller === undefined || caller === "und" ? fromHeader : [caller, ...fromHeader];
}
