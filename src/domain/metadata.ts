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

/** How many keys a human has, and the bytes of these in UTF-8 and of their values together. */
export type MetadataTotal = { readonly count: number; readonly bytes: number };

/** What a change of metadata must know of what is stored: no values, and no other keys than its own. */
export type KnownMetadata = {
  /** `metadataChanges` of the state that it belongs to. */
  readonly changes: number;
  /** By key: those of the keys of the command that are stored. */
  readonly entries: ReadonlyMap<string, { readonly digest: string; readonly bytes: number }>;
  /** Of all keys. */
  readonly total: MetadataTotal;
};

/** Of a human who has just been added. */
export const noMetadata: KnownMetadata = {
  changes: 0,
  entries: new Map(),
  total: { count: 0, bytes: 0 },
};

/** What can be done to the metadata of a human. */
export type MetadataCommand =
  /** Other keys stay. An empty value removes its key, if it is there. */
  | { readonly type: "set-metadata"; readonly entries: readonly MetadataEntry[] }
  | { readonly type: "remove-metadata"; readonly key: string }
  /** All of them, or none. */
  | { readonly type: "remove-metadata-keys"; readonly keys: readonly string[] };

/** The keys that a command is about. */
export function keysOfCommand(command: MetadataCommand): readonly string[] {
  switch (command.type) {
    case "set-metadata":
      return command.entries.map(({ key }) => key);
    case "remove-metadata":
      return [command.key];
    case "remove-metadata-keys":
      return command.keys;
  }
}

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
  /** After the last event. */
  readonly total: MetadataTotal;
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
  const total = totalAfter(attributes, known);
  if (command.type === "set-metadata" && isTooLarge(total)) {
    throw new ServiceError("metadataTooLarge");
  }
  const events = attributes.map(eventFrom);
  return { events, state: events.reduce(evolve, before), attributes, total };
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
  return changed;
}

function totalAfter(
  attributes: readonly Change[],
  { entries, total }: KnownMetadata,
): MetadataTotal {
  const sizes = new Map([...entries].map(([key, { bytes }]) => [key, bytes]));
  let { count, bytes } = total;
  for (const { key, value } of attributes) {
    const before = sizes.get(key);
    if (before !== undefined) {
      count -= 1;
      bytes -= Buffer.byteLength(key) + before;
      sizes.delete(key);
    }
    if (value === undefined) continue;
    count += 1;
    bytes += Buffer.byteLength(key) + value.byteLength;
    sizes.set(key, value.byteLength);
  }
  return { count, bytes };
}

function isTooLarge({ count, bytes }: MetadataTotal): boolean {
  return count > maxMetadataKeys || bytes > maxMetadataBytes;
}

function eventFrom({ key, value }: Change): HumanEvent {
  if (value === undefined) return { type: "user.metadata.removed", data: { key } };
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  return { type: "user.metadata.set", data: { key, value: text } };
}
