import type { Collision } from "../collision.ts";
import type { Head, Micros } from "../event-store.ts";
import { headFromRow, type Row } from "./rows.ts";

/**
 * The unique keys of a state: those that a change to this state would set today.
 *
 * @returns `undefined`: those that it has.
 */
export type UniqueKeysOf<State> = (state: State) => readonly string[] | undefined;

/** A stream whose names are others than those in the database. */
export type Renaming = {
  readonly stream: string;
  readonly createdAt: Micros;
  readonly names: readonly string[];
};

/** The renaming that a head needs, if it does. */
export function renamingOf(
  stream: string,
  { state, createdAt }: Head<unknown>,
  uniqueKeysOf: UniqueKeysOf<unknown>,
  isHeld: (name: string) => boolean,
): Renaming[] {
  const names = uniqueKeysOf(state);
  if (names === undefined || names.every(isHeld)) return [];
  return [{ stream, createdAt, names }];
}

/** Of two that claim one name, the older stream is first. */
export function byAge(a: Renaming, b: Renaming): number {
  return a.createdAt - b.createdAt || (a.stream < b.stream ? -1 : 1);
}

/**
 * A name that a stream has lost: the collision, if it would still claim it.
 *
 * @param row Its `name`, whose `holder` that is, and the head of the `stream`.
 */
export function collisionOf(row: Row, uniqueKeysOf: UniqueKeysOf<unknown>): Collision[] {
  const isWanted = uniqueKeysOf(headFromRow(row).state)?.includes(String(row.name));
  return isWanted ? [{ stream: String(row.stream), holder: String(row.holder) }] : [];
}
