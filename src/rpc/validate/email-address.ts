/**
 * What is wrong with an e-mail address, in the words of Go; `undefined` if nothing is.
 *
 * Accepts the bare addresses that Go's net/mail.ParseAddress and protoc-gen-validate accept, with
 * blanks around them. Refuses display names, comments, quoted local parts and domain literals, which
 * ZITADEL refuses a step later.
 */
export function emailProblem(value: string): string | undefined {
  // Twice the longest address: it is too long in any case, so it is neither read nor quoted.
  if (value.length > 508) return "email addresses cannot exceed 254 characters";
  const start = skip(value, 0, isBlank);
  if (start === value.length) return "mail: no address";
  const middle = skip(value, start, isAtomText);
  const end = value[middle] === "@" ? skip(value, middle + 1, isAtomText) : middle;
  const local = value.slice(start, middle);
  const host = value.slice(middle + 1, end);
  if (!isDotAtom(local) || !isDotAtom(host)) return phraseProblem(value, start);

  const rest = skip(value, end, isBlank);
  if (value[rest] === "(") return notBare;
  if (rest < value.length)
    return `mail: expected single address, got ${JSON.stringify(value.slice(rest))}`;
  if (Buffer.byteLength(local) + 1 + Buffer.byteLength(host) > 254)
    return "email addresses cannot exceed 254 characters";
  if (Buffer.byteLength(local) > 64)
    return "email address local phrase cannot exceed 64 characters";
  return hostnameProblem(host);
}

const notBare = "mail: only a bare address is accepted";

/** The words of net/mail for a text that does not begin with an address. */
function phraseProblem(value: string, start: number): string {
  let from = start;
  let words = 0;
  for (let end = skip(value, from, isAtomText); end > from; end = skip(value, from, isAtomText)) {
    from = skip(value, end, isBlank);
    words++;
  }
  if (from < value.length && '<:("'.includes(value.charAt(from))) return notBare;
  if (words === 0) return "mail: missing word in phrase: mail: invalid string";
  return words === 1 ? "mail: missing '@' or angle-addr" : "mail: no angle-addr";
}

function hostnameProblem(host: string): string | undefined {
  if (host.length > 253) return "hostname cannot exceed 253 characters";
  for (const part of host.toLowerCase().split(".")) {
    if (part === "" || Buffer.byteLength(part) > 63)
      return "hostname part must be non-empty and cannot exceed 63 characters";
    if (part.startsWith("-")) return "hostname parts cannot begin with hyphens";
    if (part.endsWith("-")) return "hostname parts cannot end with hyphens";
    const odd = /[^a-z0-9-]/u.exec(part)?.[0];
    if (odd !== undefined)
      return `hostname parts can only contain alphanumeric characters or hyphens, got ${JSON.stringify(odd)}`;
  }
  return undefined;
}

function skip(text: string, from: number, accepts: (unit: number) => boolean): number {
  let at = from;
  while (at < text.length && accepts(text.charCodeAt(at))) at++;
  return at;
}

function isBlank(unit: number): boolean {
  return unit === 0x20 || unit === 0x09;
}

/** RFC 5322 `atext`, the dot, and everything beyond ASCII. */
function isAtomText(unit: number): boolean {
  return unit > 0x20 && unit !== 0x7f && !'()<>[]:;@\\,"'.includes(String.fromCharCode(unit));
}

function isDotAtom(text: string): boolean {
  return text !== "" && !text.startsWith(".") && !text.endsWith(".") && !text.includes("..");
}
