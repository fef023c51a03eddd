import { createRequire } from "node:module";

/** ZITADEL reads a number without "+" as one of this region. Today the field rules demand the "+". */
const defaultRegion = "CH";

/** ITU-T E.164: "+" and at most 15 digits, the country code included. */
const e164 = /^\+[1-9]\d{1,14}$/;

const require = createRequire(import.meta.url);
let toE164: ((text: string) => string) | undefined;

/**
 * Read a phone number as people write it, with spaces and such.
 *
 * Only the form is checked, as in ZITADEL, not whether the number is in use.
 *
 * @returns The number in E.164, without an extension; `undefined` if the text is no phone number.
 */
export function phoneNumberFrom(text: string): string | undefined {
  toE164 ??= loadParser();
  try {
    const number = toE164(text);
    // The library computes with doubles, so a number of more than 15 digits could come out changed.
    return e164.test(number) ? number : undefined;
  } catch {
    return undefined;
  }
}

/** Loading takes 30 ms and some 20 MB, so it waits for the first phone number. */
function loadParser(): (text: string) => string {
  const library: typeof import("google-libphonenumber") = require("google-libphonenumber");
  const util = library.PhoneNumberUtil.getInstance();
  return (text) => util.format(util.parse(text, defaultRegion), library.PhoneNumberFormat.E164);
}
