import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createBatcher } from "../../../../src/store/change/batch/batcher.ts";
import { OutcomeUnknownError, StoreUnavailableError } from "../../../../src/store/event-store.ts";
import type { BatchRecord } from "../../../../src/store/observer.ts";

/** Notes its batches and fails as `failing` says. */
function recorder(failing: (batch: readonly number[]) => Error | undefined = () => undefined) {
  const batches: number[][] = [];
  const told: BatchRecord[] = [];
  const batcher = createBatcher(
    async (items: readonly number[]) => {
      batches.push([...items]);
      const error = failing(items);
      if (error !== undefined) throw error;
      return items.map((item) => item * 10);
    },
    { ended: (batch) => told.push(batch) },
  );
  /** To a queue of its own. */
  const add = (item: number) => batcher.add(item, `queue ${item}`);
  return { batches, told, batcher, add };
}

const range = (length: number) => Array.from({ length }, (_, index) => index);
const kindOf = (answer: Promise<unknown>) =>
  answer.then(
    () => "stored",
    (error: Error) => error.name,
  );

describe("createBatcher", () => {
  test("runs the items of one turn of the event loop together, and gives each its own result", async () => {
    const { batches, add } = recorder();
    expect(await Promise.all([1, 2, 3].map(add))).toEqual([10, 20, 30]);
    expect(batches).toEqual([[1, 2, 3]]);
  });

  test("collects what arrives while a batch runs, one batch in flight", async () => {
    const gates: PromiseWithResolvers<void>[] = [];
    const sizes: number[] = [];
    const batcher = createBatcher(async (items: readonly number[]) => {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      sizes.push(items.length);
      await gate.promise;
      return items;
    });
    const first = batcher.add(1, "a");
    await expect.poll(() => gates.length).toBe(1);
    const others = [2, 3].map((item) => batcher.add(item, "a"));
    gates[0]?.resolve();
    await first;
    await expect.poll(() => gates.length).toBe(2);
    gates[1]?.resolve();
    await Promise.all(others);
    expect(sizes).toEqual([1, 2]);
  });

  test("begins the next batch before it answers the one that has ended", async () => {
    const steps: string[] = [];
    const gate = Promise.withResolvers<void>();
    const batcher = createBatcher(async (items: readonly string[]) => {
      steps.push(`begins ${items.join()}`);
      await gate.promise;
      return items;
    });
    const add = (item: string) =>
      batcher.add(item, item).then((result) => steps.push(`answers ${result}`));
    const first = add("a");
    await expect.poll(() => steps.length).toBe(1);
    const others = [add("b"), add("c")];
    gate.resolve();
    await Promise.all([first, ...others]);
    expect(steps).toEqual(["begins a", "begins b,c", "answers a", "answers b", "answers c"]);
  });

  test("runs the items of a failed batch again before it begins the next one", async () => {
    const batches: string[] = [];
    const gate = Promise.withResolvers<void>();
    const batcher = createBatcher(async (items: readonly string[]) => {
      batches.push(items.join());
      await gate.promise;
      if (items.includes("bad")) throw new Error("bad");
      return items;
    });
    const first = ["a", "bad", "b"].map((item) => kindOf(batcher.add(item, item)));
    await expect.poll(() => batches.length).toBe(1);
    const next = batcher.add("c", "c");
    gate.resolve();
    expect(await Promise.all([...first, next])).toEqual(["stored", "Error", "stored", "c"]);
    expect(batches).toEqual(["a,bad,b", "a", "bad", "b", "c"]);
  });

  test("takes at most 64 items at a time, in order", async () => {
    const { batches, add } = recorder();
    await Promise.all(range(300).map(add));
    expect(batches.map((batch) => batch.length)).toEqual([64, 64, 64, 64, 44]);
    expect(batches.flat()).toEqual(range(300));
  });

  test("takes at most 1 MiB at a time, or one item that is larger", async () => {
    const batches: number[][] = [];
    const batcher = createBatcher(
      async (items: readonly number[]) => {
        batches.push([...items]);
        return items;
      },
      { sizeOf: (item) => item },
    );
    const [kib, mib] = [1_024, 1_048_576];
    const sizes = [2 * mib, kib, mib - kib, 1, mib / 2, mib / 2, 0, 0, 3 * mib];
    await Promise.all(sizes.map((size, place) => batcher.add(size, `queue ${place}`)));
    expect(batches).toEqual([
      [2 * mib],
      [kib, mib - kib],
      [1, mib / 2],
      [mib / 2, 0, 0],
      [3 * mib],
    ]);
  });

  test("lets queues take turns, and gives one queue the places that the others do not need", async () => {
    const { batches, batcher } = recorder();
    const hot = range(200).map((item) => batcher.add(item, "hot"));
    const others = [1000, 1001, 1002].map((item) => batcher.add(item, `queue ${item}`));
    const late = batcher.add(1003, "queue 1002");
    await Promise.all([...hot, ...others, late]);
    expect(batches[0]?.slice(0, 8)).toEqual([0, 1000, 1001, 1002, 1, 1003, 2, 3]);
    expect(batches.map((batch) => batch.length)).toEqual([64, 64, 64, 12]);
    expect(batches.flat().filter((item) => item < 1000)).toEqual(range(200));
  });

  test("lets a queue that was left out begin the next batch", async () => {
    const { batches, batcher } = recorder();
    const twoEach = range(400).map((item) => batcher.add(item, `queue ${item % 200}`));
    await Promise.all(twoEach);
    expect(batches.map((batch) => [batch[0], batch.length])).toEqual([
      [0, 64],
      [64, 64],
      [128, 64],
      [192, 64],
      [256, 64],
      [320, 64],
      [384, 16],
    ]);
  });

  test("drops the items at the end of a queue that no caller waits for, and no others", async () => {
    const { batches, batcher } = recorder();
    const gone = AbortSignal.abort(new RangeError("gone"));
    const answers = [
      batcher.add(1, "a", gone),
      batcher.add(2, "a"),
      batcher.add(3, "a", gone),
      batcher.add(4, "a", gone),
      batcher.add(5, "b", gone),
      batcher.add(6, "c"),
    ];
    expect(await Promise.all(answers.map(kindOf))).toEqual([
      "stored",
      "stored",
      "RangeError",
      "RangeError",
      "RangeError",
      "stored",
    ]);
    expect(batches).toEqual([[1, 6, 2]]);
  });

  test("drops nothing that a batch has taken", async () => {
    const caller = new AbortController();
    const batcher = createBatcher(async (items: readonly number[]) => {
      caller.abort();
      await new Promise(setImmediate);
      return items;
    });
    expect(await batcher.add(1, "a", caller.signal)).toBe(1);
  });

  test("runs a failed batch again item by item, so that only the bad item fails", async () => {
    const { batches, add } = recorder((batch) =>
      batch.includes(2) ? new Error("bad") : undefined,
    );
    expect(await Promise.all([1, 2, 3].map(add).map(kindOf))).toEqual([
      "stored",
      "Error",
      "stored",
    ]);
    expect(batches).toEqual([[1, 2, 3], [1], [2], [3]]);
  });

  test("ends the second run when the database has become unavailable", async () => {
    const { batches, add } = recorder((batch) =>
      batch.length > 1 ? new Error("bad") : new StoreUnavailableError("full"),
    );
    expect(await Promise.all([1, 2, 3].map(add).map(kindOf))).toEqual(
      Array(3).fill("StoreUnavailableError"),
    );
    expect(batches).toEqual([[1, 2, 3], [1]]);
  });

  test("runs nothing again when the database is unavailable", async () => {
    const { batches, add } = recorder(() => new StoreUnavailableError("locked"));
    expect(await Promise.all([1, 2, 3].map(add).map(kindOf))).toEqual(
      Array(3).fill("StoreUnavailableError"),
    );
    expect(batches).toEqual([[1, 2, 3]]);
  });

  test("runs nothing again when the outcome is unknown", async () => {
    const { batches, add } = recorder(() => new OutcomeUnknownError("?"));
    expect(await Promise.all([1, 2].map(add).map(kindOf))).toEqual(
      Array(2).fill("OutcomeUnknownError"),
    );
    expect(batches).toEqual([[1, 2]]);
  });

  test.for<{ name: string; error: Error | undefined; want: BatchRecord["outcome"][] }>([
    { name: "one that is stored", error: undefined, want: ["stored"] },
    {
      name: "one that fails, and each of its items",
      error: new Error("bad"),
      want: ["failed", "failed", "failed"],
    },
    {
      name: "one that cannot be written",
      error: new StoreUnavailableError("full"),
      want: ["unavailable"],
    },
    { name: "one whose outcome is open", error: new OutcomeUnknownError("?"), want: ["unknown"] },
  ])("tells of every batch: $name", async ({ error, want }) => {
    const { batches, told, add } = recorder(() => error);
    await Promise.all([1, 2].map(add).map(kindOf));
    expect(told.map(({ outcome }) => outcome)).toEqual(want);
    expect(told.map(({ size }) => size)).toEqual(batches.map((batch) => batch.length));
    for (const { waitedMs, durationMs } of told) {
      expect(waitedMs).toBeGreaterThanOrEqual(0);
      expect(durationMs).toBeGreaterThanOrEqual(0);
    }
  });

  test("closes after all added items have run, and refuses more", async () => {
    const { batches, batcher, add } = recorder();
    const added = add(1);
    await batcher.close();
    expect(batches).toEqual([[1]]);
    expect(await added).toBe(10);
    await expect(add(2)).rejects.toThrow(StoreUnavailableError);
  });

  test("refuses what waits when it is told to, and leaves the batch in flight as it is", async () => {
    const gate = Promise.withResolvers<void>();
    const batches: number[][] = [];
    const batcher = createBatcher(
      async (items: readonly number[]) => {
        batches.push([...items]);
        await gate.promise;
        return items;
      },
      { groupOf: (queue) => queue.slice(0, 1) },
    );
    const running = batcher.add(1, "a1");
    await expect.poll(() => batches).toEqual([[1]]);
    const problem = new StoreUnavailableError("a node does not answer");
    const waiting = [batcher.add(2, "a1"), batcher.add(3, "a2"), batcher.add(4, "b1")];
    const answers = Promise.allSettled(waiting);
    batcher.refuseWaiting(problem);
    expect(await answers).toEqual(waiting.map(() => ({ status: "rejected", reason: problem })));
    const later = batcher.add(5, "a1");
    gate.resolve();
    expect(await Promise.all([running, later])).toEqual([1, 5]);
    expect(batches).toEqual([[1], [5]]);
  });

  test("answers every item once, whatever fails and in whatever order items arrive", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(3), fc.boolean()), { maxLength: 40 }),
        async (arrivals) => {
          const bad = new Set(arrivals.flatMap(([, fails], item) => (fails ? [item] : [])));
          const { batches, add } = recorder((batch) =>
            batch.some((item) => bad.has(item)) ? new Error("bad") : undefined,
          );
          const answers: Promise<string>[] = [];
          for (const [item, [turns]] of arrivals.entries()) {
            for (const _ of range(turns)) await new Promise(setImmediate);
            answers.push(kindOf(add(item)));
          }
          expect(await Promise.all(answers)).toEqual(
            arrivals.map(([, fails]) => (fails ? "Error" : "stored")),
          );
          const committed = batches.filter((batch) => !batch.some((item) => bad.has(item))).flat();
          expect(committed).toEqual(range(arrivals.length).filter((item) => !bad.has(item)));
        },
      ),
      { numRuns: 100 },
    );
  });
});
