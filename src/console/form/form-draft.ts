import type { Drafts } from "./drafts.ts";
import {
  differing,
  type Fields,
  nobody,
  readFields,
  type Stored,
  type Values,
} from "./form-values.ts";

/** The draft of one form: what is typed into it, if that differs from what the form was opened with. */
export interface FormDraft {
  /** The form was opened with what is stored. */
  begin(stored: Stored): void;
  /** Whether the fields say something else than what the form was opened with. */
  isTyped(): boolean;
  /** Keep what the fields say. Drops the draft if that is what the form was opened with. */
  keep(): void;
  /** What the form was opened with for a user, and what was typed into it then. */
  find(userId: string): { readonly stored: Stored; readonly typed: Values } | undefined;
  /**
   * The server is asked to store what is typed.
   *
   * @returns Called when it has, with whether the form has stayed open. Drops the draft, unless somebody has come back to
   *   it meanwhile and typed something else. Returns whether the form, if it is open, shows what was stored.
   */
  send(): (isCurrent: boolean) => boolean;
  drop(userId: string): void;
}

/** @param form The id of the form. */
export function createFormDraft(form: string, fields: Fields, drafts: Drafts): FormDraft {
  let opened = nobody;

  const isTyped = () => differing(fields, opened.values, readFields(fields)).length > 0;

  return {
    begin(stored) {
      opened = stored;
    },
    isTyped,
    keep() {
      const { userId, name, version, values: before } = opened;
      if (!isTyped()) drafts.drop(userId, form);
      else {
        const typed = readFields(fields);
        drafts.keep({ userId, name, form, version: String(version), before, typed });
      }
    },
    find(userId) {
      const draft = drafts.find(userId, form);
      if (draft === undefined) return undefined;
      const { name, version, before, typed } = draft;
      return { stored: { userId, name, version: BigInt(version), values: before }, typed };
    },
    send() {
      const { userId } = opened;
      const sent = drafts.find(userId, form)?.typed;
      return (isCurrent) => {
        const now = drafts.find(userId, form)?.typed;
        const isSame =
          sent !== undefined && now !== undefined && differing(fields, sent, now).length === 0;
        if (!isCurrent && !isSame) return false;
        drafts.drop(userId, form);
        return opened.userId === userId;
      };
    },
    drop: (userId) => drafts.drop(userId, form),
  };
}
