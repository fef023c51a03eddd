import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** The member as an object; empty if it is none. */
export function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

/** The member as a text; `""` if it is none. A number is its digits, as PostgreSQL writes ids in JSON. */
export function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

/** Those of the members that are there. */
export function pick(value: JsonObject, names: readonly string[]): JsonObject {
  const found: JsonObject = {};
  for (const name of names) {
    const member = value[name];
    if (member !== undefined && member !== null) found[name] = member;
  }
  return found;
}

/** Whether a member says something: not missing, `null`, empty or false. */
export function isTold(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === "" || value === false) return false;
  if (Array.isArray(value)) return value.length > 0;
  return true;
}
