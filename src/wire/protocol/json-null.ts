import type { DescField, DescMessage, JsonValue, Registry } from "@bufbuild/protobuf";

/**
 * The JSON of a message without null members of oneofs, at every depth. Fields for which null is a value stay
 * (`google.protobuf.Value`, `NullValue`), and so do all others, because a field that is given twice is refused, also if one
 * is null.
 *
 * @param registry The messages that a `google.protobuf.Any` may contain.
 * @throws RangeError if the value is nested deeper than the stack allows.
 */
export function dropUnset(
  desc: DescMessage,
  value: JsonValue,
  registry: Registry | undefined,
): JsonValue {
  if (!isObject(value)) return value;
  const inner = desc.typeName === any ? messageInAny(value, registry) : desc;
  if (inner === undefined || freeForms.has(inner.typeName)) return value;
  const fields = new Map(
    inner.fields.flatMap((field) => [
      [field.name, field] as const,
      [field.jsonName, field] as const,
    ]),
  );
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => {
      const field = fields.get(key);
      if (field === undefined) return [[key, each]];
      return isUnset(field, each) ? [] : [[key, dropInField(field, each, registry)]];
    }),
  );
}

type JsonRecord = { [key: string]: JsonValue };

function isObject(value: JsonValue): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const any = "google.protobuf.Any";

/** The names in their JSON are not those of their fields. */
const freeForms = new Set(["google.protobuf.Struct", "google.protobuf.Value"]);

function messageInAny({ "@type": url }: JsonRecord, registry: Registry | undefined) {
  if (typeof url !== "string") return undefined;
  return registry?.getMessage(url.slice(url.lastIndexOf("/") + 1));
}

function isUnset(field: DescField, value: JsonValue): boolean {
  const isNull =
    field.message?.typeName === "google.protobuf.Value" ||
    field.enum?.typeName === "google.protobuf.NullValue";
  return value === null && field.oneof !== undefined && !isNull;
}

function dropInField(
  field: DescField,
  value: JsonValue,
  registry: Registry | undefined,
): JsonValue {
  const { message } = field;
  if (message === undefined) return value;
  const inside = (each: JsonValue) => dropUnset(message, each, registry);
  if (Array.isArray(value)) return value.map(inside);
  if (field.fieldKind === "map" && isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, inside(each)]));
  }
  return inside(value);
}
