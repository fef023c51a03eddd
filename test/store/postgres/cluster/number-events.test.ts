import { expect, test } from "vitest";
import type { FeedEvent } from "../../../../src/store/feed.ts";
import { withoutGaps } from "../../../../src/store/postgres/cluster/number-events.ts";

const at = (...positions: number[]) => positions.map((position) => ({ position }) as FeedEvent);

test("a page ends before the first position that is missing", () => {
  expect(withoutGaps(0, at(1, 2, 3))).toEqual(at(1, 2, 3));
  expect(withoutGaps(4, at(5, 6, 8, 9))).toEqual(at(5, 6));
  expect(withoutGaps(4, at(6, 7))).toEqual([]);
  expect(withoutGaps(4, [])).toEqual([]);
});
