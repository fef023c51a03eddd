import { ServiceError } from "../../domain/errors.ts";
import { parseLanguage } from "../../domain/language/language.ts";
import type { Micros } from "../../store/event-store.ts";
import { presentMembers } from "./present-members.ts";

/** The claims of a token that we use. */
export type Claims = {
  readonly subject: string;
  /** The subject's home, if the token names one. */
  readonly organization: string | undefined;
  /** BCP 47 tag, if the token has a locale. */
  readonly language: string | undefined;
  /** `undefined` if the token does not say when it expires. */
  readonly expiresAt: Micros | undefined;
};

/** ZITADEL adds it if a token is requested with the scope `urn:zitadel:iam:user:resourceowner`. */
const organizationClaim = "urn:zitadel:iam:user:resourceowner:id";

/**
 * Read the claims of a token, or of what introspection says of one. A claim that is null is absent.
 *
 * @throws ServiceError `tokenInvalid` if `sub` is missing or malformed, if `exp` is no whole number,
 *   and if the token is bound to a key: then it is no bearer token (RFC 9449, section 7.1).
 */
export function claimsFrom(document: Readonly<Record<string, unknown>>): Claims {
  const { sub, exp, cnf, locale, ...others } = presentMembers(document);
  const organization = others[organizationClaim];
  if (!isSubject(sub)) throw refused('"sub" is missing or malformed');
  if (exp !== undefined && !Number.isSafeInteger(exp)) throw refused('"exp" is not a whole number');
  if (cnf !== undefined) throw refused('it is bound to a key ("cnf")');
  const language = typeof locale === "string" ? parseLanguage(locale) : "und";
  return {
    subject: sub,
    organization: isPrintable(organization, 200) ? organization : undefined,
    language: language === "und" ? undefined : language,
    expiresAt: exp === undefined ? undefined : Number(exp) * 1_000_000,
  };
}

/**
 * The error for a token that is not valid, whatever is wrong with it.
 *
 * @param reason For the log: names of claims, never their values.
 */
export function refused(reason: string): ServiceError {
  return new ServiceError("tokenInvalid", { cause: new Error(`the token is refused: ${reason}`) });
}

/** Whether the value can be a `sub`. The limit is that of OpenID Connect Core, section 2. */
export function isSubject(value: unknown): value is string {
  return isPrintable(value, 255);
}

/** Refuses control characters, which could act on a terminal, and what a database cannot store. */
function isPrintable(value: unknown, maxLength: number): value is string {
  if (typeof value !== "string" || value === "" || value.length > 2 * maxLength) return false;
  return !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(value) && [...value].length <= maxLength;
}
