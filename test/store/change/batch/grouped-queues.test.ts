import { expect, test } from "vitest";
import { createBatcher } from "../../../../src/store/change/batch/batcher.ts";

test("a batch holds items of one group, groups take turns, and a queue keeps its order", async () => {
  const batches: string[][] = [];
  const batcher = createBatcher<string, string>(
    async (items) => {
      batches.push([...items]);
      return items;
    },
    { groupOf: (queue) => queue.slice(0, 1) },
  );
  const items = ["a1", "b1", "a2", "b1", "c1", "a1"].map((queue, place) => `${queue}:${place}`);
  await Promise.all(items.map((item) => batcher.add(item, item.slice(0, 2))));
  expect(batches).toEqual([["a1:0", "a2:2", "a1:5"], ["b1:1", "b1:3"], ["c1:4"]]);
  await batcher.close();
});

test("a group with very many items does not hold up the others", async () => {
  const batches: string[] = [];
  const batcher = createBatcher<string, string>(
    async (items) => {
      batches.push(`${items[0]?.slice(0, 1)}${items.length}`);
      return items;
    },
    { groupOf: (queue) => queue.slice(0, 1) },
  );
  const many = Array.from({ length: 300 }, (_, index) => `a${index}`);
  await Promise.all([...many, "b"].map((item) => batcher.add(item, item)));
  expect(batches).toEqual(["a64", "b1", "a64", "a64", "a64", "a44"]);
  await batcher.close();
});

test("items that wait stay in their group if the group of their queue changes", async () => {
  const batches: string[][] = [];
  let generation = 0;
  const batcher = createBatcher<string, string>(
    async (items) => {
      batches.push([...items]);
      return items;
    },
    { groupOf: () => String(generation) },
  );
  const first = batcher.add("first", "queue");
  generation = 1;
  await Promise.all([first, batcher.add("second", "queue")]);
  expect(batches).toEqual([["first"], ["second"]]);
  await batcher.close();
});
