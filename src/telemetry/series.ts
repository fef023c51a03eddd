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
 * A map for each label, one in the other. Strings keep their hash, so nothing is hashed for a call. One
 * map, by a text of all labels, is simpler and took 0.3 µs longer for a request: 0.8 % of a call.
 */
type Tree<Count> = Map<string, Tree<Count>> | Count | undefined;

/** @param labels Their names. Without labels there is one count, from the beginning. */
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
    root = planted(root, values, count);
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

function planted<Count extends object>(
  tree: Tree<Count>,
  [value, ...rest]: readonly string[],
  count: Count,
): Tree<Count> {
  if (value === undefined) return count;
  const grown: Map<string, Tree<Count>> = tree instanceof Map ? tree : new Map();
  return grown.set(value, planted(grown.get(value), rest, count));
}

function branch<Count extends object>(tree: Tree<Count>, value: string): Tree<Count> {
  return tree instanceof Map ? tree.get(value) : undefined;
}
