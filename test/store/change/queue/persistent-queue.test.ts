import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  emptyQueue,
  itemsOf,
  type Queue,
  queueOf,
  withFirst,
  withLast,
  withoutFirst,
} from "../../../../src/store/change/queue/persistent-queue.ts";

/** A queue beside the list that it must agree with. */
type Pair = { readonly queue: Queue<number>; readonly list: readonly number[] };

const operations: Record<string, (pair: Pair, item: number) => Pair> = {
  add: ({ queue, list }, item) => ({ queue: withLast(queue, item), list: [...list, item] }),
  take: ({ queue, list }) => ({ queue: withoutFirst(queue), list: list.slice(1) }),
  exchange: (pair, item) =>
    pair.list.length === 0
      ? pair
      : { queue: withFirst(pair.queue, item), list: [item, ...pair.list.slice(1)] },
};

describe("Queue", () => {
  test("agrees with a list, and so does every queue that it was made of", () => {
    const steps = fc.array(fc.tuple(fc.constantFrom(...Object.keys(operations)), fc.nat()), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (taken) => {
        const pairs: Pair[] = [{ queue: emptyQueue, list: [] }];
        for (const [name, item] of taken) {
          pairs.push(operations[name]?.(pairs.at(-1) as Pair, item) as Pair);
        }
        for (const { queue, list } of pairs) {
          expect(itemsOf(queue)).toEqual(list);
          expect(queue.size).toBe(list.length);
          expect(queue.front?.item).toBe(list[0]);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("holds what it is made of, in order", () => {
    expect(itemsOf(queueOf([3, 1, 2]))).toEqual([3, 1, 2]);
  });
});
