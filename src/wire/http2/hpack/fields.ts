import { maxIntegerBytes, textBytes, writeInteger } from "./bytes.ts";
import { staticNames, staticValues } from "./static-table.ts";
import { entryBytes } from "./table.ts";

/** A name as we send it. */
export type KnownName = {
  /** The start of a literal that is not indexed. The value follows (RFC 7541, section 6.2.2; for secrets 6.2.3). */
  readonly literal: Uint8Array;
  /** What is known of its values. `undefined` if they are not worth knowing. */
  readonly values: Map<string, KnownField> | undefined;
};

/** A field that many answers have. Its bytes are made once, for all connections. */
export type KnownField = {
  /** Numbers all known fields, from 0. */
  readonly id: number;
  /** The static table has it, so its one byte is in `literal`. */
  readonly isStatic: boolean;
  /** A literal that is not indexed. */
  readonly literal: Uint8Array;
  /** A literal that the peer adds to its table (RFC 7541, section 6.2.1). */
  readonly indexed: Uint8Array;
  /** What it takes there (RFC 7541, section 4.1). */
  readonly tableBytes: number;
};

/** Fields that are known at once. Further ones are encoded anew each time. */
export const maxKnownFields = 256;

/**
 * Values of one name. None is ever forgotten: a client chooses some, such as the letters of a content type, and must
 * not push out those of others.
 */
const maxKnownValues = 32;

/** Characters of a value. A longer one would take too much of the peer's table. */
const maxKnownLength = 256;

/** Names. Ours are few, but a handler may make its own. */
const maxKnownNames = 256;

/** Their values are hardly ever the same twice. */
const varying = new Set([
  ...["content-length", "date", "etag", "expires", "grpc-message", "grpc-status-details-bin"],
  ...["last-modified", "location", "retry-after", "x-request-id"],
]);

/** Their values are secrets, which proxies may not index either (RFC 7541, section 7.1.3). */
const secret = new Set(["authorization", "proxy-authorization", "set-cookie"]);

const names = new Map<string, KnownName>();
let fields = 0;

/** Of HTTP/1.1. No answer may have them (RFC 9113, section 8.2.2). */
const ofConnection = new Set([
  ...["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"],
]);

/** @throws TypeError if it cannot be the name of a field (RFC 9113, sections 8.2.1 and 8.2.2). */
export function knownName(name: string): KnownName {
  return names.get(name) ?? learnName(name);
}

function learnName(name: string): KnownName {
  assertName(name);
  const isSecret = secret.has(name);
  const isKept = names.size < maxKnownNames;
  const known: KnownName = {
    literal: nameBytes(name, isSecret ? 0x10 : 0x00, 4),
    values: isSecret || varying.has(name) || !isKept ? undefined : new Map(),
  };
  if (isKept) names.set(name, known);
  return known;
}

const nameCharacters = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";

function assertName(name: string): void {
  const letters = name.startsWith(":") ? name.slice(1) : name;
  const isName = letters !== "" && [...letters].every((letter) => nameCharacters.includes(letter));
  if (!isName || ofConnection.has(name))
    throw new TypeError(`${JSON.stringify(name)} cannot be the name of a field`);
}

/** @returns `undefined` if the value is not worth keeping. */
export function knownField(name: string, known: KnownName, value: string): KnownField | undefined {
  const { values } = known;
  if (values === undefined) return undefined;
  return values.get(value) ?? learnField(name, values, value);
}

function learnField(
  name: string,
  values: Map<string, KnownField>,
  value: string,
): KnownField | undefined {
  const isFull = values.size >= maxKnownValues || fields >= maxKnownFields;
  if (isFull || value.length > maxKnownLength) return undefined;
  const field = encodeField(name, value, fields++);
  values.set(value, field);
  return field;
}

function encodeField(name: string, value: string, id: number): KnownField {
  const index = staticValues.findIndex((each, at) => each === value && staticNames[at] === name);
  const isStatic = index > 0;
  const text = textBytes(value);
  return {
    id,
    isStatic,
    literal: isStatic
      ? integerBytes(0x80, 7, index)
      : Buffer.concat([nameBytes(name, 0x00, 4), text]),
    indexed: Buffer.concat([nameBytes(name, 0x40, 6), text]),
    tableBytes: name.length + value.length + entryBytes,
  };
}

/** The start of a literal: the index of its name, or 0 and the name (RFC 7541, section 6.2). */
function nameBytes(name: string, first: number, prefix: number): Buffer {
  const index = staticNames.indexOf(name);
  return index > 0
    ? integerBytes(first, prefix, index)
    : Buffer.concat([Buffer.of(first), textBytes(name)]);
}

function integerBytes(first: number, prefix: number, value: number): Buffer {
  const bytes = Buffer.alloc(maxIntegerBytes);
  return bytes.subarray(0, writeInteger(bytes, 0, first, prefix, value));
}
