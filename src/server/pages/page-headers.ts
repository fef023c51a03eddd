import type { OutgoingHttpHeaders } from "node:http";

/** A page may load its own script and style, show its own pictures, and call its own server; nothing else. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
];

/**
 * Headers of every page for people.
 *
 * @param directives Of the Content-Security-Policy, beside those that every page has.
 */
export function pageHeaders(directives: readonly string[] = []): OutgoingHttpHeaders {
  return {
    "content-security-policy": [...policy, ...directives].join("; "),
    "referrer-policy": "no-referrer",
    // Of the headers of every answer, those that forbid caching.
    expires: undefined,
    pragma: undefined,
  };
}
