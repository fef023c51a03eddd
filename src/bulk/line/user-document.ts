import type { HumanState } from "../../domain/human-state.ts";
import type { Attribute } from "../../store/attributes.ts";
import type { Head } from "../../store/event-store.ts";
import type { UserLines } from "./user-line.ts";

/** A user as `giraffe user get` shows it: the fields of a line of `export`, version and dates. */
export type UserDocument = {
  readonly userId: string;
  readonly organization: string;
  readonly state: string;
  readonly userName: string;
  readonly profile: { readonly displayName?: string } & Readonly<Record<string, string>>;
  readonly email: { readonly email: string; readonly isEmailVerified?: boolean };
  readonly phone?: { readonly phone: string; readonly isPhoneVerified?: boolean };
  readonly metadata?: readonly { readonly key: string; readonly value: string }[];
  readonly sequence: number;
  readonly creationDate: string;
  readonly changeDate: string;
};

/**
 * @param attributes Left out of the document if there are none.
 * @returns `undefined` for a user that was removed.
 */
export function userDocument(
  { write }: Pick<UserLines, "write">,
  userId: string,
  { organization, state, version, createdAt, changedAt }: Head<HumanState>,
  attributes: readonly Attribute[],
): UserDocument | undefined {
  const line = write(userId, organization, state, attributes);
  if (line === undefined) return undefined;
  const { verbatim: _, ...fields } = JSON.parse(line);
  return {
    ...fields,
    sequence: version,
    creationDate: new Date(createdAt / 1_000).toISOString(),
    changeDate: new Date(changedAt / 1_000).toISOString(),
  };
}
