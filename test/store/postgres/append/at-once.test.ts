import { describe, expect, test } from "vitest";
import type { AppendRow } from "../../../../src/store/change/append-row.ts";
import type { LoneReceipt } from "../../../../src/store/change/batch/batch-item.ts";
import { added, next, open, row } from "./committing.ts";

const receipt = (name: string) => ["owner", name, 1, new Uint8Array(1)] as const;
const lone = (name: string): LoneReceipt => ({ stream: "", lone: receipt(name) });

describe("a batch with unique keys, receipts and new streams", () => {
  test.for([1, 5, 100, 127, 128, 300])("for %i streams is sent in one go", async (streams) => {
    const { commit, sent, stored } = await open();
    const adds = Array.from({ length: streams }, (_, index) =>
      added(`s${index}`, { uniqueKeys: [`k${index}`], receipt: receipt(`r${index}`) }),
    );
    const changes = adds.map((add, index) =>
      next(add, { uniqueKeys: [`n${index}`], heldKeys: [`k${index}`] }),
    );
    expect(new Set(await commit([...adds, lone("alone")]))).toEqual(new Set(["appended"]));
    expect(new Set(await commit(changes))).toEqual(new Set(["appended"]));
    expect(sent).toHaveLength(2);
    for (const names of sent) expect([names[0], names.at(-1)]).toEqual(["begin", "commit"]);
    const names = adds.map(({ stream }) => stream);
    expect(await stored()).toEqual({
      heads: names.map((name) => `${name} 2`).sort(),
      events: names.flatMap((name) => [`${name} 1`, `${name} 2`]).sort(),
      claims: names.map((name, index) => `n${index} ${name}`).sort(),
      receipts: [...names.map((name, index) => `r${index} ${name}`), "alone "].sort(),
      counts: [`org active ${streams}`],
    });
  });

  const first = added("a", { uniqueKeys: ["ka"], receipt: receipt("ra") });
  test.for<{ name: string; item: AppendRow | LoneReceipt; result: string }>([
    {
      name: "a unique key is taken",
      item: added("x", { uniqueKeys: ["free", "ka"], receipt: receipt("rx") }),
      result: "unique-key-taken",
    },
    {
      name: "the name of a receipt is taken",
      item: added("x", { uniqueKeys: ["free"], receipt: receipt("ra") }),
      result: "receipt-taken",
    },
    { name: "a receipt without a change is taken", item: lone("ra"), result: "receipt-taken" },
    {
      name: "a new stream is there",
      item: added("a", { uniqueKeys: ["free"], receipt: receipt("rx") }),
      result: "conflict",
    },
    {
      name: "a head has been changed",
      item: next(row({ stream: "a" }), { uniqueKeys: ["free"], heldKeys: ["ka"] }),
      result: "conflict",
    },
  ])("if $name, all others are stored", async ({ item, result }) => {
    const { commit, sent, errors, stored } = await open();
    await commit([first]);
    const others = [added("b", { uniqueKeys: ["kb"], receipt: receipt("rb") }), lone("rc")];
    expect(await commit([item, ...others])).toEqual([result, "appended", "appended"]);
    const [, atOnce, anew] = sent;
    expect(atOnce?.slice(-1)).toEqual(["commit"]);
    expect(anew?.slice(0, 2)).toEqual(["rollback", "begin"]);
    // The server writes its errors into its log, which names of users are no part of.
    const cause = expect.objectContaining({
      message: expect.stringContaining('"another change or repeat was faster"'),
      detail: undefined,
    });
    expect(errors).toEqual([expect.objectContaining({ cause })]);
    expect(await stored()).toEqual({
      heads: ["a 1", "b 1"],
      events: ["a 1", "b 1"],
      claims: ["ka a", "kb b"],
      receipts: ["ra a", "rb b", "rc "],
      counts: ["org active 2"],
    });
  });

  test("is written step by step behind one of which something was refused", async () => {
    const { commit, sent } = await open();
    const trips = async (...items: (AppendRow | LoneReceipt)[]) => {
      const before = sent.length;
      await commit(items);
      return sent.length - before;
    };
    expect(await trips(lone("one"))).toBe(1);
    const refused = await trips(lone("one"));
    expect(refused).toBeGreaterThan(1);
    expect(await trips(lone("one"))).toBe(refused - 1);
    expect(await trips(lone("two"))).toBe(refused - 1);
    expect(await trips(lone("three"))).toBe(1);
  });

  test("keeps a unique key that its stream has", async () => {
    const { commit, stored } = await open();
    await commit([first]);
    const same = next(first, { uniqueKeys: ["ka", "kb"], heldKeys: ["ka"] });
    expect(await commit([same])).toEqual(["appended"]);
    expect(await stored()).toMatchObject({ claims: ["ka a", "kb a"], heads: ["a 2"] });
  });

  const wanting = (stream: string, wanted: Partial<AppendRow> = {}) =>
    added(stream, { uniqueKeys: ["name"], ...wanted });
  test.for<{ name: string; items: readonly AppendRow[]; results: string[]; holder: string }>([
    {
      name: "the first one gets it",
      items: [wanting("y"), wanting("x"), wanting("z")],
      results: ["appended", "unique-key-taken", "unique-key-taken"],
      holder: "y",
    },
    {
      name: "nobody gets it, because another stream has it",
      items: [wanting("y", { uniqueKeys: ["ka"] }), wanting("x", { uniqueKeys: ["ka"] })],
      results: ["unique-key-taken", "unique-key-taken"],
      holder: "a",
    },
    {
      name: "the others decide again if the first one is not written",
      items: [wanting("a"), wanting("x"), wanting("z")],
      results: ["conflict", "conflict", "conflict"],
      holder: "",
    },
    {
      name: "the others decide again if the receipt of the first one is taken",
      items: [wanting("y", { receipt: receipt("ra") }), wanting("x")],
      results: ["receipt-taken", "conflict"],
      holder: "",
    },
    {
      name: "one that is there already decides again, and one learns that its receipt is taken",
      items: [wanting("y"), wanting("a"), wanting("x", { receipt: receipt("ra") })],
      results: ["appended", "conflict", "receipt-taken"],
      holder: "y",
    },
  ])("of streams that want the same unique key, $name", async ({ items, results, holder }) => {
    const { commit, errors, stored } = await open();
    await commit([first]);
    expect(await commit([...items, added("other", { uniqueKeys: ["free"] })])).toEqual([
      ...results,
      "appended",
    ]);
    expect(errors).toEqual([]);
    const claims = [
      "free other",
      "ka a",
      ...(["", "a"].includes(holder) ? [] : [`name ${holder}`]),
    ];
    const written = items.filter((_, place) => results[place] === "appended");
    expect(await stored()).toMatchObject({
      claims: claims.sort(),
      heads: [...["a", "other", ...written.map(({ stream }) => stream)]]
        .sort()
        .map((s) => `${s} 1`),
      receipts: ["ra a"],
    });
  });
});

test("a search key that cannot be set right after the commit does not make the change a conflict", async () => {
  const { commit, lose, stored } = await open();
  const before = added("a");
  await commit([before]);
  // The index lacks the old text.
  lose("append-keys");
  const change = next(before, { keys: [["text", "old", "new", null]] });
  expect(await commit([change])).toEqual(["appended"]);
  expect(await stored()).toMatchObject({ heads: ["a 2"], events: ["a 1", "a 2"] });
});
