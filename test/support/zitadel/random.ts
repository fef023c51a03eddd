/** Numbers that look random and are the same for the same seed: Marsaglia's xorshift. */
export type Random = {
  /** A number from 0 to `below`, which it never is. */
  below(below: number): number;
  pick<Item>(items: readonly Item[]): Item;
};

export function createRandom(seed: number): Random {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  for (let turn = 0; turn < 8; turn += 1) next();
  const below = (limit: number) => next() % limit;
  return {
    below,
    pick<Item>(items: readonly Item[]): Item {
      return items[below(items.length)] as Item;
    },
  };
}
