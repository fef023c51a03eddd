/** Parts of one batch that are in flight at once, so that the calls of others wait no longer than for a few. */
const maxInFlight = 32;

/**
 * Run work for each item, a few at a time.
 *
 * @returns The results, in the order of the items.
 * @throws The signal's reason, once it is aborted; what the work throws. Work that has begun goes on.
 */
export async function sideBySide<Item, Result>(
  items: readonly Item[],
  work: (item: Item, place: number) => Promise<Result>,
  signal: AbortSignal,
): Promise<Result[]> {
  const results: Result[] = [];
  const places = items.entries();
  const runner = async () => {
    for (const [place, item] of places) {
      signal.throwIfAborted();
      results[place] = await work(item, place);
    }
  };
  await Promise.all(Array.from({ length: maxInFlight }, runner));
  return results;
}
