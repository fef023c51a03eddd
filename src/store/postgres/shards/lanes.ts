/** Things that are made when they are first needed, by name; `undefined` is a name, too. */
export type Lanes<Thing> = {
  get(lane: string | undefined): Thing;
  /** Those that were made and whose names are so. */
  some(isSo: (lane: string) => boolean): Thing[];
  /** Close all whose names are not so, and forget them. */
  keep(isSo: (lane: string) => boolean): void;
  close(): Promise<void>;
};

/** @param make Makes the thing of a lane. */
export function createLanes<Thing extends { close(): Promise<void> }>(
  make: (lane: string | undefined) => Thing,
): Lanes<Thing> {
  const things = new Map<string | undefined, Thing>();
  const closing = new Set<Promise<void>>();
  let isClosed = false;
  return {
    get(lane) {
      const known = things.get(lane);
      if (known !== undefined) return known;
      const made = make(lane);
      things.set(lane, made);
      // Whoever comes late must find it closed, not open for ever.
      if (isClosed) void made.close();
      return made;
    },

    some: (isSo) =>
      [...things].flatMap(([lane, thing]) => (lane !== undefined && isSo(lane) ? thing : [])),

    keep(isSo) {
      for (const [lane, thing] of things) {
        if (lane === undefined || isSo(lane)) continue;
        things.delete(lane);
        const closed = thing.close().finally(() => closing.delete(closed));
        closing.add(closed);
      }
    },

    async close() {
      isClosed = true;
      await Promise.all(closing);
      await Promise.all([...things.values()].map((thing) => thing.close()));
    },
  };
}
