import type { Collision } from "../collision.ts";
import type { Head, Micros } from "../event-store.ts";
import { headFromRow, type Row } from "./rows.ts";

/**
 * The unique keys of a state: those that a change to this state would set today.
 *
 * @returns `undefined`: the stream keeps those that it has.
 */
export type UniqueKeysOf<State> = (state: State) => readonly string[] | undefined;

/** A stream whose unique keys are not those in the database. */
export type Renewal = {
  readonly stream: string;
  readonly createdAt: Micros;
  readonly uniqueKeys: readonly string[];
};

/** The renewal that a head needs, if it needs one. */
export function renewalOf(
  stream: string,
  { state, createdAt }: Head<unknown>,
  uniqueKeysOf: UniqueKeysOf<unknown>,
  isHeld: (uniqueKey: string) => boolean,
): Renewal[] {
  const uniqueKeys = uniqueKeysOf(state);
  if (uniqueKeys === undefined || uniqueKeys.every(isHeld)) return [];
  return [{ stream, createdAt, uniqueKeys }];
}

/** Sorts older streams first: of two that want one key, the older one gets it. */
export function byAge(a: Renewal, b: Renewal): number {
  return a.createdAt - b.createdAt || (a.stream < b.stream ? -1 : 1);
}

/**
 * Selects unique keys that streams have lost to others, as rows for `collisionOf`. In two steps, because keys and heads
 * may be distributed differently.
 */
export const selectLostKeys = `
  with lost as materialized (
    select lost_claims.stream as stream, name, claims.stream as holder
    from lost_claims join claims using (name) where claims.stream <> lost_claims.stream
  )
  select lost.stream as stream, name, holder, organization, version, created_at, changed_at, state
  from lost join heads on heads.stream = lost.stream order by lost.stream`;

/** The collision of a stream that has lost a unique key, if its state still wants the key. */
export function collisionOf(row: Row, uniqueKeysOf: UniqueKeysOf<unknown>): Collision[] {
  const isWanted = uniqueKeysOf(headFromRow(row).state)?.includes(String(row.name));
  return isWanted ? [{ stream: String(row.stream), holder: String(row.holder) }] : [];
}
