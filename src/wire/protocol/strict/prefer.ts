/** What an answer says if its request was read strictly (RFC 7240). */
export const strictApplied = { "preference-applied": "handling=strict" } as const;

/** A preference with its parameters; commas within quotes are part of it. */
const preference = /(?:"[^"]*"|[^",])+/g;
const handling = /^\s*handling\s*=\s*"?([\w-]*)"?\s*(?:;|$)/i;

/**
 * Whether the header `Prefer` has `handling=strict`. The first `handling` counts, and what is not known is ignored, as RFC
 * 7240 demands: a client sees in `Preference-Applied` what the server has done.
 */
export function prefersStrict(header: string | string[] | undefined): boolean {
  if (header === undefined) return false;
  for (const [each] of String(header).matchAll(preference)) {
    const value = handling.exec(each)?.[1];
    if (value !== undefined) return value.toLowerCase() === "strict";
  }
  return false;
}
