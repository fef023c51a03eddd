import { describe, expect, test } from "vitest";
import type { AppendRow } from "../../../../src/store/change/append-row.ts";
import { added, next, open } from "./committing.ts";

const streams = ["a", "b", "c", "d", "e"];

/** New streams, each with a search key. */
const adds = (count: number) =>
  streams
    .slice(0, count)
    .map((stream) => added(stream, { keys: [["name", undefined, `old ${stream}`, null]] }));

/** A change of the name, from what the index has. */
const rename = (before: AppendRow, wanted: Partial<AppendRow> = {}) =>
  next(before, {
    keys: [["name", `old ${before.stream}`, `new ${before.stream}`, null]],
    ...wanted,
  });

const few = ["begin", "advance-one", "move-one-key", "append-one-event", "commit"];
const many = ["begin", "advance-keys", "append-events", "commit"];

describe("a batch that changes heads alone", () => {
  test.for([1, 2, 4, 5])(
    "of %i streams has a statement for each row only if they are few",
    async (count) => {
      const { commit, sent, stored, keys } = await open();
      const before = adds(count);
      await commit(before);
      // Not in the order of their streams.
      expect(new Set(await commit(before.map((each) => rename(each)).toReversed()))).toEqual(
        new Set(["appended"]),
      );
      expect([...new Set(sent.at(-1))]).toEqual(count < 5 ? few : many);
      expect(sent).toHaveLength(2);
      const names = streams.slice(0, count);
      expect(await stored()).toMatchObject({
        heads: names.map((name) => `${name} 2`),
        events: names.flatMap((name) => [`${name} 1`, `${name} 2`]),
      });
      expect(await keys()).toEqual(names.map((name) => `${name} new ${name}`));
    },
  );

  test("stores all but what another writer has changed", async () => {
    const { commit, sent, stored, keys } = await open();
    const before = adds(3);
    await commit(before);
    const [a, b, c] = before as [AppendRow, AppendRow, AppendRow];
    expect(await commit([next(b, { version: 2 })])).toEqual(["appended"]);
    const late = [rename(a), rename(b), rename(c)];
    expect(await commit(late)).toEqual(["appended", "conflict", "appended"]);
    expect([...new Set(sent.at(-1))]).toEqual(few);
    expect(await stored()).toMatchObject({
      heads: ["a 2", "b 2", "c 2"],
      events: ["a 1", "a 2", "b 1", "b 2", "c 1", "c 2"],
    });
    expect(await keys()).toEqual(["a new a", "b old b", "c new c"]);
    // What is refused was decided on a head that is gone, so it never succeeds.
    expect(await commit([rename(b)])).toEqual(["conflict"]);
  });

  test("stores several changes of one stream together or not at all", async () => {
    const { commit, sent, stored, keys } = await open();
    const [a] = adds(1) as [AppendRow];
    await commit([a]);
    const second = rename(a);
    const third = next(second, { version: 3, keys: [["name", "new a", "newer a", null]] });
    expect(await commit([second, third])).toEqual(["appended", "appended"]);
    expect(sent.at(-1)).toEqual(few.toSpliced(3, 1, "append-one-event", "append-one-event"));
    expect(await stored()).toMatchObject({ heads: ["a 3"], events: ["a 1", "a 2", "a 3"] });
    expect(await keys()).toEqual(["a newer a"]);
    const lateThird = next(second, { version: 3 });
    const lateFourth = next(lateThird, { version: 4 });
    expect(await commit([lateThird, lateFourth])).toEqual(["conflict", "conflict"]);
    expect(await stored()).toMatchObject({ heads: ["a 3"], events: ["a 1", "a 2", "a 3"] });
  });

  test("writes a search key that the index lacks", async () => {
    const { commit, sent, keys } = await open();
    const a = added("a");
    await commit([a]);
    expect(await commit([rename(a)])).toEqual(["appended"]);
    expect(sent.slice(1)).toEqual([few, ["append-keys"]]);
    expect(await keys()).toEqual(["a new a"]);
  });

  test.for<{ name: string; change: (before: AppendRow) => AppendRow; sends: string[] }>([
    {
      name: "a search key appears",
      change: (before) => next(before, { keys: [["phone", undefined, "1", null]] }),
      sends: ["begin", "advance", "append-events", "append-keys", "commit"],
    },
    {
      name: "a search key goes",
      change: (before) => next(before, { keys: [["name", "old a", undefined, null]] }),
      sends: many,
    },
    {
      name: "an attribute is set",
      change: (before) =>
        next(before, {
          attributes: [
            {
              key: "k",
              version: 2,
              stored: { value: new Uint8Array(1), digest: new Uint8Array(32) },
            },
          ],
        }),
      sends: ["begin", "advance-attributes", "append-events", "append-attributes", "commit"],
    },
  ])("has lists if $name", async ({ change, sends }) => {
    const { commit, sent } = await open();
    const [a] = adds(1) as [AppendRow];
    await commit([a]);
    expect(await commit([change(a)])).toEqual(["appended"]);
    expect(sent.at(-1)).toEqual(sends);
  });
});
