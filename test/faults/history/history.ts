/** What clients have seen, and what the store holds in the end. A checker needs no more. */
export type History = {
  readonly operations: readonly Operation[];
  readonly users: readonly StoredUser[];
};

/** One call as its client saw it. All clients share one clock. */
export type Operation = {
  /** Such as "update over gRPC", for people. */
  readonly name: string;
  readonly user: string;
  readonly kind: "update" | "read";
  /** Monotonic, in milliseconds. */
  readonly begunAt: number;
  /** Has no meaning if the outcome is unknown. */
  readonly endedAt: number;
  /** What it asked for, or what it saw; as `profileText` writes it. */
  readonly profile: string;
  readonly outcome: Outcome;
};

/**
 * How a call ended.
 *
 * - "done": stored, or read, with what the answer told about it.
 * - "unchanged": an update that was refused because the profile was the one asked for.
 * - "refused": not stored. A read that was refused is not recorded at all.
 * - "unknown": stored by now, or later, or never: a broken connection, a passed deadline, an outcome left open.
 */
export type Outcome =
  | ({ readonly kind: "done" } & Version)
  | { readonly kind: "unchanged" | "refused" | "unknown" };

/** What every answer tells about the state of the user. */
export type Version = {
  readonly sequence: number;
  /** As a text that sorts like the date. */
  readonly changeDate: string;
  readonly owner: string;
};

/** A user in the store. */
export type StoredUser = {
  readonly user: string;
  /** In the order of the store, each with the profile that the events up to it fold to. */
  readonly events: readonly (Version & { readonly profile: string })[];
  /** The head of the user in the store, which is read without the events. */
  readonly head: Version & { readonly profile: string };
};

const fields = [
  "firstName",
  "lastName",
  "nickName",
  "displayName",
  "preferredLanguage",
  "gender",
] as const;

export type Profile = Readonly<Record<(typeof fields)[number], string>>;

/** The six fields in one text; a field that is left out is empty. */
export function profileText(profile: Partial<Record<keyof Profile, unknown>>): string {
  return JSON.stringify(fields.map((field) => String(profile[field] ?? "")));
}

const languages = ["en", "de", "fr", "it", "es"];
const genders = ["GENDER_FEMALE", "GENDER_MALE", "GENDER_DIVERSE"];

/** A profile in which every field holds this number, so that a mixture of two profiles is noticed. */
export function profileOfNumber(number: number): Profile {
  return {
    firstName: `first ${number}`,
    lastName: `last ${number}`,
    nickName: `nick ${number}`,
    displayName: `display ${number}`,
    preferredLanguage: languages[number % languages.length] ?? "",
    gender: genders[number % genders.length] ?? "",
  };
}

/** @param date As RFC 3339 has it, in UTC. */
export function sortableDate(date: string): string {
  return date.replace(/(?:\.(\d+))?Z$/, (_, digits = "") => `.${digits.padEnd(9, "0")}Z`);
}
