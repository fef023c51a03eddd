import { createRequire } from "node:module";

/** What ZITADEL takes a number without its country for. The field rules ask for a "+" today. */
const defaultRegion = "CH";

/** ITU-T E.164: "+", and at most 15 digits, those of the country included. */
const e164 = /^\+[1-9]\d{1,14}$/;

const require = createRequire(import.meta.url);
let toE164: ((text: string) => string) | undefined;

/**
 * Read a phone number as people write it, with spaces and such.
 *
 * Only its shape is looked at, as in ZITADEL: whether a network has given out the number is not asked.
 *
 * @returns The number in E.164, without an extension; `undefined` if the text is no phone number.
 */
export function phoneNumberFrom(text: string): string | undefined {
  toE164 ??= loadParser();
  try {
    const number = toE164(text);
    // The library computes in doubles: a number of more than 15 digits could come out as another one.
    return e164.test(number) ? number : undefined;
  } catch {
    return undefined;
  }
}

/** Takes 30 ms and some 20 MB, so whoever meets no phone number does not load it. */
function loadParser(): (text: string) => string {
  const library: typeof import("google-libphonenumber") = require("google-libphonenumber");
  const util = library.PhoneNumberUtil.getInstance();
  return (text) => util.format(util.parse(text, defaultRegion), library.PhoneNumberFormat.E164);
}
