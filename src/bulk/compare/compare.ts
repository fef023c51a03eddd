import { type Compared, lookUpSize, type Side, type Value } from "./side.ts";

/** What was found of a person: fields that differ, or that one side does not have the person. */
export type Finding =
  | { readonly userId: string; readonly only: "here" | "there" }
  | { readonly userId: string; readonly fields: readonly FieldDifference[] };

/** A field that differs. `undefined`: that side does not have it. */
export type FieldDifference = {
  readonly name: string;
  readonly here: Value | undefined;
  readonly there: Value | undefined;
};

export type Comparison = {
  /** People whom both sides have. */
  readonly compared: number;
  readonly different: number;
  readonly onlyHere: number;
  readonly onlyThere: number;
};

/**
 * Compare the people of two sides. Holds one page of each at a time.
 *
 * @param found Told of each person who differs.
 * @param show Told how many have been looked at.
 */
export async function compareSides(
  here: Side,
  there: Side,
  found: (finding: Finding) => void,
  show: (count: number) => void = () => {},
): Promise<Comparison> {
  let [compared, different, onlyHere, onlyThere] = [0, 0, 0, 0];
  for await (const page of pagesOf(here)) {
    const others = await there.byIds(page.map(({ userId }) => userId));
    for (const person of page) {
      const other = others.get(person.userId);
      const fields = other === undefined ? [] : fieldDifferences(person, other);
      if (other === undefined) {
        onlyHere += 1;
        found({ userId: person.userId, only: "here" });
      } else {
        compared += 1;
        if (fields.length > 0) different += 1;
        if (fields.length > 0) found({ userId: person.userId, fields });
      }
    }
    show(compared + onlyHere);
  }
  if ((await there.count()) === compared) return { compared, different, onlyHere, onlyThere };
  for await (const page of pagesOf(there)) {
    const others = await here.byIds(page.map(({ userId }) => userId));
    for (const { userId } of page) {
      if (others.has(userId)) continue;
      onlyThere += 1;
      found({ userId, only: "there" });
    }
  }
  return { compared, different, onlyHere, onlyThere };
}

/** In pages that are not larger than what is looked up at once. */
async function* pagesOf(side: Side): AsyncGenerator<readonly Compared[]> {
  for await (const page of side.pages()) {
    for (let at = 0; at < page.length; at += lookUpSize) yield page.slice(at, at + lookUpSize);
  }
}

function fieldDifferences(here: Compared, there: Compared): FieldDifference[] {
  const names = new Set([...Object.keys(here.fields), ...Object.keys(there.fields)]);
  return [...names].flatMap((name) => {
    const [mine, other] = [here.fields[name], there.fields[name]];
    return mine === other ? [] : [{ name: shown(name), here: shown(mine), there: shown(other) }];
  });
}

/** A longer text is cut where it is shown, in characters. */
const maxShown = 1_000;

/** A value as it is shown. */
function shown<Shown extends Value | undefined>(value: Shown): Shown | string {
  if (typeof value !== "string" || value.length <= maxShown) return value;
  return `${value.slice(0, maxShown)}…`;
}
