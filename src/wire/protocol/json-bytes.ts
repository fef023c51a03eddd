import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type JsonWriteOptions,
  type Message,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";

/**
 * `toJson` of protobuf-es, with bytes in base64 as Node writes it. protobuf-es appends one character after another where
 * JavaScript has no `toBase64`, as in Node 24: 4 MB of bytes take it a second.
 */
export function jsonFrom(
  schema: DescMessage,
  message: Message,
  options: Partial<JsonWriteOptions>,
): JsonValue {
  if (!mayHoldBytes(schema)) return toJson(schema, message, options);
  const json = toJson(schema, withShortBytes(message) as Message, options);
  return withBytes(schema, message, json as JsonObject);
}

/** The answers for messages that were asked about. */
const known = new WeakMap<DescMessage, boolean>();

function mayHoldBytes(schema: DescMessage): boolean {
  const answer = known.get(schema) ?? holdsBytes(schema, new Set());
  known.set(schema, answer);
  return answer;
}

/** @param seen Messages that are looked at already, because messages may hold themselves. */
function holdsBytes(schema: DescMessage, seen: Set<DescMessage>): boolean {
  if (hasOwnJson(schema.typeName) || seen.has(schema)) return false;
  seen.add(schema);
  return schema.fields.some(
    ({ scalar, message }) => scalar === ScalarType.BYTES || (message && holdsBytes(message, seen)),
  );
}

/** Whether JSON has a form of its own for a message, so that its fields are not in it. */
function hasOwnJson(typeName: unknown): boolean {
  return String(typeName).startsWith("google.protobuf.");
}

const oneByte = new Uint8Array(1);

/** A copy with one byte in place of more: a field that is set stays set. */
function withShortBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.length > 1 ? oneByte : value;
  if (Array.isArray(value)) return value.map(withShortBytes);
  if (typeof value !== "object" || value === null) return value;
  if ("$typeName" in value && hasOwnJson(value.$typeName)) return value;
  const copies = Object.entries(value).map(([name, member]) => [
    name,
    name === "$unknown" ? member : withShortBytes(member),
  ]);
  return Object.fromEntries(copies);
}

/** Puts the bytes of a message into the JSON of its copy. */
function withBytes(schema: DescMessage, message: object, json: JsonObject): JsonObject {
  if (hasOwnJson(schema.typeName)) return json;
  for (const field of schema.fields) {
    const there = json[field.jsonName];
    if (there !== undefined)
      json[field.jsonName] = jsonOf(field, fieldValue(message, field), there);
  }
  return json;
}

function fieldValue(message: object, { oneof, localName }: DescField): unknown {
  const members = message as Readonly<Record<string, { readonly value?: unknown } | undefined>>;
  return oneof === undefined ? members[localName] : members[oneof.localName]?.value;
}

/** @param there The JSON of the copy of the value. */
function jsonOf(field: DescField, value: unknown, there: JsonValue): JsonValue {
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  if (Array.isArray(value) && Array.isArray(there))
    return value.map((each, place) => jsonOf(field, each, there[place] ?? null));
  if (typeof value !== "object" || value === null) return there;
  if (field.fieldKind === "map" && !("$typeName" in value)) {
    const entries = Object.entries(there as JsonObject);
    return Object.fromEntries(
      entries.map(([key, each]) => [
        key,
        jsonOf(field, (value as Record<string, unknown>)[key], each),
      ]),
    );
  }
  return field.message === undefined ? there : withBytes(field.message, value, there as JsonObject);
}
