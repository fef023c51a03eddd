import type { Attribute, FoundAttributes, OutlinedAttributes } from "../attributes.ts";
import {
  attributeFromRow,
  attributeColumns as columns,
  foundFromRow,
  headOfAttributes,
  headWithAttributes,
  outlineFromRow,
} from "../sql/attribute-rows.ts";
import type { HeadWithAttributes } from "../transfer.ts";
import type { Postgres } from "./database.ts";
import { laneOf } from "./shards/shard-map.ts";

/** As `EventStore.outlineAttributes`. */
export async function readOutline<State>(
  database: Postgres,
  stream: string,
  organization: string,
): Promise<OutlinedAttributes<State> | undefined> {
  const [row] = await database.read(
    {
      name: "outline-attributes",
      text: `select ${headOfAttributes}, (
        select coalesce(json_agg(
          json_build_array(a.key, encode(a.digest, 'hex'), octet_length(a.value)) order by a.key
        ), '[]')::text
        from attributes a where a.stream = h.stream
      ) as outline from heads h where h.stream = $1 and h.organization = $2`,
      values: [stream, organization],
    },
    laneOf(database, stream),
  );
  return row && (outlineFromRow(row) as OutlinedAttributes<State>);
}

const totalOfAttributes = `(
  select json_build_array(
    count(*), coalesce(sum(octet_length(a.key) + octet_length(a.value)), 0)
  )::text from attributes a where a.stream = h.stream
)`;

/** As `EventStore.findAttributes`. */
export async function findAttributes<State>(
  database: Postgres,
  stream: string,
  organization: string,
  keys: readonly string[],
  isTotalled: boolean,
): Promise<FoundAttributes<State> | undefined> {
  const [row] = await database.read(
    {
      name: isTotalled ? "find-attributes-total" : "find-attributes",
      text: `select ${headOfAttributes}, (
        select coalesce(json_agg(
          json_build_array(a.key, encode(a.digest, 'hex'), octet_length(a.value))
        ), '[]')::text
        from attributes a where a.stream = h.stream and a.key = any ($3::text[])
      ) as outline, ${isTotalled ? totalOfAttributes : "null"} as total
      from heads h where h.stream = $1 and h.organization = $2`,
      values: [stream, organization, keys],
    },
    laneOf(database, stream),
  );
  return row && (foundFromRow(row) as FoundAttributes<State>);
}

/** As `EventStore.readAttributes`. */
export async function readAttributes(
  database: Postgres,
  stream: string,
  organization: string,
  keys: readonly string[],
): Promise<Attribute[]> {
  const rows = await database.read(
    {
      name: "attributes",
      text: `select ${columns} from attributes a
      where a.stream = $1 and a.organization = $2 and a.key = any ($3::text[]) order by a.key`,
      values: [stream, organization, keys],
    },
    laneOf(database, stream),
  );
  return rows.map(attributeFromRow);
}

/** As `Transfer.attributes`. */
export async function readWithHead<State>(
  database: Postgres,
  stream: string,
): Promise<HeadWithAttributes<State> | undefined> {
  const rows = await database.read({
    name: "all-attributes",
    text: `select ${headOfAttributes}, ${columns}
      from heads h left join attributes a on a.stream = h.stream where h.stream = $1 order by a.key`,
    values: [stream],
  });
  return headWithAttributes<State>(rows);
}
