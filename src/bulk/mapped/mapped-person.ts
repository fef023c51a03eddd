import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isTold, textOf } from "../fields.ts";
import { microsFrom, momentFrom } from "../line/moment.ts";
import type { Losses } from "../losses.ts";
import { type Mapping, type TextField, valueAt, type Way } from "./mapping.ts";

/**
 * A person of another system's file, as a line of an import.
 *
 * @param losses Gets what is not taken.
 * @returns `undefined` if it is a program.
 */
export function mappedPerson(
  record: JsonObject,
  mapping: Mapping,
  losses: Losses,
): object | undefined {
  if (mapping.ofMachine !== undefined && isTold(record[mapping.ofMachine])) {
    return void losses.add("service accounts");
  }
  for (const [name, kind] of Object.entries(mapping.losses)) {
    const value = record[name];
    if (isTold(value)) losses.add(kind, Array.isArray(value) ? value.length : 1);
  }
  const text = (field: TextField) => firstText(record, mapping.texts[field]);
  const isActive = valueAt(record, mapping.isActive) !== false;
  return {
    ...(text("userId") !== "" && { userId: text("userId") }),
    state: isActive ? "USER_STATE_ACTIVE" : "USER_STATE_INACTIVE",
    userName: text("userName"),
    profile: {
      firstName: text("firstName"),
      lastName: text("lastName"),
      nickName: text("nickName"),
      displayName: text("displayName"),
      preferredLanguage: text("preferredLanguage"),
    },
    email: { email: text("email"), isEmailVerified: isVerified(record, mapping) },
    ...phoneOf(text("phone"), losses),
    ...datesOf(record, mapping),
  };
}

function firstText(record: JsonObject, ways: readonly Way[]): string {
  for (const way of ways) {
    const text = textOf(valueAt(record, way));
    if (text !== "") return text;
  }
  return "";
}

function isVerified(record: JsonObject, { isEmailVerified: way }: Mapping): boolean {
  return way !== undefined && valueAt(record, way) === true;
}

/** Numbers of other systems are any text. One that is not international is not taken. */
function phoneOf(text: string, losses: Losses): object {
  const number = text.replace(/[^+\d]/g, "");
  if (/^\+[1-9]\d{1,14}$/.test(number)) return { phone: { phone: number } };
  if (text !== "") losses.add("phone numbers without a country");
  return {};
}

/** There is no sequence in these files: the state of today is the first one. */
function datesOf(record: JsonObject, { createdAt, changedAt }: Mapping): object {
  const creationDate = dateOf(valueAt(record, createdAt));
  if (creationDate === undefined) return {};
  const changeDate = changedAt && dateOf(valueAt(record, changedAt));
  return { sequence: 1, creationDate, changeDate: changeDate ?? creationDate };
}

function dateOf(value: JsonValue | undefined): string | undefined {
  if (typeof value === "number" && value > 0) return momentFrom(Math.round(value * 1_000));
  return isTold(value) ? momentFrom(microsFrom("the date", value)) : undefined;
}
