/** The counts of one metric, by the values of its labels. */
export type Series<Count> = {
  /**
   * The count of these values. It is created at the first call and kept for ever, so values must come
   * from small sets that the server chooses, never from what a caller sends.
   *
   * @param values In the order of the labels.
   */
  at(...values: readonly string[]): Count;
  all(): readonly { readonly labels: Readonly<Record<string, string>>; readonly count: Count }[];
};

/**
 * A map for each label, nested. A string keeps its hash, so no value is hashed again for a call. One map
 * whose key is a text of all labels would be simpler, but took 0.3 µs longer for a request: 0.8 % of a call.
 */
type Tree<Count> = Map<string, Tree<Count>> | Count | undefined;

/** @param labels The names of the labels. Without labels there is one count, which exists from the beginning. */
export function createSeries<Count extends object>(
  labels: readonly string[],
  create: () => Count,
): Series<Count> {
  const all: { readonly labels: Record<string, string>; readonly count: Count }[] = [];
  let root: Tree<Count>;
  const make = (values: readonly string[]): Count => {
    const count = create();
    const named = labels.map((label, place) => [label, values[place]] as const);
    all.push({ labels: Object.fromEntries(named) as Record<string, string>, count });
    root = withCount(root, values, count);
    return count;
  };
  if (labels.length === 0) make([]);

  return {
    at(...values) {
      let found = root;
      for (const value of values) found = branch(found, value);
      return (found as Count | undefined) ?? make(values);
    },
    all: () => all,
  };
}

function withCount<Count extends object>(
  tree: Tree<Count>,
  [value, ...rest]: readonly string[],
  count: Count,
): Tree<Count> {
  if (value === undefined) return count;
  const branches: Map<string, Tree<Count>> = tree instanceof Map ? tree : new Map();
  return branches.set(value, withCount(branches.get(value), rest, count));
}

function branch<Count extends object>(tree: Tree<Count>, value: string): Tree<Count> {
  return tree instanceof Map ? tree.get(value) : undefined;
}
