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
    const first = queue.add("first", undefined);
    const second = queue.add("second", undefined);
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
    const results = [queue.add("first", gone.signal), queue.add("second", gone.signal)];
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
      Array.from({ length: 100 }, () => queue.add("x", undefined)),
    );
    const refused = results.filter((result) => "reason" in result);
    expect(refused).toHaveLength(36);
    expect(refused[0]).toMatchObject({ reason: { name: "StoreOverloadedError" } });
    expect(await queue.add("x", undefined)).toBe("found");
  });

  test("finishes work that has begun when it closes, and refuses the rest", async () => {
    const { queue, begun, endOf } = createWork();
    const results = [queue.add("first", undefined), queue.add("second", undefined)];
    await turn();
    const closed = queue.close();
    endOf("first").resolve("found");
    await closed;
    expect(await Promise.allSettled(results)).toMatchObject([
      { value: "found" },
      { reason: { name: "StoreUnavailableError" } },
    ]);
    await expect(queue.add("third", undefined)).rejects.toThrow("the store is closed");
    expect(begun).toEqual(["first"]);
  });
});
