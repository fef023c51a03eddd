import { cors as connectCors } from "@connectrpc/connect";
import type { Answer, HeaderList, RequestHead } from "./exchange.ts";

/** Which pages of other origins may call. They never send credentials, because clients use bearer tokens. */
export type Cors = {
  /** The answer to a preflight request; `undefined` for any other request. */
  preflight(head: RequestHead): Answer | undefined;
  /** For every answer. */
  headers(head: RequestHead): HeaderList;
};

/** Every verb that some path accepts. */
export const verbs = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

const methods = verbs.join(", ");

/** Two hours, the longest that Chromium keeps a preflight. */
const maxAgeSeconds = "7200";

/**
 * @param origins Compared character by character; `*` allows every origin.
 * @param requestHeaders Headers that a page may send, beside those of the RPC protocols.
 * @param answerHeaders Headers that a page may read, beside those of the RPC protocols.
 */
export function createCors(
  origins: readonly string[],
  requestHeaders: readonly string[],
  answerHeaders: readonly string[],
): Cors {
  const allowed = new Set(origins);
  const allowHeaders = [...connectCors.allowedHeaders, "Accept-Language", ...requestHeaders];
  const exposeHeaders = [...connectCors.exposedHeaders, ...answerHeaders].join(", ");
  const isAllowed = (origin: string | undefined): origin is string =>
    origin !== undefined && (allowed.has("*") || allowed.has(origin));

  return {
    preflight(head) {
      if (head.method !== "OPTIONS") return;
      const { origin, "access-control-request-method": requested } = head.headers;
      if (origin === undefined || requested === undefined) return;
      const vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
      if (!isAllowed(origin)) return { status: 204, headers: { vary } };
      return {
        status: 204,
        headers: {
          vary,
          "access-control-allow-origin": allowed.has("*") ? "*" : origin,
          "access-control-allow-methods": methods,
          "access-control-allow-headers": allowHeaders.join(", "),
          "access-control-max-age": maxAgeSeconds,
        },
      };
    },
    headers({ headers: { origin } }) {
      if (!isAllowed(origin)) return closed;
      return [
        "vary",
        "Origin",
        "access-control-allow-origin",
        allowed.has("*") ? "*" : origin,
        "access-control-expose-headers",
        exposeHeaders,
      ];
    },
  };
}

const closed: HeaderList = ["vary", "Origin"];
