import type { IncomingHttpHeaders } from "node:http";
import type { RequestHead } from "../http/exchange.ts";

/**
 * The head of a request from its fields, checked as RFC 9113, section 8, asks. Repeated fields are joined, so that a
 * second `authorization` can be refused.
 *
 * @param fields Names and values in turn.
 * @param clientOf As `ExchangeSite.clientOf`, for the peer of the connection.
 * @returns `undefined` if the request is malformed (section 8.1.1).
 */
function readHead(
  fields: readonly string[],
  clientOf: (headers: IncomingHttpHeaders) => string,
): RequestHead | undefined {
  const headers = collect(fields);
  if (headers === undefined) return undefined;
  const method = headers[":method"] as string | undefined;
  if (method === undefined || !consistsOf(method, inMethod)) return undefined;
  const target = method === "CONNECT" ? tunnelTarget(headers) : targetOf(headers, method);
  if (target === undefined || !namesOneHost(headers)) return undefined;
  const mark = target.indexOf("?");
  return {
    httpVersion: "2",
    method,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? "" : target.slice(mark + 1),
    headers,
    peer: clientOf(headers),
  };
}

/** Fields of a head that is kept. The requests of most clients have a dozen, in half a KiB. */
const maxKeptFields = 24;

/** Characters of them. */
const maxKeptLength = 4_096;

/**
 * As `readHead`, for one connection. Most clients send the same fields with each request, and then the head of the one
 * before is the head of this one, too.
 */
export function createHeadReader(
  clientOf: (headers: IncomingHttpHeaders) => string,
): (fields: readonly string[]) => RequestHead | undefined {
  let kept: { readonly fields: readonly string[]; readonly head: RequestHead } | undefined;
  return (fields) => {
    if (kept !== undefined && areSame(fields, kept.fields)) return kept.head;
    const head = readHead(fields, clientOf);
    kept = head !== undefined && isSmall(fields) ? { fields, head } : undefined;
    return head;
  };
}

function areSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

function isSmall(fields: readonly string[]): boolean {
  if (fields.length > 2 * maxKeptFields) return false;
  let length = 0;
  for (const text of fields) length += text.length;
  return length <= maxKeptLength;
}

/** Whether fields may be trailers: none of them is a pseudo-header (section 8.1). */
export function areTrailers(fields: readonly string[]): boolean {
  const trailers = collect(fields);
  return trailers !== undefined && !Object.keys(trailers).some((name) => name.startsWith(":"));
}

/** The length that a request declares, or -1 (section 8.1.1). */
export function declaredLength({ headers }: RequestHead): number {
  const declared = headers["content-length"];
  return declared === undefined ? -1 : Number(declared);
}

/** A record without a prototype that V8 keeps as fast as an instance of a class. */
const Fields = function Fields() {} as unknown as new () => Record<string, string>;
Fields.prototype = Object.create(null);

function collect(fields: readonly string[]): Record<string, string> | undefined {
  const headers = new Fields();
  let hasRegular = false;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = fields[index + 1] as string;
    const before = headers[name];
    if (!isValue(value)) return undefined;
    if (name.startsWith(":")) {
      // Section 8.3: the known ones, once each, before all others.
      if (hasRegular || before !== undefined || !pseudo.has(name)) return undefined;
      headers[name] = value;
      continue;
    }
    hasRegular = true;
    if (!consistsOf(name, inName) || !isAllowed(name, value, before)) return undefined;
    if (before === undefined) headers[name] = value;
    // Section 8.2.3 for cookies, RFC 9110 section 5.3 for all others.
    else headers[name] = before + (name === "cookie" ? "; " : ", ") + value;
  }
  return headers;
}

const pseudo = new Set([":method", ":scheme", ":authority", ":path"]);

/** Fields of the connection are malformed (section 8.2.2), and so are two lengths or hosts (sections 8.1.1, 8.3.1). */
function isAllowed(name: string, value: string, before: string | undefined): boolean {
  switch (name) {
    case "connection":
    case "proxy-connection":
    case "keep-alive":
    case "transfer-encoding":
    case "upgrade":
      return false;
    case "te":
      return value.toLowerCase() === "trailers";
    case "content-length":
      return before === undefined && consistsOf(value, isDigit) && value.length <= maxLengthDigits;
    case "host":
      return before === undefined;
    default:
      return true;
  }
}

/** So many digits are exact as a number. */
const maxLengthDigits = 15;

/** Section 8.3.1: scheme and path, each of its form. Another scheme than the connection's may be right behind a proxy. */
function targetOf(headers: Record<string, string>, method: string): string | undefined {
  const { ":scheme": scheme, ":path": path } = headers;
  if (scheme === undefined || path === undefined) return undefined;
  if (scheme !== "http" && scheme !== "https" && !isWeb(scheme.toLowerCase())) return undefined;
  if (path === "*") return method === "OPTIONS" ? path : undefined;
  return path.startsWith("/") && consistsOf(path, inPath) ? path : undefined;
}

const isWeb = (scheme: string) => scheme === "http" || scheme === "https";

/** Section 8.5: CONNECT has an authority alone. There is no tunnel, so any path will do: it is answered 404 or 405. */
function tunnelTarget(headers: Record<string, string>): string | undefined {
  const { ":scheme": scheme, ":path": path, ":authority": authority } = headers;
  return scheme === undefined && path === undefined && authority !== undefined ? "/" : undefined;
}

/** Section 8.3.1: `host` may repeat the authority, but not differ from it. */
function namesOneHost({ ":authority": authority, host }: Record<string, string>): boolean {
  return authority === undefined || host === undefined || authority === host;
}

/** What a character may be part of: one bit each. */
const [inName, inMethod, inValue, inPath, isDigit] = [1, 2, 4, 8, 16] as const;

const kinds = Uint8Array.from({ length: 256 }, (_, code) => {
  const character = String.fromCharCode(code);
  const isCapital = character >= "A" && character <= "Z";
  const isNumber = character >= "0" && character <= "9";
  const isLetter = character >= "a" && character <= "z";
  const isToken = isLetter || isNumber || "!#$%&'*+-.^_`|~".includes(character);
  // Controls other than the tab are no part of a value (RFC 9110, section 5.5).
  const isText = code === 0x09 || (code >= 0x20 && code !== 0x7f);
  const isPath = code > 0x20 && code < 0x7f && character !== "#";
  return (
    (isToken ? inName : 0) |
    (isToken || isCapital ? inMethod : 0) |
    (isText ? inValue : 0) |
    (isPath ? inPath : 0) |
    (isNumber ? isDigit : 0)
  );
});

/** Whether a text is not empty and every character is of this kind. */
function consistsOf(text: string, kind: number): boolean {
  for (let index = 0; index < text.length; index++) {
    if (((kinds[text.charCodeAt(index)] as number) & kind) === 0) return false;
  }
  return text.length > 0;
}

/** Section 8.2.1: no control characters, and no blanks at the ends. */
function isValue(value: string): boolean {
  if (value === "") return true;
  return !isBlank(value, 0) && !isBlank(value, value.length - 1) && consistsOf(value, inValue);
}

function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 0x20 || code === 0x09;
}
