import type { Head, KeysOf } from "./event-store.ts";
import { fold, type SearchKeys } from "./search.ts";

/** What becomes of a stream's place among the texts of one key; crosses threads. */
export type KeyChange = {
  readonly name: string;
  /** Its folded text before; `undefined`: it had no place. */
  readonly from: string | undefined;
  /** `undefined`: it has none any more. */
  readonly to: KeyText | undefined;
};

/** A text as the index has it. */
export type KeyText = {
  readonly folded: string;
  /** As it is; `null`: as it is folded. */
  readonly text: string | null;
};

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
  const old = before && indexed(keysOf(before));
  const next = indexed(keysOf(after));
  const names = new Set([...Object.keys(old ?? {}), ...Object.keys(next ?? {})]);
  const changes: KeyChange[] = [];
  for (const name of names) {
    const from = old?.[name];
    const to = next?.[name];
    if (from !== to) changes.push({ name, from: folded(from), to: keyText(to) });
  }
  return changes;
}

/** The changes of several heads of one stream, one after another, as those of one. */
export function combined(steps: readonly (readonly KeyChange[])[]): readonly KeyChange[] {
  if (steps.length === 1) return steps[0] ?? [];
  const changes = new Map<string, KeyChange>();
  for (const { name, from, to } of steps.flat()) {
    const earlier = changes.get(name);
    changes.set(name, { name, from: earlier === undefined ? from : earlier.from, to });
  }
  return [...changes.values()];
}

function indexed(keys: SearchKeys | undefined): SearchKeys | undefined {
  return keys && { ...keys, [everyStream]: "" };
}

function folded(text: string | undefined): string | undefined {
  return text === undefined ? undefined : fold(text);
}

function keyText(text: string | undefined): KeyText | undefined {
  if (text === undefined) return undefined;
  const key = fold(text);
  return { folded: key, text: key === text ? null : text };
}
