import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createTurns } from "../../../src/rpc/metadata/turns.ts";

const { signal } = new AbortController();

/** Work that ends when it is told to. */
function startedWork() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const work = { isStarted: false, resolve, reject, run: () => Promise.resolve("") };
  work.run = () => {
    work.isStarted = true;
    return promise;
  };
  return work;
}

describe("createTurns", () => {
  test("runs the work of one user in order, also after a failure, and others meanwhile", async () => {
    const turns = createTurns();
    const [first, second, other] = [startedWork(), startedWork(), startedWork()];
    const results = [
      turns("a", first.run, signal),
      turns("a", second.run, signal),
      turns("b", other.run, signal),
    ];
    await turn();
    expect([first, second, other].map(({ isStarted }) => isStarted)).toEqual([true, false, true]);
    first.reject(new RangeError("failed"));
    second.resolve("second");
    other.resolve("other");
    expect(await Promise.allSettled(results)).toMatchObject([
      { reason: { name: "RangeError" } },
      { value: "second" },
      { value: "other" },
    ]);
  });

  test("drops work whose caller has left before its turn", async () => {
    const turns = createTurns();
    const caller = new AbortController();
    const [first, dropped] = [startedWork(), startedWork()];
    const before = turns("a", first.run, signal);
    const left = turns("a", dropped.run, caller.signal);
    caller.abort(new RangeError("left"));
    first.resolve("done");
    await before;
    await expect(left).rejects.toThrow("left");
    expect(dropped.isStarted).toBe(false);
  });

  test.for([
    { name: "256 of one user", users: 1, size: 256 },
    { name: "1,024 in all", users: 8, size: 128 },
  ])("F13: lets $name wait, refuses the next, and has room again", async ({ users, size }) => {
    const turns = createTurns();
    const gate = startedWork();
    const all = Array.from({ length: users * size }, (_, index) =>
      turns(`user ${index % users}`, gate.run, signal),
    );
    const next = () => turns(users === 1 ? "user 0" : "another", async () => "", signal);
    await expect(next()).rejects.toMatchObject({
      name: "StoreOverloadedError",
      retryAfterMs: 1000,
    });
    gate.resolve("done");
    await Promise.all(all);
    expect(await next()).toBe("");
  });
});
