import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { Gender, type User, UserState } from "../../gen/zitadel/user_pb.ts";

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

/** Empty for who is active: that needs no word. */
export function stateText(state: UserState): string {
  return stateTexts[state] ?? "";
}

export function personName({ type, userName }: User): string {
  if (type.case === "human") return type.value.profile?.displayName || userName;
  return type.value?.name || userName;
}

const languages = new Intl.DisplayNames("en", { type: "language", fallback: "none" });

/** @param tag As the server gives it: "und" for none. */
export function languageText(tag: string): string {
  if (tag === "" || tag === "und") return "";
  try {
    const name = languages.of(tag);
    return name === undefined ? tag : `${name} (${tag})`;
  } catch {
    // A tag that this browser does not understand is shown as it is.
    return tag;
  }
}

/** Dates and numbers look as the reader's browser wants them. */
const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const numbers = new Intl.NumberFormat();

export function dateText(timestamp: Timestamp | undefined): string {
  return timestamp === undefined ? "" : dates.format(timestampDate(timestamp));
}

export function numberText(count: number | bigint): string {
  return numbers.format(count);
}
