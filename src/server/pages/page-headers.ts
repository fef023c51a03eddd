import type { OutgoingHttpHeaders } from "node:http";

/**
 * A page may load scripts, styles and pictures of its own server, and call that server and the origins that are named.
 * Nothing else is allowed.
 */
const policy = (origins: readonly string[]) => [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  ["connect-src 'self'", ...origins].join(" "),
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
];

/**
 * Headers of every page for people.
 *
 * @param directives Further directives of the Content-Security-Policy. Default: none.
 * @param origins Other servers that the page may call. Default: none.
 */
export function pageHeaders(
  directives: readonly string[] = [],
  origins: readonly string[] = [],
): OutgoingHttpHeaders {
  return {
    "content-security-policy": [...policy(origins), ...directives].join("; "),
    "referrer-policy": "no-referrer",
    // Leaves out two headers of every other answer, which forbid caching.
    expires: undefined,
    pragma: undefined,
  };
}
