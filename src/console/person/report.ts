import type { User } from "../../../gen/zitadel/user_pb.ts";
import type { Api } from "../api.ts";
import type { Sentence } from "../dom.ts";
import type { Drafts } from "../form/drafts.ts";
import type { Stored, Values } from "../form/form-values.ts";
import type { Question } from "../question.ts";
import { numberText, personName } from "../wording.ts";
import type { Attempt } from "./attempt.ts";
import type { Permissions } from "./permissions.ts";

/** A part of a person's page that shows something and changes it. */
export interface Card {
  /**
   * Show what the server has stored, with the buttons that may be used. A form that is open stays so.
   *
   * @param signal Aborted when somebody else is to be shown.
   * @returns When everything is shown. Never rejects.
   */
  show(user: User, permissions: Permissions, signal: AbortSignal): Promise<void> | void;
  /** Close every form, because somebody else will be shown. */
  reset(): void;
}

/** What the parts of a person's page work with. */
export type Tools = {
  readonly api: Api;
  readonly report: Report;
  readonly attempt: Attempt;
  readonly question: Question;
  readonly drafts: Drafts;
};

/** What the parts of a person's page tell each other about changes. */
export interface Report {
  /** A change begins: what the page has said about earlier ones is cleared. */
  begin(): void;
  /**
   * The server has stored a change of a user. The page reads the user again, and only then says so.
   *
   * @param userId Whom the change was made on. If the page shows somebody else by now, it says nothing.
   * @param where The live region that gets the text.
   * @returns Whether the user is shown again, so that the focus can be put where it belongs.
   */
  stored(userId: string, where: HTMLElement, text: string): Promise<boolean>;
  /**
   * A button was pressed for a version of a user that is not the latest any more, so nothing was changed. The page
   * reads the user again, and says so.
   *
   * @param notice The element that gets the text.
   */
  outdated(userId: string, notice: HTMLElement): Promise<void>;
  /** The server has removed a user. The page asks for the user again, and says so instead of showing them. */
  removed(userId: string, text: Sentence): Promise<void>;
}

/** What the server answers to a change, as far as it is shown. */
export type Answer = { readonly details?: { readonly sequence: bigint } | undefined };

/** The text for a change that the server has stored. */
export function storedText({ details }: Answer, what = "Saved"): string {
  return `${what} as version ${numberText(details?.sequence ?? 0n)}.`;
}

/** The version of a user, as changes name it. */
export function versionOf({ details }: User): bigint {
  return details?.sequence ?? 0n;
}

/** What a form edits of a user. */
export function storedFrom(user: User, values: Values): Stored {
  return { userId: user.id, name: personName(user), version: versionOf(user), values };
}

/**
 * A user as it is now.
 *
 * @throws ConnectError if there is none any more, or the server does not answer.
 */
export async function readUser(api: Api, id: string): Promise<User> {
  const { user } = await api.getUserByID({ id });
  if (user === undefined) throw new Error("an answer without a user");
  return user;
}
