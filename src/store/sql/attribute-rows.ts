import type {
  Attribute,
  AttributeOutline,
  FoundAttributes,
  OutlinedAttributes,
} from "../attributes.ts";
import type { HeadWithAttributes } from "../transfer.ts";
import { headFromRow, type Row } from "./rows.ts";

/** The columns that `attributeFromRow` reads, of the table `attributes` as `a`. */
export const attributeColumns = `a.key, a.version as key_version, a.created_at as key_created_at,
  a.changed_at as key_changed_at, a.value`;

/** The columns of a head, of the table `heads` as `h`. */
export const headOfAttributes = "h.organization, h.version, h.created_at, h.changed_at, h.state";

export function attributeFromRow(row: Row): Attribute {
  return {
    key: String(row.key),
    value: row.value as Uint8Array,
    version: Number(row.key_version),
    createdAt: Number(row.key_created_at),
    changedAt: Number(row.key_changed_at),
  };
}

type OutlineItem = readonly [key: string, digest: string, bytes: number];

/** @param row A head, and `outline`: JSON, for each attribute its key, its digest and its number of bytes. */
export function outlineFromRow(row: Row): OutlinedAttributes<unknown> {
  const items: OutlineItem[] = JSON.parse(String(row.outline));
  const attributes = items.map(
    ([key, digest, bytes]): AttributeOutline => ({ key, digest, bytes }),
  );
  return { head: headFromRow(row), attributes };
}

/** @param row As `outlineFromRow` takes it, and `total`: JSON, the number of all attributes and their bytes, or null. */
export function foundFromRow(row: Row): FoundAttributes<unknown> {
  if (row.total === null) return { ...outlineFromRow(row), total: undefined };
  const [count, bytes]: readonly [number, number] = JSON.parse(String(row.total));
  return { ...outlineFromRow(row), total: { count, bytes } };
}

/**
 * A head with all its attributes.
 *
 * @param rows One for each attribute, each with the columns of the head; or one without an attribute.
 */
export function headWithAttributes<State>(
  rows: readonly Row[],
): HeadWithAttributes<State> | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const attributes = rows.flatMap((row) => (row.key === null ? [] : [attributeFromRow(row)]));
  return { head: headFromRow(first) as HeadWithAttributes<State>["head"], attributes };
}
