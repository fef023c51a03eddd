import { describe, expect, test } from "vitest";
import { type AttributeChanges, digestOf } from "../../../src/store/attributes.ts";
import type { AppendRow } from "../../../src/store/change/append-row.ts";
import { attributeRows, combinedAttributes } from "../../../src/store/change/attribute-rows.ts";

const bytes = (text: string) => Buffer.from(text);
const set = (key: string, text: string) => ({ key, value: bytes(text) });
const remove = (key: string) => ({ key, value: undefined });

describe("attributeRows", () => {
  test("gives the changes the versions of the last events, in order", () => {
    expect(attributeRows([set("a", "1"), remove("b")], 7, 3)).toEqual([
      { key: "a", version: 6, stored: { value: bytes("1"), digest: digestOf(bytes("1")) } },
      { key: "b", version: 7, stored: undefined },
    ]);
    expect(attributeRows([], 7, 1)).toEqual([]);
    expect(attributeRows("remove-all", 7, 1)).toBe("remove-all");
  });

  test("takes as many changes as there are events, and refuses one more", () => {
    expect(attributeRows([set("a", "1")], 1, 1)).toHaveLength(1);
    expect(() => attributeRows([set("a", "1"), set("b", "1")], 1, 1)).toThrow(
      new TypeError("a change of an attribute needs an event"),
    );
  });

  test("lets one event remove several, if what is set tells its version", () => {
    const origin = { version: 3, createdAt: 1, changedAt: 2 };
    const changes = [remove("a"), remove("b"), { ...set("b", "1"), origin }];
    expect(attributeRows(changes, 4, 1)).toMatchObject([
      { key: "a", stored: undefined },
      { key: "b", stored: undefined },
      { key: "b", version: 3, dates: { createdAt: 1, changedAt: 2 } },
    ]);
  });
});

describe("combinedAttributes", () => {
  /** Appends at the times 1, 2 and so on. */
  const combined = (...appends: readonly (AttributeChanges | undefined)[]) => {
    let version = 0;
    const rows = appends.map((changes, index) => {
      const events = Array.isArray(changes) ? Math.max(changes.length, 1) : 1;
      version += events;
      const attributes = changes && attributeRows(changes, version, events);
      return { attributes, changedAt: index + 1 } as AppendRow;
    });
    const { set: given, ...others } = combinedAttributes(rows);
    return {
      ...others,
      set: given.map(({ key, value, digest, version: of, createdAt, changedAt, isNew }) => {
        expect(digest).toEqual(digestOf(value));
        return [key, Buffer.from(value).toString(), of, createdAt, changedAt, isNew];
      }),
    };
  };
  const nothing = { isCleared: false, removed: [], set: [] };

  test.for<{
    name: string;
    appends: readonly (AttributeChanges | undefined)[];
    want: ReturnType<typeof combined>;
  }>([
    { name: "nothing", appends: [undefined, []], want: nothing },
    {
      name: "attributes set once",
      appends: [[set("a", "1"), set("b", "2")]],
      want: {
        ...nothing,
        set: [
          ["a", "1", 1, 1, 1, false],
          ["b", "2", 2, 1, 1, false],
        ],
      },
    },
    {
      name: "an attribute set twice",
      appends: [[set("a", "1")], undefined, [set("a", "2")]],
      want: { ...nothing, set: [["a", "2", 3, 1, 3, false]] },
    },
    {
      name: "an attribute set and removed",
      appends: [[set("a", "1")], [remove("a")]],
      want: { ...nothing, removed: ["a"] },
    },
    {
      name: "an attribute removed and set again, twice",
      appends: [[remove("a"), set("a", "1")], [set("a", "2")]],
      want: { ...nothing, set: [["a", "2", 3, 1, 2, true]] },
    },
    {
      name: "an attribute set, removed and set",
      appends: [[set("a", "1")], [remove("a")], [set("a", "2")]],
      want: { ...nothing, set: [["a", "2", 3, 3, 3, true]] },
    },
    {
      name: "all removed after some changes",
      appends: [[set("a", "1"), remove("b")], "remove-all"],
      want: { ...nothing, isCleared: true },
    },
  ])("makes one of $name", ({ appends, want }) => {
    expect(combined(...appends)).toEqual(want);
  });
});
