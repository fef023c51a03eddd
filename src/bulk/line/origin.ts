import type { JsonValue } from "@bufbuild/protobuf";
import type { Micros } from "../../store/event-store.ts";
import type { Past } from "../../store/transfer.ts";
import { microsFrom } from "./moment.ts";

/** How far a user had come elsewhere, before it is imported. */
export type Origin = {
  readonly version: number;
  readonly createdAt: Micros;
  readonly changedAt: Micros;
};

/**
 * Read `sequence`, `creationDate` and `changeDate` of a line.
 *
 * @returns `undefined` if there is none of them.
 * @throws Error if one is missing, or not a number or a date.
 */
export function originFrom(fields: {
  readonly sequence: JsonValue | undefined;
  readonly creationDate: JsonValue | undefined;
  readonly changeDate: JsonValue | undefined;
}): Origin | undefined {
  const { sequence, creationDate, changeDate } = fields;
  const given = [sequence, creationDate, changeDate].filter((each) => (each ?? null) !== null);
  if (given.length === 0) return undefined;
  if (given.length < 3) throw new Error("sequence, creationDate and changeDate belong together");
  const version = versionFrom("sequence", sequence);
  const createdAt = microsFrom("creationDate", creationDate);
  const changedAt = Math.max(createdAt, microsFrom("changeDate", changeDate));
  return { version, createdAt, changedAt };
}

/** @throws Error unless it is a number from 1, or one as text. */
export function versionFrom(field: string, value: JsonValue | undefined): number {
  const version = typeof value === "string" ? Number(value) : value;
  if (typeof version === "number" && Number.isSafeInteger(version) && version > 0) return version;
  throw new Error(`${field} is not a number from 1`);
}

/**
 * The past of events that a line does not tell: the first one happened when the user was created, the others
 * at the latest change.
 *
 * @param after Version of the user before the events; 0 if it is new.
 */
export function pastOf(origin: Origin, events: number, after: number): Past {
  const version = Math.max(origin.version, after + events);
  const { createdAt, changedAt } = origin;
  const moments = Array.from({ length: events }, (_, index) =>
    after === 0 && index === 0
      ? { version: 1, at: createdAt }
      : { version: version - (events - 1 - index), at: changedAt },
  );
  return { moments, head: { version, createdAt, changedAt } };
}
