import { lowerCase } from "../../text/lower-case.ts";
import type { SearchKeys } from "../search.ts";
import { hasRow } from "./head-keys.ts";

/**
 * A change of one search key of a stream. It is a tuple because millions of them are sent between threads,
 * and the names of fields would take more space than their values.
 */
export type KeyChange = readonly [
  name: string,
  /** The old text in lower case; `undefined`: there was none. */
  from: string | undefined,
  /** The new text in lower case; `undefined`: there is none any more. */
  to: string | undefined,
  /** The new text as given; `null`: it is in lower case. */
  text: string | null,
];

/**
 * The changes of the index that belong to the change of a head. A key that stays the same has none, and neither
 * has one without a row.
 *
 * @param old Of the head before; `undefined`: it was new, or not found by searches.
 */
export function keyChanges(old: SearchKeys | undefined, next: SearchKeys | undefined): KeyChange[] {
  const changes: KeyChange[] = [];
  for (const name in old) addChange(changes, name, old, next);
  for (const name in next) {
    if (old === undefined || !(name in old)) addChange(changes, name, old, next);
  }
  return changes;
}

/** The changes that bring some of the keys of a head to an index that has none of these. */
export function addedKeys(keys: SearchKeys | undefined, names: readonly string[]): KeyChange[] {
  const changes: KeyChange[] = [];
  for (const name of names) addChange(changes, name, undefined, keys);
  return changes;
}

function addChange(
  changes: KeyChange[],
  name: string,
  old: SearchKeys | undefined,
  next: SearchKeys | undefined,
): void {
  const from = textIn(old, name);
  const to = textIn(next, name);
  if (from !== to) changes.push(keyChange(name, from, to));
}

function textIn(keys: SearchKeys | undefined, name: string): string | undefined {
  const text = keys?.[name];
  return text !== undefined && hasRow(name, text) ? text : undefined;
}

function keyChange(name: string, from: string | undefined, to: string | undefined): KeyChange {
  const old = from === undefined ? undefined : lowerCase(from);
  if (to === undefined) return [name, old, undefined, null];
  const lower = lowerCase(to);
  return [name, old, lower, lower === to ? null : to];
}

/** Combine the changes of several heads of one stream, in order, into those of one. */
export function combined(steps: readonly (readonly KeyChange[])[]): readonly KeyChange[] {
  if (steps.length === 1) return steps[0] ?? [];
  const changes = new Map<string, KeyChange>();
  for (const [name, from, to, text] of steps.flat()) {
    const earlier = changes.get(name);
    changes.set(name, [name, earlier === undefined ? from : earlier[1], to, text]);
  }
  return [...changes.values()];
}
