import { type HistoryRange, noVersion } from "../events.ts";
import { eventColumns, outlinedEventColumns } from "../sql/rows.ts";
import type { Postgres } from "./database.ts";
import { laneOf } from "./shards/shard-map.ts";

const historyColumns = { history: eventColumns, "history-outline": outlinedEventColumns } as const;

/** Events of one stream, as rows with the columns that are asked for. */
export function readHistory(
  database: Postgres,
  what: keyof typeof historyColumns,
  stream: string,
  organization: string,
  { after, before = noVersion, limit, maxBytes, ascending }: HistoryRange,
) {
  const order = ascending ? "asc" : "desc";
  const values = [stream, organization, after, before, limit];
  const found = `from events
      where stream = $1 and exists (select 1 from heads where stream = $1 and organization = $2)
      and version > $3::bigint and version < $4::bigint order by version ${order} limit $5::bigint`;
  const name = `${what}-${order}`;
  const columns = historyColumns[what];
  const lane = laneOf(database, stream);
  if (maxBytes === undefined) {
    return database.read({ name, text: `select ${columns} ${found}`, values }, lane);
  }
  // The length of a long value is known without reading it.
  return database.read(
    {
      name: `${name}-bounded`,
      text: `select ${columns} from (
        select *, sum(octet_length(data)) over (order by version ${order}) - octet_length(data) as ahead
        from (select * ${found}) as found
      ) as measured where ahead < $6::bigint order by version ${order}`,
      values: [...values, maxBytes],
    },
    lane,
  );
}
