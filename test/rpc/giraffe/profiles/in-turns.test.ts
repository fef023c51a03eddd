import { expect, test } from "vitest";
import { inTurns } from "../../../../src/rpc/giraffe/profiles/in-turns.ts";

const items = Array.from({ length: 250 }, (_, place) => place);

test("does the work in order, and lets others have the event loop in between", async () => {
  let done = 0;
  const seen: number[] = [];
  setImmediate(() => seen.push(done));
  const results = await inTurns(items, (item) => {
    done += 1;
    return -item;
  });
  expect([seen, results]).toEqual([[100], items.map((item) => -item)]);
});

test("stops once its signal is aborted", async () => {
  const controller = new AbortController();
  let done = 0;
  const working = inTurns(
    items,
    () => {
      done += 1;
      if (done === 100) controller.abort(new Error("too late"));
    },
    controller.signal,
  );
  await expect(working).rejects.toThrow("too late");
  expect(done).toBe(100);
});
