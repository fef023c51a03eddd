import fc from "fast-check";
import type { Update, World } from "./model.ts";

/** A call to make, before it is known what has happened so far. */
export type Wish =
  | { readonly kind: "read"; readonly user: string }
  | {
      readonly kind: "update";
      readonly user: string;
      readonly number: number;
      /** Added to the version before the step: the version in `if-match`. */
      readonly ahead: number | undefined;
      readonly key: Key | undefined;
    };

type Key = {
  readonly place: number;
  /** Take the update that belongs to this key, if there is one. */
  readonly isRepeat: boolean;
  /** Leave so many attempts without waiting for their answer: after how long, in milliseconds. */
  readonly lostAfterMs: readonly number[];
};

/** A call to make. */
export type Planned =
  | { readonly kind: "read"; readonly user: string }
  | {
      readonly kind: "update";
      readonly update: Update;
      readonly key: string | undefined;
      readonly lostAfterMs: readonly number[];
    };

/** The users of a history. */
export const people = ["one", "two"];

/** Keys of one history. Few, so that they are often used again. */
const keyCount = 4;

const user = fc.constantFrom("one", "one", ...people);

const key: fc.Arbitrary<Key> = fc.record({
  place: fc.nat(keyCount - 1),
  isRepeat: fc.constantFrom(true, true, true, false),
  lostAfterMs: fc.oneof(
    fc.constant([]),
    fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 2 }),
  ),
});

/** Some calls at once. */
export const wishes: fc.Arbitrary<Wish[]> = fc.array(
  fc.oneof(
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("read" as const), user }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("update" as const),
        user,
        number: fc.nat(3),
        ahead: fc.constantFrom(undefined, undefined, 0, 0, 1, -1),
        key: fc.option(key, { nil: undefined }),
      }),
    },
  ),
  { minLength: 1, maxLength: 6 },
);

/** What the calls of a step are, after what has happened so far. */
export function planned({ users, keys }: World, step: readonly Wish[]): Planned[] {
  const updates = new Map([...keys].map(([name, { update }]) => [name, update]));
  return step.map((wish) => {
    if (wish.kind === "read") return wish;
    const { user, number, ahead, key } = wish;
    const name = key && `key ${key.place}`;
    const version = users.get(user)?.sequence ?? 0;
    const own = { user, number, expected: ahead === undefined ? undefined : version + ahead };
    const known = name === undefined ? undefined : updates.get(name);
    const update = key?.isRepeat && known ? known : own;
    if (name !== undefined && known === undefined) updates.set(name, update);
    return { kind: "update", update, key: name, lostAfterMs: key?.lostAfterMs ?? [] };
  });
}
