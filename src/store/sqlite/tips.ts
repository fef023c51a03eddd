import type { DatabaseSync } from "node:sqlite";
import type { Tip } from "../change/append.ts";
import { stateFromText } from "../change/usual-members.ts";
import { withStoreErrors } from "./sqlite-error.ts";

/** A row, as a list: that takes half the time that an object with names takes. */
type TipRow = readonly [
  place: number,
  change: string,
  organization: string,
  version: number,
  createdAt: number,
  changedAt: number,
  state: string,
  id: number,
  position: number | null,
];

/** Prepare to read the tips of many streams, in one statement and thus at one moment. */
export function createTipReader(
  db: DatabaseSync,
): (streams: readonly string[]) => (Tip | undefined)[] {
  const select = db.prepare(
    `select wanted.key, change, organization, version, created_at, changed_at, state,
       heads.rowid, position
     from json_each(?) as wanted cross join heads on stream = wanted.value`,
  );
  select.setReturnArrays(true);
  return (streams) => {
    const rows = withStoreErrors(() => select.all(JSON.stringify(streams)));
    const tips: (Tip | undefined)[] = streams.map(() => undefined);
    for (const row of rows as unknown as TipRow[]) tips[row[0]] = tipFromRow(row);
    return tips;
  };
}

function tipFromRow(found: TipRow): Tip {
  const [, change, organization, version, createdAt, changedAt, state, id, position] = found;
  return {
    head: { version, organization, createdAt, changedAt, state: stateFromText(state) },
    change,
    row: [id, position],
  };
}
