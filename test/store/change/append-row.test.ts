import { describe, expect, test } from "vitest";
import type { Append } from "../../../src/store/change/append.ts";
import { eventRows, rowFromAppend, versionBefore } from "../../../src/store/change/append-row.ts";
import type { Head } from "../../../src/store/event-store.ts";

const head = (version: number, text: string): Head<unknown> => ({
  version,
  organization: "org",
  createdAt: 1,
  changedAt: 10 + version,
  state: { text },
});
const event = (type: string) => ({ type, data: { of: type }, creator: `creator of ${type}` });
const append = (version: number, events: readonly string[], more: object = {}): Append => ({
  stream: "s",
  change: `change ${version}`,
  after: undefined,
  events: events.map(event),
  before: undefined,
  head: head(version, "a"),
  uniqueKeys: undefined,
  ...more,
});
const keysOf = ({ state }: Pick<Head<unknown>, "state">) => state as { text: string };
const rowOf = (given: Append) => rowFromAppend(given, keysOf as never);

describe("rowFromAppend", () => {
  test("makes plain data of an append", () => {
    const given = append(5, ["x", "y"], {
      after: "change 3",
      before: head(3, "b"),
      uniqueKeys: ["key"],
      attributes: "remove-all",
    });
    expect(rowOf(given)).toEqual({
      stream: "s",
      organization: "org",
      version: 5,
      change: "change 5",
      after: "change 3",
      events: ["x", '{"of":"x"}', "creator of x", "y", '{"of":"y"}', "creator of y"],
      createdAt: 1,
      changedAt: 15,
      state: '{"text":"a"}',
      uniqueKeys: ["key"],
      keys: [["text", "b", "a", null]],
      status: "",
      attributes: "remove-all",
    });
  });

  test("says by what the stream was counted only if that changes", () => {
    const keyed = (before: Head<unknown> | undefined, state: string | undefined) => {
      const keysByState = ({ state }: Pick<Head<unknown>, "state">) =>
        state === undefined ? undefined : { state: String(state), text: "a" };
      const given = { ...append(2, ["x"]), before, head: { ...head(2, "a"), state } };
      const { status, statusBefore } = rowFromAppend(given, keysByState);
      return { status, statusBefore };
    };
    const active = { ...head(1, "a"), state: "active" };
    expect(keyed(undefined, "active")).toEqual({ status: "active", statusBefore: null });
    expect(keyed(active, "active")).toEqual({ status: "active" });
    expect(keyed(active, "locked")).toEqual({ status: "locked", statusBefore: "active" });
    expect(keyed(active, undefined)).toEqual({ status: null, statusBefore: "active" });
    expect(keyed({ ...active, createdAt: 7 }, "active")).toEqual({
      status: "active",
      statusBefore: "active",
    });
  });

  test("leaves attributes alone unless the append names some", () => {
    expect(rowOf(append(1, ["x"])).attributes).toBeUndefined();
    expect(rowOf(append(1, ["x"], { attributes: [] })).attributes).toEqual([]);
  });
});

describe("versionBefore", () => {
  test.for([
    { version: 1, events: ["x"], want: 0 },
    { version: 7, events: ["x"], want: 6 },
    { version: 7, events: ["x", "y", "z"], want: 4 },
  ])("of version $version with the events $events is $want", ({ version, events, want }) => {
    expect(versionBefore(rowOf(append(version, events)))).toBe(want);
  });
});

describe("eventRows", () => {
  test("gives each event its version, and the change, the time and the request of its append", () => {
    const rows = [append(2, ["x", "y"]), append(3, ["z"], { request: "r" })].map(rowOf);
    expect(eventRows(rows)).toEqual([
      ["s", 1, "change 2", "x", '{"of":"x"}', "creator of x", 12, null],
      ["s", 2, "change 2", "y", '{"of":"y"}', "creator of y", 12, null],
      ["s", 3, "change 3", "z", '{"of":"z"}', "creator of z", 13, "r"],
    ]);
    expect(eventRows([])).toEqual([]);
  });
});
