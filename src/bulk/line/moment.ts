import type { JsonValue } from "@bufbuild/protobuf";
import type { Micros } from "../../store/event-store.ts";

/**
 * A moment of RFC 3339, as PostgreSQL and the APIs write it.
 *
 * @returns In microseconds; further digits are cut off.
 * @throws Error if it is none, or not between 1970 and June 2255, where microseconds end to be exact.
 */
export function microsFrom(field: string, value: JsonValue | undefined): Micros {
  const parts = typeof value === "string" ? momentForm.exec(value) : null;
  const [, whole = "", fraction = "", zone = ""] = parts ?? [];
  const seconds = Date.parse(`${whole.replace(" ", "T")}${zone === "" ? "Z" : zone}`) / 1_000;
  const micros = seconds * 1_000_000 + Number(fraction.padEnd(6, "0").slice(0, 6));
  if (Number.isSafeInteger(micros) && micros > 0) return micros;
  throw new Error(`${field} is not a moment such as 2026-01-31T12:00:00Z`);
}

const momentForm = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?$/;

/** The moment as RFC 3339 writes it, with microseconds. */
export function momentFrom(micros: Micros): string {
  const seconds = new Date(Math.floor(micros / 1_000_000) * 1_000).toISOString().slice(0, 19);
  return `${seconds}.${String(micros % 1_000_000).padStart(6, "0")}Z`;
}
