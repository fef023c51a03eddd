import { readdirSync, readFileSync } from "node:fs";
import { type ContextValues, createContextKey, type Interceptor } from "@connectrpc/connect";
import { ServiceError } from "../../domain/errors.ts";
import { languagesFromAcceptLanguage } from "../../domain/language/language.ts";
import { matchLanguage } from "../../domain/language/language-match.ts";
import { rejecting } from "../rejecting.ts";
import { FieldRulesError, type FieldViolation } from "../validate/field-violation.ts";

/** The text of a key in the caller's language, else in English, else the key itself. */
export type Translator = (key: string) => string;

/** Texts as the caller of a request reads them. */
export type CallTexts = {
  readonly translate: Translator;
  /** The error with its message, and the texts of its violations. */
  translateError(error: unknown): unknown;
};

/** The texts of this request. Without createTranslate every key and every error stays as it is. */
export const textsKey = createContextKey<CallTexts>(
  { translate: (key) => key, translateError: (error) => error },
  { description: "texts" },
);

/**
 * Put a translator into the context values, and translate the messages of errors.
 *
 * A ServiceError whose message is a key of the translations is translated. Violations of field rules
 * keep their description, because clients match on it, and get a text for people beside it, also in
 * English. Every other error passes unchanged. The language is chosen when the first text is needed,
 * so a call without any text costs nothing.
 *
 * @param options.defaultLanguage Used if no language that the caller prefers is available; one of
 *   `availableLanguages()`.
 * @param options.callerLanguage The language of the caller, preferred to those of the header.
 *   `undefined` and "und": only the header counts.
 */
export function createTranslate(options: {
  readonly defaultLanguage: string;
  readonly callerLanguage: (values: ContextValues) => string | undefined;
}): Interceptor {
  const translations = readTranslations();
  const available = [...translations.keys()];
  const english = translations.get("en") ?? noTexts;

  const readerOf = (request: Parameters<ReturnType<Interceptor>>[0]): Reader => {
    let chosen: Translation | undefined;
    return (key) => {
      const { header, contextValues } = request;
      chosen ??= choose(preferredLanguages(options.callerLanguage(contextValues), header));
      const own = chosen.texts.get(key);
      if (own !== undefined) return { locale: chosen.locale, message: own };
      return { locale: "en", message: english.get(key) ?? key };
    };
  };

  const choose = (preferred: readonly string[]): Translation => {
    const locale = matchLanguage(preferred, available, options.defaultLanguage);
    return { locale, texts: translations.get(locale) ?? english };
  };

  const textsOfCall = (request: Parameters<typeof readerOf>[0]): CallTexts => {
    const read = readerOf(request);
    return {
      translate: (key) => read(key).message,
      translateError: (error) => translated(error, read, english),
    };
  };

  return (next) => (request) => {
    const texts = textsOfCall(request);
    request.contextValues.set(textsKey, texts);
    return rejecting(
      () => next(request),
      (error) => {
        throw texts.translateError(error);
      },
    );
  };
}

function translated(error: unknown, read: Reader, english: Texts): unknown {
  if (error instanceof FieldRulesError)
    return new FieldRulesError(error.message, localize(error.violations, read));
  if (!(error instanceof ServiceError) || !english.has(error.message)) return error;
  return new ServiceError(error.key, {
    message: read(error.message).message,
    ...(error.values && { values: error.values }),
    cause: error.cause,
  });
}

/** Language tags that have a file of translations, in alphabetical order. */
export function availableLanguages(): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -".json".length))
    .sort();
}

type Texts = ReadonlyMap<string, string>;
type Translation = { readonly locale: string; readonly texts: Texts };

/** Finds the text of a key, and the language that it is in. */
type Reader = (key: string) => { readonly locale: string; readonly message: string };

const noTexts: Texts = new Map();

const folder = new URL("./texts/", import.meta.url);

/** For output that belongs to no call, such as that of an import. */
export function createEnglishTranslator(): Translator {
  const texts = textsOf("en");
  return (key) => texts.get(key) ?? key;
}

function textsOf(language: string): Texts {
  const json = readFileSync(new URL(`${language}.json`, folder), "utf8");
  return new Map(Object.entries(JSON.parse(json) as Record<string, string>));
}

function readTranslations(): ReadonlyMap<string, Texts> {
  return new Map(availableLanguages().map((language) => [language, textsOf(language)]));
}

/** Texts in any language that fit, with everything else, into the 8 KiB of headers that clients accept. */
const mostLocalized = 16;

function localize(violations: readonly FieldViolation[], read: Reader): FieldViolation[] {
  return violations.map((violation, at) => {
    if (at >= mostLocalized) return violation;
    const { key, values } = violation.text;
    const { locale, message } = read(key);
    return {
      ...violation,
      localized: {
        locale,
        message: message.replace(/\{(\w+)\}/g, (place, name: string) => values[name] ?? place),
      },
    };
  });
}

/** grpc-gateway passes a browser's Accept-Language on with a prefix. */
function preferredLanguages(caller: string | undefined, header: Headers): readonly string[] {
  const accepted = header.get("accept-language") || header.get("grpcgateway-accept-language") || "";
  const fromHeader = languagesFromAcceptLanguage(accepted);
  return caller === undefined || caller === "und" ? fromHeader : [caller, ...fromHeader];
}
