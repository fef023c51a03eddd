/** A value of a person, as it is compared and shown. */
export type Value = string | number | boolean;

/** A person, with what is compared by name. */
export type Compared = {
  readonly userId: string;
  readonly fields: Readonly<Record<string, Value>>;
};

/** What is compared beside the profile, the account and the state. */
export type Depth = {
  /** Sequence, creation date and date of the last change. */
  readonly withDetails: boolean;
  readonly withMetadata: boolean;
};

/** One of two places where people are. */
export type Side = {
  /** Everybody, page by page. */
  pages(): AsyncGenerator<readonly Compared[]>;
  /** Those of the people who are there, by id. */
  byIds(ids: readonly string[]): Promise<ReadonlyMap<string, Compared>>;
  /** How many people are there; `undefined`: only by walking through all pages. */
  count(): Promise<number | undefined>;
};

/** People who are looked up at once. */
export const lookUpSize = 100;
