import type { DescEnum, DescField, DescMessage, JsonValue } from "@bufbuild/protobuf";
import { likelyName } from "./likely-name.ts";

/** A name in JSON that the message does not have. */
export type UnknownName = {
  /** Where it is, such as `human.profile.givenname`. */
  readonly path: string;
  readonly kind: "field" | "value";
  /** What was probably meant. */
  readonly likely: string | undefined;
};

/** At most this many names are looked for. */
export const maxUnknownNames = 4;

/** The names in their JSON are not those of their fields. Within an `Any`, names are not checked. */
const freeForms = new Set([
  "google.protobuf.Any",
  "google.protobuf.Struct",
  "google.protobuf.Value",
]);

/**
 * Find fields and values of enums that the message does not know, and that reading otherwise ignores.
 *
 * @param value JSON that was read as such a message. So its messages are nested 100 levels deep at most.
 * @returns In the order of the text.
 */
export function unknownNames(desc: DescMessage, value: JsonValue): readonly UnknownName[] {
  const found: UnknownName[] = [];
  inMessage(desc, value, "", found);
  return found;
}

function inMessage(desc: DescMessage, value: JsonValue, path: string, found: UnknownName[]): void {
  if (!isRecord(value) || freeForms.has(desc.typeName)) return;
  for (const [key, each] of Object.entries(value)) {
    if (found.length >= maxUnknownNames) return;
    const at = path === "" ? key : `${path}.${key}`;
    const field = desc.fields.find(({ name, jsonName }) => key === jsonName || key === name);
    if (field === undefined) {
      const likely = likelyName(
        key,
        desc.fields.map(({ jsonName }) => jsonName),
      );
      found.push({ path: at, kind: "field", likely });
    } else {
      for (const item of itemsOf(field, each)) inField(field, item, at, found);
    }
  }
}

function inField(
  { message, enum: values }: DescField,
  value: JsonValue,
  path: string,
  found: UnknownName[],
): void {
  if (message !== undefined) inMessage(message, value, path, found);
  else if (values !== undefined && typeof value === "string") inEnum(values, value, path, found);
}

function inEnum(desc: DescEnum, name: string, path: string, found: UnknownName[]): void {
  const names = desc.values.map((each) => each.name);
  if (names.includes(name) || found.length >= maxUnknownNames) return;
  found.push({ path, kind: "value", likely: likelyName(name, names) });
}

function itemsOf({ fieldKind }: DescField, value: JsonValue): readonly JsonValue[] {
  if (fieldKind === "list") return Array.isArray(value) ? value : [];
  if (fieldKind === "map") return isRecord(value) ? Object.values(value) : [];
  return [value];
}

function isRecord(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
