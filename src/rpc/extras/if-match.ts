import { ServiceError } from "../../domain/errors.ts";

/** What the version of a user must be, so that a change happens. */
export type Condition =
  /** Nothing was sent, and nothing has to be. */
  | { readonly kind: "none" }
  /** Nothing was sent, although the server wants a condition for every change of a user. */
  | { readonly kind: "required" }
  /** `*`: any version will do. */
  | { readonly kind: "any" }
  | { readonly kind: "tags"; readonly tags: readonly Tag[] };

/** An entity tag of HTTP (RFC 9110 section 8.8.3). */
export type Tag = {
  /** What is between the quotes. */
  readonly opaque: string;
  /** `W/` stands before it. Such a tag never matches, because If-Match compares strongly. */
  readonly isWeak: boolean;
};

/** A list of this length holds a dozen of our tags. Errors repeat it, so it must be short. */
export const maxIfMatchLength = 256;

/** One tag with the commas and blanks before it. The quotes of a number may be left out. */
const tagOfList = /[ \t,]*(?:(W\/)?"([!#-~\x80-\xff]*)"|([0-9]+))[ \t]*(?=,|$)/gy;

/**
 * Read the header `if-match`: `*`, or a list of entity tags.
 *
 * @param header `null` if it was not sent.
 * @param otherwise What counts then.
 * @throws ServiceError `ifMatchInvalid`: a condition that cannot be read must not be ignored.
 */
export function conditionFrom(header: string | null, otherwise: Condition): Condition {
  if (header === null) return otherwise;
  if (header === "*") return { kind: "any" };
  const tags = header.length > maxIfMatchLength ? undefined : tagsFrom(header);
  if (tags === undefined) throw new ServiceError("ifMatchInvalid");
  return { kind: "tags", tags };
}

/** @returns `undefined` if the text is no list of at least one tag. */
function tagsFrom(list: string): readonly Tag[] | undefined {
  const found = [...list.matchAll(tagOfList)];
  const last = found.at(-1);
  if (last === undefined) return undefined;
  const rest = list.slice(last.index + last[0].length);
  if (/[^ \t,]/.test(rest)) return undefined;
  return found.map(([, weak, quoted, bare]) => ({
    opaque: quoted ?? bare ?? "",
    isWeak: weak !== undefined,
  }));
}

/**
 * Refuse a change of a user who has another version than the caller expects.
 *
 * @param version 0 for a user who is about to be added: no tag matches, and neither does `*`.
 * @throws ServiceError `ifMatchRequired`, `versionMismatch`.
 */
export function assertVersion(condition: Condition, version: number): void {
  switch (condition.kind) {
    case "none":
      return;
    case "required":
      if (version > 0) throw new ServiceError("ifMatchRequired");
      return;
    case "any":
      if (version === 0) throw mismatch("*", version);
      return;
    case "tags":
      assertListed(condition.tags, version);
  }
}

function assertListed(tags: readonly Tag[], version: number): void {
  const named = version === 0 ? [] : tags.filter(({ opaque }) => opaque === String(version));
  if (named.some(({ isWeak }) => !isWeak)) return;
  const expected = tags.map(({ opaque, isWeak }) => (isWeak ? `W/"${opaque}"` : opaque)).join(", ");
  throw mismatch(expected, version, named.length > 0);
}

/** @param isWeak The version is the one that is expected, but the tag is weak. */
function mismatch(expected: string, version: number, isWeak = false): ServiceError {
  const message = isWeak ? "Errors.User.VersionTagWeak" : undefined;
  const values = { expected, current: String(version) };
  return new ServiceError("versionMismatch", { ...(message && { message }), values });
}
