import type { AppendRow } from "../append-row.ts";
import type { BatchItem } from "./batch-item.ts";

/**
 * About how much an item adds to its batch, in bytes. What is short in every item is left out, and a character
 * of text counts as one byte, because nothing is measured that is not known already.
 */
export function sizeOfItem(item: BatchItem): number {
  if ("lone" in item) return item.lone[3].length;
  if ("before" in item) return 0;
  if ("joint" in item) return item.joint.reduce((size, row) => size + sizeOfRow(row), 0);
  return sizeOfRow(item);
}

function sizeOfRow({ state, receipt, events, attributes }: AppendRow): number {
  let size = state.length + (receipt?.[3].length ?? 0);
  for (const text of events) size += text.length;
  if (attributes === undefined || attributes === "remove-all") return size;
  for (const { stored } of attributes) size += stored?.value.byteLength ?? 0;
  return size;
}
