import { describe, expect, test } from "vitest";
import { memoize } from "../../src/access/memoize.ts";

const setUp = (answers: readonly (string | undefined | Error)[]) => {
  const asked: string[] = [];
  const clock = { at: 1, now: () => clock.at };
  const lookUp = memoize(
    async (key) => {
      const answer = answers[asked.length];
      asked.push(key);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    { maxAgeMs: 100, clock },
  );
  return { asked, clock, lookUp };
};

describe("memoize", () => {
  test("asks once within the max age", async () => {
    const { asked, clock, lookUp } = setUp(["first", "second"]);
    await lookUp("a");
    clock.at += 100;
    expect(await lookUp("a")).toBe("first");
    expect(asked).toEqual(["a"]);
  });

  test("asks again after the max age, counted from the question", async () => {
    const { clock, lookUp } = setUp(["first", "second"]);
    const first = lookUp("a");
    clock.at += 101;
    expect(await lookUp("a")).toBe("second");
    expect(await first).toBe("first");
  });

  test("shares one answer among overlapping questions", async () => {
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

  test("does not reuse undefined", async () => {
    const { lookUp } = setUp([undefined, "second"]);
    expect([await lookUp("a"), await lookUp("a")]).toEqual([undefined, "second"]);
  });

  test("reuses neither a failure nor the answer before it", async () => {
    const { clock, lookUp } = setUp(["first", new Error("down"), "third"]);
    await lookUp("a");
    clock.at += 101;
    await expect(lookUp("a")).rejects.toThrow("down");
    expect(await lookUp("a")).toBe("third");
  });

  test("remembers an answer once it is there, and until its max age", async () => {
    const { clock, lookUp } = setUp(["first"]);
    const first = lookUp("a");
    expect(lookUp.remembered("a")).toBeUndefined();
    await first;
    clock.at += 100;
    expect(lookUp.remembered("a")).toBe("first");
    clock.at += 1;
    expect(lookUp.remembered("a")).toBeUndefined();
  });

  test.for([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    "refuses %d ms as a max age",
    (maxAgeMs) => {
      expect(() => memoize(async () => "a", { maxAgeMs, clock: performance })).toThrow(RangeError);
    },
  );
});

const setUpOwnAge = (maxAgeMs: number) => {
  const clock = { at: 1, now: () => clock.at };
  const asked: { key: string; settle: (error?: Error) => void }[] = [];
  const lookUp = memoize(
    (key) =>
      new Promise<{ number: number; maxAgeMs: number }>((resolve, reject) => {
        const number = asked.length + 1;
        const settle = (error?: Error) => (error ? reject(error) : resolve({ number, maxAgeMs }));
        asked.push({ key, settle });
      }),
    { maxAgeMs: (answer) => answer.maxAgeMs, clock },
  );
  return { lookUp, asked, clock };
};

describe("memoize with the max age that an answer allows", () => {
  test("counts it from the question", async () => {
    const { lookUp, asked, clock } = setUpOwnAge(100);
    const first = lookUp("a");
    clock.at += 60;
    asked[0]?.settle();
    await first;
    clock.at += 40;
    expect(lookUp("a")).toBe(first);
    clock.at += 1;
    expect(lookUp("a")).not.toBe(first);
    expect(asked.map(({ key }) => key)).toEqual(["a", "a"]);
  });

  test("shares an answer among overlapping questions, but not among keys", async () => {
    const { lookUp, asked } = setUpOwnAge(100);
    const [one, same, other] = [lookUp("a"), lookUp("a"), lookUp("b")];
    for (const { settle } of asked) settle();
    expect([await one, await same, await other].map(({ number }) => number)).toEqual([1, 1, 2]);
  });

  test("does not reuse an answer that allows none", async () => {
    const { lookUp, asked } = setUpOwnAge(0);
    const first = lookUp("a");
    asked[0]?.settle();
    await first;
    expect(lookUp("a")).not.toBe(first);
  });

  test("does not reuse a failure", async () => {
    const { lookUp, asked } = setUpOwnAge(100);
    const first = lookUp("a");
    asked[0]?.settle(new Error("down"));
    await expect(first).rejects.toThrow("down");
    const second = lookUp("a");
    asked[1]?.settle();
    expect(await second).toMatchObject({ number: 2 });
  });

  test("keeps a newer answer when an older question is answered late", async () => {
    const { lookUp, asked, clock } = setUpOwnAge(100);
    const first = lookUp("a");
    clock.at += 60_001;
    const second = lookUp("a");
    asked[1]?.settle();
    await second;
    asked[0]?.settle();
    await first;
    expect(lookUp("a")).toBe(second);
  });
});
