import type { Append } from "../change/append.ts";
import { type AppendRow, rowFromAppend } from "../change/append-row.ts";
import type { KeysOf } from "../event-store.ts";
import type { UniqueKeysOf } from "../sql/unique-keys.ts";

/**
 * A row that also tells which unique keys the stream has before. An engine that distributes keys by their names
 * finds them by these names alone.
 */
export function rowWithHeldKeys(
  append: Append,
  keysOf: KeysOf<unknown>,
  uniqueKeysOf: UniqueKeysOf<unknown>,
): AppendRow {
  const row = rowFromAppend(append, keysOf);
  if (append.uniqueKeys === undefined) return row;
  const heldKeys = append.before === undefined ? [] : uniqueKeysOf(append.before.state);
  return heldKeys === undefined ? row : { ...row, heldKeys };
}
