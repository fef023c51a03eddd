import { describe, expect, test } from "vitest";
import { createTokenAnswers } from "../../src/access/token-answers.ts";

const setUp = (reuseMs: number) => {
  const clock = { at: 1, now: () => clock.at };
  const asked: { token: string; settle: (error?: Error) => void }[] = [];
  const answers = createTokenAnswers(
    (token) =>
      new Promise<{ number: number; reuseMs: number }>((resolve, reject) => {
        const number = asked.length + 1;
        const settle = (error?: Error) => (error ? reject(error) : resolve({ number, reuseMs }));
        asked.push({ token, settle });
      }),
    clock,
  );
  return { answers, asked, clock };
};

describe("createTokenAnswers", () => {
  test("reuses an answer for as long as it says, counted from the question", async () => {
    const { answers, asked, clock } = setUp(100);
    const first = answers("a");
    clock.at += 60;
    asked[0]?.settle();
    await first;
    clock.at += 40;
    expect(answers("a")).toBe(first);
    clock.at += 1;
    expect(answers("a")).not.toBe(first);
    expect(asked.map(({ token }) => token)).toEqual(["a", "a"]);
  });

  test("shares an answer among overlapping questions, but not among tokens", async () => {
    const { answers, asked } = setUp(100);
    const [one, same, other] = [answers("a"), answers("a"), answers("b")];
    for (const { settle } of asked) settle();
    expect([await one, await same, await other].map(({ number }) => number)).toEqual([1, 1, 2]);
  });

  test("reuses no answer that forbids it", async () => {
    const { answers, asked } = setUp(0);
    const first = answers("a");
    asked[0]?.settle();
    await first;
    expect(answers("a")).not.toBe(first);
  });

  test("reuses no failure", async () => {
    const { answers, asked } = setUp(100);
    const first = answers("a");
    asked[0]?.settle(new Error("down"));
    await expect(first).rejects.toThrow("down");
    const second = answers("a");
    asked[1]?.settle();
    expect(await second).toMatchObject({ number: 2 });
  });

  test("lets a late answer not take the place of a newer one", async () => {
    const { answers, asked, clock } = setUp(100);
    const first = answers("a");
    clock.at += 60_001;
    const second = answers("a");
    asked[1]?.settle();
    await second;
    asked[0]?.settle();
    await first;
    expect(answers("a")).toBe(second);
  });
});
