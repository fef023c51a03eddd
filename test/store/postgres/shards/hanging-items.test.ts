import { describe, expect, test, vi } from "vitest";
import type { AppendRow } from "../../../../src/store/change/append-row.ts";
import type { BatchItem } from "../../../../src/store/change/batch/batch-item.ts";
import { createHangingNodes } from "../../../../src/store/postgres/cluster/hanging-nodes.ts";
import {
  problemOfItem,
  withoutHanging,
} from "../../../../src/store/postgres/shards/hanging-items.ts";
import type { Place, ShardMap } from "../../../../src/store/postgres/shards/shard-map.ts";

/** Streams and names stand at the node that their first letter is. */
const nodeOf = (text: string) => text[0] ?? "";
const shards = {
  placeOf: (stream: string): Place => ({ node: nodeOf(stream), group: "", lane: "" }),
  nodeOfName: (_: string, name: string) => nodeOf(name),
} as unknown as ShardMap;

function newDatabase() {
  const hanging = createHangingNodes();
  hanging.saw({ node: "b", answers: false, beganAt: performance.now(), tookMs: 2_000 });
  return { shards, hanging };
}

const row = (stream: string, more: Partial<AppendRow> = {}) => ({ stream, ...more }) as AppendRow;
const receipt = (name: string) => ["o", name, 0, new Uint8Array()] as const;

describe("an item waits for a node that hangs", () => {
  test.for<[string, BatchItem, boolean]>([
    ["if its stream stands there", row("b1"), true],
    ["not if nothing of it does", row("a1", { uniqueKeys: ["a"], receipt: receipt("a") }), false],
    ["if its new name does", row("a1", { uniqueKeys: ["b"] }), true],
    ["if its old name does", row("a1", { uniqueKeys: ["a"], heldKeys: ["b"] }), true],
    ["if its receipt does", row("a1", { receipt: receipt("b") }), true],
    ["if one of several streams does", { joint: [row("a1"), row("b1")] }, true],
    ["not if none of several streams does", { joint: [row("a1"), row("a2")] }, false],
    ["if it is a receipt there", { stream: "a1", lone: receipt("b") }, true],
    ["not if it is a receipt elsewhere", { stream: "b1", lone: receipt("a") }, false],
    ["if it removes a receipt there", { before: 1, of: { owner: "o", name: "b" } }, true],
    ["if it removes any receipts", { before: 1, of: 10 }, true],
  ])("%s", ([, item, waits]) => {
    expect(problemOfItem(newDatabase(), item) !== undefined).toBe(waits);
  });
});

describe("a batch", () => {
  test("leaves out what would wait, and answers that it conflicts", async () => {
    const commit = vi.fn(async (items: readonly BatchItem[]) =>
      items.map(() => "appended" as const),
    );
    const send = withoutHanging(newDatabase(), commit);
    const [first, second, third] = [row("a1"), row("a2", { uniqueKeys: ["b"] }), row("a3")];
    expect(await send([first, second, third])).toEqual(["appended", "conflict", "appended"]);
    expect(commit).toHaveBeenCalledWith([first, third]);
    commit.mockClear();
    expect(await send([second])).toEqual(["conflict"]);
    expect(commit).not.toHaveBeenCalled();
  });

  test("is sent as it is where no node can hang", () => {
    const commit = vi.fn();
    expect(withoutHanging({ shards }, commit)).toBe(commit);
  });
});
