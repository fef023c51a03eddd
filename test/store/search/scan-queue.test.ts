import { describe, expect, test } from "vitest";
import { createScanQueue } from "../../../src/store/search/scan-queue.ts";

/** Work that ends when it is told to. */
function createWork() {
  const begun: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<string>>();
  const endOf = (name: string) => {
    const end = ends.get(name) ?? Promise.withResolvers<string>();
    ends.set(name, end);
    return end;
  };
  const queue = createScanQueue(async (name: string) => {
    begun.push(name);
    return endOf(name).promise;
  });
  return { queue, begun, endOf };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("createScanQueue", () => {
  test("runs work in order of arrival, one after another, also after a failure", async () => {
    const { queue, begun, endOf } = createWork();
    const first = queue.add("first", "a", undefined);
    const second = queue.add("second", "a", undefined);
    await turn();
    expect(begun).toEqual(["first"]);
    endOf("first").reject(new RangeError("broken"));
    endOf("second").resolve("found");
    await expect(first).rejects.toThrow("broken");
    expect(await second).toBe("found");
    expect(begun).toEqual(["first", "second"]);
  });

  test("drops work that no caller waits for any more, but not work that has begun", async () => {
    const { queue, begun, endOf } = createWork();
    const gone = new AbortController();
    const results = [queue.add("first", "a", gone.signal), queue.add("second", "a", gone.signal)];
    await turn();
    gone.abort(new RangeError("gone"));
    endOf("first").resolve("found");
    expect(await Promise.allSettled(results)).toMatchObject([
      { value: "found" },
      { reason: { message: "gone" } },
    ]);
    expect(begun).toEqual(["first"]);
  });

  test("refuses work when too much waits", async () => {
    const { queue, endOf } = createWork();
    endOf("x").resolve("found");
    const results = await Promise.allSettled(
      Array.from({ length: 100 }, () => queue.add("x", "a", undefined)),
    );
    const refused = results.filter((result) => "reason" in result);
    expect(refused).toHaveLength(36);
    expect(refused[0]).toMatchObject({ reason: { name: "StoreOverloadedError" } });
    expect(await queue.add("x", "a", undefined)).toBe("found");
  });

  test("lets groups take turns", async () => {
    const { queue, begun, endOf } = createWork();
    const names = ["a1", "a2", "a3", "b1", "c1", "b2"];
    for (const name of names) endOf(name).resolve(name);
    await Promise.all(names.map((name) => queue.add(name, name.slice(0, 1), undefined)));
    expect(begun).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  });

  test("takes the latest of the group that has most, when too much waits, for one that has less", async () => {
    const { queue, endOf } = createWork();
    const flood = Array.from({ length: 64 }, (_, place) => `a${place}`);
    const others = ["b1", "b2", "c1"];
    const late = "a64";
    for (const name of [...flood, ...others, late]) endOf(name).resolve(name);
    const add = (name: string) => queue.add(name, name.slice(0, 1), undefined);
    const results = await Promise.allSettled([...flood, ...others, late].map(add));
    const refused = [...flood, ...others, late].filter(
      (_, place) => "reason" in (results[place] ?? {}),
    );
    expect(refused).toEqual(["a61", "a62", "a63", "a64"]);
  });

  test("tells running work when its caller leaves", async () => {
    const stopped: string[] = [];
    const queue = createScanQueue(
      (name: string, signal: AbortSignal | undefined) =>
        new Promise<string>((_, reject) => {
          signal?.addEventListener("abort", () => {
            stopped.push(name);
            reject(signal.reason);
          });
        }),
    );
    const gone = new AbortController();
    const result = queue.add("first", "a", gone.signal);
    await turn();
    gone.abort(new RangeError("gone"));
    await expect(result).rejects.toThrow("gone");
    expect(stopped).toEqual(["first"]);
  });

  test("finishes work that has begun when it closes, and refuses the rest", async () => {
    const { queue, begun, endOf } = createWork();
    const results = [queue.add("first", "a", undefined), queue.add("second", "a", undefined)];
    await turn();
    const closed = queue.close();
    endOf("first").resolve("found");
    await closed;
    expect(await Promise.allSettled(results)).toMatchObject([
      { value: "found" },
      { reason: { name: "StoreUnavailableError" } },
    ]);
    await expect(queue.add("third", "a", undefined)).rejects.toThrow("the store is closed");
    expect(begun).toEqual(["first"]);
  });
});
