import { ServiceError } from "../../domain/errors.ts";

/** Characters of a key, without the quotes around it. */
export const maxKeyLength = 255;

/** In quotes every character may have a backslash before it. */
export const maxHeaderLength = 2 * maxKeyLength + 2;

/** A String of Structured Fields (RFC 8941 section 3.3.3). */
const quoted = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/;

/** As most clients send it. Without blanks and commas, because these stand between several values. */
const bare = /^[!#-+\--[\]-~]*$/;

/**
 * Read the header `idempotency-key`.
 *
 * @param header `null` if it was not sent.
 * @returns The key; `undefined` if there is none.
 * @throws ServiceError `idempotencyKeyInvalid` if it is empty, too long, not printable ASCII, or sent twice.
 */
export function keyFromHeader(header: string | null): string | undefined {
  if (header === null) return undefined;
  const key = header.length > maxHeaderLength ? undefined : textOf(header);
  if (key === undefined || key === "" || key.length > maxKeyLength) {
    throw new ServiceError("idempotencyKeyInvalid");
  }
  return key;
}

function textOf(header: string): string | undefined {
  const text = quoted.exec(header)?.[1];
  if (text !== undefined) return text.replaceAll(/\\(.)/g, "$1");
  return bare.test(header) ? header : undefined;
}
