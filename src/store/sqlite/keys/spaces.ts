import type { DatabaseSync } from "node:sqlite";

/**
 * Numbers that stand for an organization and the name of a key, so that the rows need not repeat both.
 *
 * @returns Call it once in each transaction. A number that is new there is known only there: the
 *   transaction may be rolled back.
 */
export function createSpaces(
  db: DatabaseSync,
): () => (organization: string, name: string) => number {
  const select = db.prepare("select id from search_spaces where organization = ? and name = ?");
  const insert = db.prepare(
    "insert into search_spaces (organization, name) values (?, ?) returning id",
  );
  const stored = new Map<string, number>();
  return () => {
    const added = new Map<string, number>();
    return (organization, name) => {
      const place = `${organization}\0${name}`;
      const known = stored.get(place) ?? added.get(place);
      if (known !== undefined) return known;
      const found = select.get(organization, name);
      const id = Number((found ?? insert.get(organization, name))?.id);
      (found === undefined ? added : stored).set(place, id);
      return id;
    };
  };
}
