import { expect, test } from "vitest";
import { createShares } from "../../../src/wire/bounds/shares.ts";

function setUp(max: number, maxEach: number) {
  const shares = createShares(max, maxEach);
  const lost: string[] = [];
  const take = (client: string, amount: number, name: string) =>
    shares.take(client, amount, () => {
      lost.push(name);
    });
  return { take, lost };
}

test("A3: a client has as much as one may have, and may take again what it gives back", () => {
  const { take, lost } = setUp(100, 3);
  const held = [take("a", 1, "a1"), take("a", 2, "a2")];
  expect(take("a", 1, "a3")).toBeUndefined();
  held[1]?.shrink(1);
  expect(take("a", 1, "a3")).toBeDefined();
  held[0]?.end();
  held[0]?.end();
  expect(take("a", 1, "a4")).toBeDefined();
  expect(take("a", 1, "a5")).toBeUndefined();
  expect(lost).toEqual([]);
});

test("A3: whoever has nothing yet gets some, however much it is", () => {
  const { take, lost } = setUp(100, 3);
  expect(take("a", 50, "a1")).toBeDefined();
  expect(take("a", 1, "a2")).toBeUndefined();
  expect(lost).toEqual([]);
});

test("A3: when nobody has anything, a client gets even more than there is for all", () => {
  const { take, lost } = setUp(100, 3);
  take("a", 200, "a1")?.end();
  expect(take("b", 200, "b1")).toBeDefined();
  expect(lost).toEqual([]);
});

test("A3: the rest of a share that has shrunk ends with it", () => {
  const { take, lost } = setUp(4, 4);
  const share = take("a", 4, "a1");
  share?.shrink(1);
  share?.end();
  expect(take("b", 4, "b1")).toBeDefined();
  expect(lost).toEqual([]);
});

test("A3: when all is taken, whoever has most loses its largest share, the oldest among equals", () => {
  const { take, lost } = setUp(10, 10);
  take("a", 1, "a1");
  take("b", 2, "b1");
  take("b", 3, "b2");
  take("b", 3, "b3");
  take("c", 1, "c1");
  expect(lost).toEqual([]);
  take("c", 1, "c2");
  expect(lost).toEqual(["b2"]);
  take("d", 4, "d1");
  expect(lost).toEqual(["b2", "b3"]);
});

test("A3: a share that was lost is gone: it can neither shrink nor end", () => {
  const { take, lost } = setUp(2, 2);
  const first = take("a", 2, "a1");
  take("b", 1, "b1");
  expect(lost).toEqual(["a1"]);
  first?.end();
  first?.shrink(1);
  take("c", 1, "c1");
  expect(take("d", 1, "d1")).toBeUndefined();
  expect(lost).toEqual(["a1"]);
});

test("A3: when all is taken, whoever would have most gets nothing, and takes from nobody", () => {
  const { take, lost } = setUp(4, 4);
  take("a", 2, "a1");
  take("b", 2, "b1");
  expect(take("a", 1, "a2")).toBeUndefined();
  expect(take("c", 2, "c1")).toBeUndefined();
  expect(lost).toEqual([]);
  expect(take("c", 1, "c2")).toBeDefined();
  expect(lost).toEqual(["a1"]);
});
