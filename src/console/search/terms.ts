/** Who may be looked for. */
export const kinds = ["people", "service-accounts"] as const;
export type Kind = (typeof kinds)[number];

/** In which state; empty for any. */
export const states = ["", "active", "inactive", "locked"] as const;
export type State = (typeof states)[number];

/** Whom somebody looks for. */
export type Terms = {
  /** Words in any order, each of which must be found; empty for everybody. */
  readonly text: string;
  readonly kind: Kind;
  readonly state: State;
};

export const noTerms: Terms = { text: "", kind: "people", state: "" };

/** More words are not looked at: the server refuses a search with too many comparisons. */
const maxWords = 12;

/** The words of a text, as they were typed. */
export function wordsOf({ text }: Terms): readonly string[] {
  return text
    .split(/\s+/)
    .filter((word) => word !== "")
    .slice(0, maxWords);
}
