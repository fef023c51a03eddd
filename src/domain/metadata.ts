import { ServiceError } from "./errors.ts";
import { evolve, type HumanEvent, type HumanState, present } from "./human-state.ts";

/**
 * Keys that one person may have, and entries of one request. A list of all of them is one answer.
 */
export const maxMetadataKeys = 1_000;

/**
 * Keys in UTF-8 and values that one person may have together, in bytes: a list of everything, details included,
 * fits into the 4 MiB that clients of gRPC accept in one message.
 */
export const maxMetadataBytes = 4_000_000;

/** A key, and its value with a digest by which values are compared. */
export type MetadataEntry = {
  readonly key: string;
  readonly value: Uint8Array;
  readonly digest: string;
};

/** What a change of metadata must know of what is stored: no values. */
export type KnownMetadata = {
  /** `metadataChanges` of the state that it belongs to. */
  readonly changes: number;
  /** By key. */
  readonly entries: ReadonlyMap<string, { readonly digest: string; readonly bytes: number }>;
};

/** What can be done to the metadata of a human. */
export type MetadataCommand =
  /** Other keys stay. An empty value removes its key, if it is there. */
  | { readonly type: "set-metadata"; readonly entries: readonly MetadataEntry[] }
  | { readonly type: "remove-metadata"; readonly key: string }
  /** All of them, or none. */
  | { readonly type: "remove-metadata-keys"; readonly keys: readonly string[] };

/** The result of a command. */
export type MetadataStep = {
  readonly events: readonly HumanEvent[];
  /** After the last event. */
  readonly state: HumanState;
  /** One for each event; `undefined` removes. */
  readonly attributes: readonly {
    readonly key: string;
    readonly value: Uint8Array | undefined;
  }[];
};

type Change = MetadataStep["attributes"][number];

/** How many changes of metadata a human has had: what `KnownMetadata` belongs to. */
export function metadataChangesOf(state: HumanState): number {
  return state.kind === "present" ? (state.metadataChanges ?? 0) : 0;
}

/**
 * Decide a command, and fold its events into the state. What does not differ gives no event.
 *
 * @param known Must belong to the state.
 * @throws ServiceError `metadataListEmpty`, `metadataKeyEmpty`; then `metadataUserNotFound` if the human is
 *   absent or removed; then `metadataInvalid`, `metadataKeyNotFound`, `metadataKeysEmpty`,
 *   `metadataKeysNotFound`.
 * @throws ServiceError `metadataTooLarge` if it would have too many keys, or too much in all.
 */
export function advanceMetadata(
  command: MetadataCommand,
  before: HumanState,
  known: KnownMetadata,
): MetadataStep {
  const attributes = changes(command, before, known);
  const events = attributes.map(eventFrom);
  return { events, state: events.reduce(evolve, before), attributes };
}

function changes(
  command: MetadataCommand,
  state: HumanState,
  { entries: known }: KnownMetadata,
): readonly Change[] {
  switch (command.type) {
    case "set-metadata": {
      const { entries } = command;
      if (entries.length === 0) throw new ServiceError("metadataListEmpty");
      present(state, "metadataUserNotFound");
      return setChanges(entries, known);
    }
    case "remove-metadata": {
      const { key } = command;
      if (key === "") throw new ServiceError("metadataKeyEmpty");
      present(state, "metadataUserNotFound");
      if (!known.has(key)) throw new ServiceError("metadataKeyNotFound");
      return [{ key, value: undefined }];
    }
    case "remove-metadata-keys": {
      const keys = new Set(command.keys);
      if (keys.size === 0) throw new ServiceError("metadataListEmpty");
      present(state, "metadataUserNotFound");
      if (keys.has("")) throw new ServiceError("metadataKeysEmpty");
      for (const key of keys) if (!known.has(key)) throw new ServiceError("metadataKeysNotFound");
      return [...keys].map((key) => ({ key, value: undefined }));
    }
  }
}

function setChanges(
  entries: readonly MetadataEntry[],
  known: KnownMetadata["entries"],
): readonly Change[] {
  if (entries.length > maxMetadataKeys) throw new ServiceError("metadataTooLarge");
  const reached = new Map(known);
  const changed: Change[] = [];
  for (const { key, value, digest } of entries) {
    if (key === "") throw new ServiceError("metadataInvalid");
    const bytes = value.byteLength;
    if (bytes === 0) {
      if (reached.delete(key)) changed.push({ key, value: undefined });
    } else if (reached.get(key)?.digest !== digest) {
      reached.set(key, { digest, bytes });
      changed.push({ key, value });
    }
  }
  if (isTooLarge(reached)) throw new ServiceError("metadataTooLarge");
  return changed;
}

function isTooLarge(entries: KnownMetadata["entries"]): boolean {
  if (entries.size > maxMetadataKeys) return true;
  let total = 0;
  for (const [key, { bytes }] of entries) total += Buffer.byteLength(key) + bytes;
  return total > maxMetadataBytes;
}

function eventFrom({ key, value }: Change): HumanEvent {
  if (value === undefined) return { type: "user.metadata.removed", data: { key } };
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  return { type: "user.metadata.set", data: { key, value: text } };
}
