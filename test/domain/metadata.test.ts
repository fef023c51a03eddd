import { describe, expect, test } from "vitest";
import type { ErrorKey } from "../../src/domain/errors.ts";
import { advance } from "../../src/domain/human.ts";
import { evolve, type HumanState, initialState } from "../../src/domain/human-state.ts";
import {
  advanceMetadata,
  type KnownMetadata,
  type MetadataCommand,
  maxMetadataBytes,
  maxMetadataKeys,
  metadataChangesOf,
} from "../../src/domain/metadata.ts";
import { added, fold, removed } from "./gigi.ts";

const entry = (key: string, text: string) => ({
  key,
  value: Buffer.from(text),
  digest: `digest of ${text}`,
});
const set = (...entries: ReturnType<typeof entry>[]): MetadataCommand => ({
  type: "set-metadata",
  entries,
});
const removeKeys = (...keys: string[]): MetadataCommand => ({ type: "remove-metadata-keys", keys });
const setEvent = (key: string, text: string) => ({
  type: "user.metadata.set" as const,
  data: { key, value: Buffer.from(text).toString("base64") },
});
const removedEvent = (key: string) => ({ type: "user.metadata.removed" as const, data: { key } });

/** What is stored, by key. */
const knowing = (values: Readonly<Record<string, string>>): KnownMetadata => ({
  changes: 0,
  entries: new Map(
    Object.entries(values).map(([key, text]) => [
      key,
      { digest: `digest of ${text}`, bytes: text.length },
    ]),
  ),
  total: totalOf(values),
});
const totalOf = (values: Readonly<Record<string, string>>) => ({
  count: Object.keys(values).length,
  bytes: Object.entries(values).reduce(
    (sum, [key, text]) => sum + Buffer.byteLength(key) + text.length,
    0,
  ),
});
const present = fold([added]);

describe("advanceMetadata", () => {
  test.for<{ name: string; command: MetadataCommand; want: readonly object[] }>([
    { name: "sets a new key", command: set(entry("c", "3")), want: [setEvent("c", "3")] },
    { name: "sets a known key", command: set(entry("a", "3")), want: [setEvent("a", "3")] },
    { name: "leaves an equal value", command: set(entry("a", "1")), want: [] },
    {
      name: "sets only what differs, in order",
      command: set(entry("b", "3"), entry("a", "1"), entry("A", "1")),
      want: [setEvent("b", "3"), setEvent("A", "1")],
    },
    {
      name: "compares each entry with those before it",
      command: set(
        entry("a", "2"),
        entry("a", "2"),
        entry("a", "1"),
        entry("c", ""),
        entry("a", ""),
      ),
      want: [setEvent("a", "2"), setEvent("a", "1"), removedEvent("a")],
    },
    {
      name: "removes a key with an empty value",
      command: set(entry("a", "")),
      want: [removedEvent("a")],
    },
    { name: "leaves an unknown key with an empty value", command: set(entry("c", "")), want: [] },
    {
      name: "removes a key",
      command: { type: "remove-metadata", key: "a" },
      want: [removedEvent("a")],
    },
    {
      name: "removes several keys, each once",
      command: removeKeys("b", "a", "b"),
      want: [removedEvent("b"), removedEvent("a")],
    },
  ])("$name", ({ command, want }) => {
    const step = advanceMetadata(command, present, knowing({ a: "1", b: "2" }));
    expect(step.events).toEqual(want);
    expect(step.state).toEqual(step.events.reduce(evolve, present));
    const values: Record<string, string> = { a: "1", b: "2" };
    for (const { key, value } of step.attributes) {
      if (value === undefined) delete values[key];
      else values[key] = Buffer.from(value).toString();
    }
    expect(step.total).toEqual(totalOf(values));
    expect(step.attributes).toEqual(
      step.events.map(({ data }) => {
        const { key, value } = data as { key: string; value?: string };
        return { key, value: value === undefined ? undefined : Buffer.from(value, "base64") };
      }),
    );
  });

  const remove = (key: string): MetadataCommand => ({ type: "remove-metadata", key });
  test.for<{ name: string; command: MetadataCommand; state?: HumanState; want: ErrorKey }>([
    { name: "an empty list", command: set(), state: initialState, want: "metadataListEmpty" },
    { name: "no keys", command: removeKeys(), state: initialState, want: "metadataListEmpty" },
    {
      name: "a blank key to remove",
      command: remove(""),
      state: initialState,
      want: "metadataKeyEmpty",
    },
    ...[initialState, fold([added, removed])].flatMap((state) =>
      [set(entry("", "1")), remove("c"), removeKeys("")].map((command) => ({
        name: `${command.type} for a human who is ${state.kind}`,
        command,
        state,
        want: "metadataUserNotFound" as const,
      })),
    ),
    {
      name: "a blank key to set",
      command: set(entry("a", "2"), entry("", "1")),
      want: "metadataInvalid",
    },
    { name: "an unknown key", command: remove("c"), want: "metadataKeyNotFound" },
    { name: "a blank key among others", command: removeKeys("c", ""), want: "metadataKeysEmpty" },
    {
      name: "an unknown key among others",
      command: removeKeys("a", "c"),
      want: "metadataKeysNotFound",
    },
  ])("refuses $name", ({ command, state = present, want }) => {
    expect(() => advanceMetadata(command, state, knowing({ a: "1" }))).toThrow(
      expect.objectContaining({ key: want }),
    );
  });

  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`key ${index}`, "1"]));
  const full = "x".repeat(maxMetadataBytes - 1);

  test.for([
    { name: "the last key", known: many(maxMetadataKeys - 1), command: set(entry("c", "1")) },
    {
      name: "another value when full",
      known: many(maxMetadataKeys),
      command: set(entry("key 1", "2")),
    },
    {
      name: "a key in place of another",
      known: many(maxMetadataKeys),
      command: set(entry("key 1", ""), entry("c", "1")),
    },
    { name: "the last byte", known: {}, command: set(entry("c", full)) },
    { name: "fewer bytes", known: { c: full }, command: set(entry("c", full.slice(1))) },
  ])("accepts $name", ({ known, command }) => {
    expect(advanceMetadata(command, present, knowing(known)).events.length).toBeGreaterThan(0);
  });

  test.for([
    { name: "one key too many", known: many(maxMetadataKeys), command: set(entry("c", "1")) },
    { name: "one byte too many", known: {}, command: set(entry("c", `${full}x`)) },
    {
      name: "bytes of a key, in UTF-8",
      known: { c: full.slice(3) },
      command: set(entry("é", "12")),
    },
    {
      name: "too many entries at once",
      known: {},
      command: set(...Array(maxMetadataKeys + 1).fill(entry("c", "1"))),
    },
  ])("refuses $name", ({ known, command }) => {
    expect(() => advanceMetadata(command, present, knowing(known))).toThrow(
      expect.objectContaining({ key: "metadataTooLarge" }),
    );
  });
});

describe("metadataChangesOf", () => {
  test("counts changes of metadata, and leaves the state of others as it was", () => {
    expect(metadataChangesOf(initialState)).toBe(0);
    expect(metadataChangesOf(present)).toBe(0);
    expect(present).not.toHaveProperty("metadataChanges");
    const changed = fold([added, setEvent("a", "1"), setEvent("b", "1"), removedEvent("a")]);
    expect(metadataChangesOf(changed)).toBe(3);
    expect(metadataChangesOf(fold([added, setEvent("a", "1"), removed]))).toBe(0);
  });
});

describe("advance", () => {
  test("removes the metadata of a human who is removed, if there ever was any", () => {
    const withMetadata = fold([added, setEvent("a", "1")]);
    expect(advance({ type: "remove" }, withMetadata)).toMatchObject({ attributes: "remove-all" });
    expect(advance({ type: "remove" }, present)).not.toHaveProperty("attributes");
    expect(advance({ type: "lock" }, withMetadata)).not.toHaveProperty("attributes");
  });
});
