import { describe, expect, test } from "vitest";
import { createReusedAnswers } from "../../src/access/reused-answers.ts";

const setUp = (answers: readonly (string | undefined | Error)[]) => {
  const asked: string[] = [];
  const clock = { at: 1, now: () => clock.at };
  const lookUp = createReusedAnswers(
    async (key) => {
      const answer = answers[asked.length];
      asked.push(key);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    100,
    clock,
  );
  return { asked, clock, lookUp };
};

describe("createReusedAnswers", () => {
  test("asks once within reuseMs", async () => {
    const { asked, clock, lookUp } = setUp(["first", "second"]);
    await lookUp("a");
    clock.at += 100;
    expect(await lookUp("a")).toBe("first");
    expect(asked).toEqual(["a"]);
  });

  test("asks again after reuseMs, counted from the question", async () => {
    const { clock, lookUp } = setUp(["first", "second"]);
    const first = lookUp("a");
    clock.at += 101;
    expect(await lookUp("a")).toBe("second");
    expect(await first).toBe("first");
  });

  test("shares one look-up among overlapping questions", async () => {
    const { asked, lookUp } = setUp(["first"]);
    expect(await Promise.all([lookUp("a"), lookUp("a"), lookUp("a")])).toEqual(
      Array.from({ length: 3 }, () => "first"),
    );
    expect(asked).toEqual(["a"]);
  });

  test("keeps the keys apart", async () => {
    const { lookUp } = setUp(["first", "second"]);
    expect([await lookUp("a"), await lookUp("b"), await lookUp("a")]).toEqual([
      "first",
      "second",
      "first",
    ]);
  });

  test("does not reuse nothing", async () => {
    const { lookUp } = setUp([undefined, "second"]);
    expect([await lookUp("a"), await lookUp("a")]).toEqual([undefined, "second"]);
  });

  test("does not reuse a failure, nor an older answer in its place", async () => {
    const { clock, lookUp } = setUp(["first", new Error("down"), "third"]);
    await lookUp("a");
    clock.at += 101;
    await expect(lookUp("a")).rejects.toThrow("down");
    expect(await lookUp("a")).toBe("third");
  });

  test.for([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    "refuses to reuse for %d ms",
    (reuseMs) => {
      expect(() => createReusedAnswers(async () => "a", reuseMs, performance)).toThrow(RangeError);
    },
  );
});
