import type { FieldChange } from "../../../gen/giraffe/v1/user_service_pb.ts";
import { Gender } from "../../../gen/zitadel/user_pb.ts";
import { genderTexts, languageText, sizeText } from "../wording.ts";
import { textFrom } from "./metadata/metadata-value.ts";

/** The names that fields have on the page, by the names that the server has for them. */
const labels: Readonly<Record<string, string>> = {
  user_name: "User name",
  "profile.first_name": "First name",
  "profile.last_name": "Last name",
  "profile.nick_name": "Nick name",
  "profile.display_name": "Display name",
  "profile.preferred_language": "Language",
  "profile.gender": "Gender",
  "email.address": "E-mail",
  "email.is_verified": "E-mail verified",
  "phone.number": "Phone",
  "phone.is_verified": "Phone verified",
  state: "State",
};

const stateTexts: Readonly<Record<string, string>> = {
  USER_STATE_ACTIVE: "Active",
  USER_STATE_INACTIVE: "Inactive",
  USER_STATE_LOCKED: "Locked",
  USER_STATE_INITIAL: "Initial",
  USER_STATE_DELETED: "Deleted",
};

const metadata = "metadata.";

/** A longer text of metadata is cut, in UTF-16 units. */
const maxUnits = 500;

/** What a change made different in one field, in words for people. */
export type ChangedField = {
  readonly field: string;
  /** Empty if there was no value. */
  readonly before: string;
  readonly after: string;
};

/** The texts for a change of a field. */
export function changedFieldFrom({
  field,
  before,
  after,
  beforeUnknown,
}: FieldChange): ChangedField {
  return {
    field: field.startsWith(metadata) ? field.slice(metadata.length) : (labels[field] ?? field),
    before: beforeUnknown ? "an earlier value" : valueText(field, before),
    after: valueText(field, after) || "–",
  };
}

function valueText(field: string, value: string | undefined): string {
  if (value === undefined) return "";
  if (field.startsWith(metadata)) return bytesText(value);
  if (field.endsWith(".is_verified")) return value === "true" ? "Yes" : "No";
  if (field === "state") return stateTexts[value] ?? value;
  if (field === "profile.preferred_language") return languageText(value);
  if (field !== "profile.gender") return value;
  const gender = Gender[value.replace("GENDER_", "") as keyof typeof Gender];
  return genderTexts[gender] ?? value;
}

function bytesText(base64: string): string {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const text = textFrom(bytes);
  if (text === undefined) return sizeText(bytes.length);
  return text.length > maxUnits ? `${text.slice(0, maxUnits)}…` : text;
}
