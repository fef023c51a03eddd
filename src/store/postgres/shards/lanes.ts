/** Things that are made when they are first needed, by name; `undefined` is a name, too. */
export type Lanes<Thing> = {
  get(lane: string | undefined): Thing;
  close(): Promise<void>;
};

/** @param make Makes the thing of a lane. */
export function createLanes<Thing extends { close(): Promise<void> }>(
  make: (lane: string | undefined) => Thing,
): Lanes<Thing> {
  const things = new Map<string | undefined, Thing>();
  return {
    get(lane) {
      const known = things.get(lane);
      if (known !== undefined) return known;
      const made = make(lane);
      things.set(lane, made);
      return made;
    },

    async close() {
      await Promise.all([...things.values()].map((thing) => thing.close()));
    },
  };
}
