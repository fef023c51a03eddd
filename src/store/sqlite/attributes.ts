import type { DatabaseSync } from "node:sqlite";
import type { Attribute, FoundAttributes, OutlinedAttributes } from "../attributes.ts";
import type { AppendRow } from "../change/append-row.ts";
import type { AttributeRow } from "../change/attribute-rows.ts";
import {
  attributeColumns,
  attributeFromRow,
  foundFromRow,
  headOfAttributes,
  headWithAttributes,
  outlineFromRow,
} from "../sql/attribute-rows.ts";
import type { HeadWithAttributes } from "../transfer.ts";

/** Prepare to write the attributes of appends, those of one stream in order. */
export function createAttributeWriter(db: DatabaseSync): (rows: readonly AppendRow[]) => void {
  const set = db.prepare(
    `insert into attributes
       (stream, key, organization, version, created_at, changed_at, digest, value)
     values (?, ?, ?, ?, ?, ?, ?, ?)
     on conflict (stream, key) do update set version = excluded.version,
       changed_at = excluded.changed_at, digest = excluded.digest, value = excluded.value`,
  );
  const remove = db.prepare("delete from attributes where stream = ? and key = ?");
  const removeAll = db.prepare("delete from attributes where stream = ?");

  function write({ stream, organization, changedAt: at }: AppendRow, row: AttributeRow): void {
    const { key, version, stored, dates = { createdAt: at, changedAt: at } } = row;
    if (stored === undefined) return void remove.run(stream, key);
    const { createdAt, changedAt } = dates;
    const of = [stream, key, organization, version, createdAt, changedAt] as const;
    set.run(...of, stored.digest, stored.value);
  }

  return (rows) => {
    for (const row of rows) {
      if (row.attributes === "remove-all") removeAll.run(row.stream);
      else for (const each of row.attributes ?? []) write(row, each);
    }
  };
}

/** Prepare to read attributes. Each reading is one statement, so it sees one moment. */
export function createAttributeReader(db: DatabaseSync): {
  outline(stream: string, organization: string): OutlinedAttributes<unknown> | undefined;
  find(
    stream: string,
    organization: string,
    keys: readonly string[],
    isTotalled: boolean,
  ): FoundAttributes<unknown> | undefined;
  read(stream: string, organization: string, keys: readonly string[]): Attribute[];
  withHead<State>(stream: string): HeadWithAttributes<State> | undefined;
} {
  const selectOutline = db.prepare(
    `select ${headOfAttributes}, (
       select json_group_array(json_array(a.key, lower(hex(a.digest)), length(a.value)) order by a.key)
       from attributes a where a.stream = h.stream
     ) as outline from heads h where h.stream = ? and h.organization = ?`,
  );
  // The lengths are in the first page of a row, so long keys and values are not read.
  const selectFound = db.prepare(
    `select ${headOfAttributes}, (
       select json_group_array(json_array(a.key, lower(hex(a.digest)), length(a.value)))
       from attributes a
       where a.stream = h.stream and a.key in (select value from json_each(?))
     ) as outline, case when ? then (
       select json_array(count(*), coalesce(sum(octet_length(a.key) + length(a.value)), 0))
       from attributes a where a.stream = h.stream
     ) end as total from heads h where h.stream = ? and h.organization = ?`,
  );
  const selectSome = db.prepare(
    `select ${attributeColumns} from attributes a
     where a.stream = ? and a.organization = ? and a.key in (select value from json_each(?))
     order by a.key`,
  );
  const selectAll = db.prepare(
    `select ${headOfAttributes}, ${attributeColumns}
     from heads h left join attributes a on a.stream = h.stream where h.stream = ? order by a.key`,
  );
  return {
    outline(stream, organization) {
      const row = selectOutline.get(stream, organization);
      return row && outlineFromRow(row);
    },
    find(stream, organization, keys, isTotalled) {
      const values = [JSON.stringify(keys), Number(isTotalled), stream, organization];
      const row = selectFound.get(...values);
      return row && foundFromRow(row);
    },
    read(stream, organization, keys) {
      const rows = selectSome.all(stream, organization, JSON.stringify(keys));
      return rows.map(attributeFromRow);
    },
    withHead: <State>(stream: string) => headWithAttributes<State>(selectAll.all(stream)),
  };
}
