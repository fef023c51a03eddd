/** Longer names get no suggestion: to compare two names takes the product of their lengths. */
const maxNameLength = 64;

/** How many letters may be wrong in a name. */
const maxEdits = 2;

/**
 * The name that was probably meant.
 *
 * @returns `undefined` if none is near: more than two letters are wrong, or half of the name.
 */
export function likelyName(written: string, names: readonly string[]): string | undefined {
  if (written.length > maxNameLength) return undefined;
  const plain = plainName(written);
  let best: string | undefined;
  let fewest = Math.min(maxEdits, Math.floor(plain.length / 2)) + 1;
  for (const name of names) {
    const edits = distance(plain, plainName(name));
    if (edits < fewest) [best, fewest] = [name, edits];
  }
  return best;
}

/** Names that differ only in case and in underscores are the same here. */
function plainName(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

/** How many letters must be inserted, removed or replaced (Levenshtein), one row of the table at a time. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [at, letter] of [...one].entries()) {
    const next = [at + 1];
    for (let to = 0; to < other.length; to += 1) {
      const replaced = (row[to] as number) + (letter === other[to] ? 0 : 1);
      next.push(Math.min(replaced, (row[to + 1] as number) + 1, (next[to] as number) + 1));
    }
    row = next;
  }
  return row[other.length] as number;
}
