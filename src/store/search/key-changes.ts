import { lowerCase } from "../../text/lower-case.ts";
import type { Head, KeysOf } from "../event-store.ts";

/**
 * What becomes of a stream's place among the texts of one key. A tuple, because it crosses threads by
 * the million: the names of fields would weigh more than what they hold.
 */
export type KeyChange = readonly [
  name: string,
  /** Its folded text before; `undefined`: it had no place. */
  from: string | undefined,
  /** Its folded text; `undefined`: it has no place any more. */
  to: string | undefined,
  /** As it is; `null`: as it is folded. */
  text: string | null,
];

/** The name of a key that every stream has which can be found. Its text is `""`: sorted by ids. */
export const everyStream = "";

/**
 * What the change of a head changes in the index. Of a key that stays, nothing.
 *
 * @param before `undefined`: the stream is new.
 */
export function keyChanges(
  keysOf: KeysOf<unknown>,
  before: Head<unknown> | undefined,
  after: Head<unknown>,
): KeyChange[] {
  const old = before && keysOf(before);
  const next = keysOf(after);
  const changes: KeyChange[] = [];
  if (old === undefined && next !== undefined) changes.push([everyStream, undefined, "", null]);
  if (old !== undefined && next === undefined) changes.push([everyStream, "", undefined, null]);
  for (const name in { ...old, ...next }) {
    const from = old?.[name];
    const to = next?.[name];
    if (from !== to) changes.push(keyChange(name, from, to));
  }
  return changes;
}

function keyChange(name: string, from: string | undefined, to: string | undefined): KeyChange {
  const old = from === undefined ? undefined : lowerCase(from);
  if (to === undefined) return [name, old, undefined, null];
  const folded = lowerCase(to);
  return [name, old, folded, folded === to ? null : to];
}

/** The changes of several heads of one stream, one after another, as those of one. */
export function combined(steps: readonly (readonly KeyChange[])[]): readonly KeyChange[] {
  if (steps.length === 1) return steps[0] ?? [];
  const changes = new Map<string, KeyChange>();
  for (const [name, from, to, text] of steps.flat()) {
    const earlier = changes.get(name);
    changes.set(name, [name, earlier === undefined ? from : earlier[1], to, text]);
  }
  return [...changes.values()];
}
