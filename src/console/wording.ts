import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { Gender, type User, UserState } from "../../gen/zitadel/user_pb.ts";

/** The texts for genders, by the number that the API has for each. */
export const genderTexts: Readonly<Record<number, string>> = {
  [Gender.UNSPECIFIED]: "Not specified",
  [Gender.FEMALE]: "Female",
  [Gender.MALE]: "Male",
  [Gender.DIVERSE]: "Diverse",
};

const stateTexts: Readonly<Record<number, string>> = {
  [UserState.INACTIVE]: "Inactive",
  [UserState.DELETED]: "Deleted",
  [UserState.LOCKED]: "Locked",
  [UserState.SUSPEND]: "Suspended",
  [UserState.INITIAL]: "Initial",
};

/** The text for a state; empty for an active user, because most users are. */
export function stateText(state: UserState): string {
  return stateTexts[state] ?? "";
}

/** The display name, or the user name of whoever has none. */
export function personName({ type, userName }: User): string {
  if (type.case === "human") return type.value.profile?.displayName || userName;
  return type.value?.name || userName;
}

const languages = new Intl.DisplayNames("en", { type: "language", fallback: "none" });

/**
 * The English name of a language, and its tag.
 *
 * @param tag As the server sends it: "und" for none.
 */
export function languageText(tag: string): string {
  if (tag === "" || tag === "und") return "";
  try {
    const name = languages.of(tag);
    return name === undefined ? tag : `${name} (${tag})`;
  } catch {
    // The browser refuses some tags. They are shown as they are.
    return tag;
  }
}

/** Dates and numbers in the format of the browser's language. */
const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const numbers = new Intl.NumberFormat();

/** A date with its time; empty for none. */
export function dateText(timestamp: Timestamp | undefined): string {
  return timestamp === undefined ? "" : dates.format(timestampDate(timestamp));
}

/** A whole number. */
export function numberText(count: number | bigint): string {
  return numbers.format(count);
}

/** So many bytes. */
export function sizeText(bytes: number): string {
  return `${numberText(bytes)} ${bytes === 1 ? "byte" : "bytes"}`;
}
