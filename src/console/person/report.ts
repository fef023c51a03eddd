import type { User } from "../../../gen/zitadel/user_pb.ts";
import { numberText } from "../wording.ts";
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
  /** The server has removed a user. The page asks for the user again, and says so instead of showing them. */
  removed(userId: string, text: string): Promise<void>;
}

/** What the server answers to a change, as far as it is shown. */
export type Answer = { readonly details?: { readonly sequence: bigint } | undefined };

/** The text for a change that the server has stored. */
export function storedText({ details }: Answer, what = "Saved"): string {
  return `${what} as version ${numberText(details?.sequence ?? 0n)}.`;
}
