/** Counts what an import or an export does not take, by kind. */
export type Losses = {
  /** @param kind In plain words and in the plural, such as "password hashes". */
  add(kind: string, count?: number): void;
  /** Begin again. */
  clear(): void;
  /** By kind, in the order in which they were met. */
  counts(): Readonly<Record<string, number>>;
};

/** Kinds that are told apart; what is met after that is counted together. */
const maxKinds = 200;
const otherKinds = "other things";

export function createLosses(): Losses {
  const counts = new Map<string, number>();
  return {
    add(kind, count = 1) {
      if (count === 0) return;
      const name = counts.has(kind) || counts.size < maxKinds ? kind : otherKinds;
      counts.set(name, (counts.get(name) ?? 0) + count);
    },
    clear: () => counts.clear(),
    counts: () => Object.fromEntries(counts),
  };
}

/** For people, such as `not taken: 12 password hashes, 3 links to identity providers`; `undefined`: nothing. */
export function wordsOfLosses(counts: Readonly<Record<string, number>>): string | undefined {
  const words = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
  return words.length === 0 ? undefined : `not taken: ${words.join(", ")}`;
}
