import type { RequestHead } from "../http/exchange.ts";

/**
 * The parts of a request target in any of its forms (RFC 9112 section 3.2). Clients that think they
 * talk to a proxy send a whole URL. An OPTIONS with a URL without a path means `*`.
 */
export function targetParts(
  target: string,
  method: string,
): Pick<RequestHead, "path" | "query" | "authority"> {
  if (target.startsWith("/")) return pathAndQuery(target);
  const [, authority, rest = ""] = /^[a-z][a-z\d+.-]*:\/\/([^/?]*)(.*)/is.exec(target) ?? [];
  if (authority === undefined) return pathAndQuery(target);
  if (rest === "" && method === "OPTIONS") return { authority, path: "*", query: "" };
  return { authority, ...pathAndQuery(rest.startsWith("/") ? rest : `/${rest}`) };
}

function pathAndQuery(text: string): Pick<RequestHead, "path" | "query"> {
  const mark = text.indexOf("?");
  return mark < 0
    ? { path: text, query: "" }
    : { path: text.slice(0, mark), query: text.slice(mark + 1) };
}
