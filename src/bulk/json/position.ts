/** Where a reader is in a document. */
export type Position = {
  /** The path of the value that comes next: names of members, and `*` for an element of a list. */
  pathOfNext(name: string): readonly string[];
  enter(path: readonly string[], isList: boolean): void;
  /** @returns Whether the innermost container is of that kind. It is left. */
  leave(isList: boolean): boolean;
  /** A value is over, and the next one has the next place. */
  endValue(): void;
  isInList(): boolean;
  /** Containers around. */
  depth(): number;
  /** The place in each list around, from 0. */
  places(): number[];
};

type Frame = { readonly path: readonly string[]; readonly isList: boolean; elements: number };

export function createPosition(): Position {
  const frames: Frame[] = [];
  return {
    pathOfNext(name) {
      const frame = frames.at(-1);
      return frame === undefined ? [] : [...frame.path, frame.isList ? "*" : name];
    },
    enter: (path, isList) => void frames.push({ path, isList, elements: 0 }),
    leave: (isList) => frames.pop()?.isList === isList,
    endValue() {
      const frame = frames.at(-1);
      if (frame !== undefined) frame.elements += 1;
    },
    isInList: () => frames.at(-1)?.isList === true,
    depth: () => frames.length,
    places: () => frames.flatMap(({ isList, elements }) => (isList ? [elements] : [])),
  };
}
