import type { Values } from "./form-values.ts";

/** What somebody has typed into a form and not saved. */
export type Draft = {
  readonly userId: string;
  /** Of the user, for people. */
  readonly name: string;
  /** The id of the form. */
  readonly form: string;
  /** The version of the user that the form was opened with, and what it said then. */
  readonly version: string;
  readonly before: Values;
  readonly typed: Values;
};

/** Unsaved input of this tab, by user and form. */
export interface Drafts {
  find(userId: string, form: string): Draft | undefined;
  /** Each user with unsaved input once. */
  people(): readonly Pick<Draft, "userId" | "name">[];
  keep(draft: Draft): void;
  drop(userId: string, form: string): void;
  /** Drop all input for a user. */
  forget(userId: string): void;
  /** Drop everything. */
  clear(): void;
}

const key = "giraffe.drafts";

/**
 * Drafts outlive a reload and a new sign-in, because they are kept in the storage of the tab. What does not fit
 * there, because a browser gives it some megabytes only, is kept until the page is left.
 *
 * @param onChange Called when there is another draft, or one less.
 */
export function createDrafts(storage: Storage, onChange: () => void): Drafts {
  let drafts = readDrafts(storage);

  function set(next: readonly Draft[]): void {
    const isOther = next.length !== drafts.length;
    drafts = next;
    try {
      if (next.length === 0) storage.removeItem(key);
      else storage.setItem(key, JSON.stringify(next));
    } catch {
      // The storage is full. The page still asks before it is left.
    }
    if (isOther) onChange();
  }

  const without = (userId: string, form: string) =>
    drafts.filter((draft) => draft.userId !== userId || draft.form !== form);

  return {
    find: (userId, form) => drafts.find((each) => each.userId === userId && each.form === form),
    people: () => [
      ...new Map(drafts.map(({ userId, name }) => [userId, { userId, name }])).values(),
    ],
    keep: (draft) => set([...without(draft.userId, draft.form), draft]),
    drop: (userId, form) => set(without(userId, form)),
    forget: (userId) => set(drafts.filter((draft) => draft.userId !== userId)),
    clear: () => set([]),
  };
}

/** What this page has written there; nothing if it cannot be read. */
function readDrafts(storage: Storage): readonly Draft[] {
  try {
    return JSON.parse(storage.getItem(key) ?? "[]") as readonly Draft[];
  } catch {
    return [];
  }
}
