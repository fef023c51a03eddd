import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createHangingNodes } from "../../../../src/store/postgres/cluster/hanging-nodes.ts";

const never = () => new Promise<never>(() => {});
const answer = async () => "answer";
/** A look that a node left without an answer until the engine gave up. */
const unanswered = (node: string, beganAt = performance.now()) => ({
  ...{ node, answers: false, beganAt, tookMs: 2_000 },
});

describe("nodes that hang", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("fail what waits for them and what comes, and nothing of other nodes", async () => {
    const nodes = createHangingNodes();
    const waiting = nodes.guard("1", never);
    const other = nodes.guard(
      "2",
      () => new Promise((resolve) => setTimeout(resolve, 3_000, "late")),
    );
    nodes.saw(unanswered("1"));
    await expect(waiting).rejects.toThrow("a node of the cluster does not answer");
    const work = vi.fn(answer);
    await expect(nodes.guard("1", work)).rejects.toMatchObject({ name: "StoreUnavailableError" });
    expect(work).not.toHaveBeenCalled();
    expect(await nodes.guard("2", answer)).toBe("answer");
    expect(await nodes.guard(undefined, answer)).toBe("answer");
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await other).toBe("late");
    expect(nodes.problem()?.name).toBe("StoreUnavailableError");
    expect(nodes.problem(["2", undefined])).toBeUndefined();
    expect(nodes.problem(["2", "1"])?.name).toBe("StoreUnavailableError");
  });

  test("serve again as soon as a look is answered", async () => {
    const nodes = createHangingNodes();
    nodes.saw(unanswered("1"));
    nodes.saw({ node: "1", answers: true, beganAt: performance.now(), tookMs: 3 });
    expect(await nodes.guard("1", answer)).toBe("answer");
    expect(nodes.problem()).toBeUndefined();
  });

  test("are not those that refuse at once: they are gone, and may be back before the next look", async () => {
    const nodes = createHangingNodes();
    nodes.saw({ ...unanswered("1"), tookMs: 5 });
    expect(await nodes.guard("1", answer)).toBe("answer");
  });

  test("are not those that answered anything during the look: they are busy", async () => {
    const nodes = createHangingNodes();
    const beganAt = performance.now();
    const waiting = nodes.guard(
      "1",
      () => new Promise((resolve) => setTimeout(resolve, 3_000, "late")),
    );
    await vi.advanceTimersByTimeAsync(1_000);
    await nodes.guard("1", answer);
    await vi.advanceTimersByTimeAsync(1_000);
    nodes.saw(unanswered("1", beganAt));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await waiting).toBe("late");
    expect(await nodes.guard("1", answer)).toBe("answer");
  });

  test("are looked at soon once something has waited for a second without any answer", async () => {
    const nodes = createHangingNodes();
    expect(nodes.isDoubtful()).toBe(false);
    nodes.guard("1", never).catch(() => {});
    await vi.advanceTimersByTimeAsync(900);
    expect(nodes.isDoubtful()).toBe(false);
    await nodes.guard("1", answer);
    await vi.advanceTimersByTimeAsync(900);
    expect(nodes.isDoubtful()).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect(nodes.isDoubtful()).toBe(true);
    nodes.saw(unanswered("1"));
    expect(nodes.isDoubtful()).toBe(false);
  });

  test("an error of a node is no answer, and passes as it is", async () => {
    const nodes = createHangingNodes();
    const beganAt = performance.now();
    await vi.advanceTimersByTimeAsync(10);
    const failing = nodes.guard("1", () => Promise.reject(new Error("from the engine")));
    await expect(failing).rejects.toThrow("from the engine");
    nodes.saw(unanswered("1", beganAt));
    expect(nodes.problem()).toBeDefined();
  });

  test("are told to listeners once, and forgotten when they are removed", () => {
    const nodes = createHangingNodes();
    const told: string[] = [];
    nodes.whenHanging((node) => told.push(node));
    nodes.saw(unanswered("1"));
    nodes.saw(unanswered("1"));
    expect(told).toEqual(["1"]);
    nodes.keep(["2"]);
    expect(nodes.problem()).toBeUndefined();
  });
});
