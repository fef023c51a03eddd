import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { setup } from "./postgres-setup.ts";

afterEach(() => vi.unstubAllEnvs());

/** Set up with a server that only counts how often it is started and closed. */
async function setUp(start: () => Promise<string> = async () => "postgres://one") {
  vi.stubEnv("GIRAFFE_TEST_POSTGRES_URL", "");
  const counts = { starts: 0, closes: 0 };
  const doors: string[] = [];
  const tearDown = await setup({ provide: (_, url) => doors.push(url) }, async () => {
    counts.starts += 1;
    const url = await start();
    return {
      url: (database) => `${url}/${database}`,
      async close() {
        counts.closes += 1;
      },
    };
  });
  onTestFinished(tearDown);
  const ask = async () => {
    const answer = await fetch(String(doors[0]));
    return { status: answer.status, text: await answer.text() };
  };
  return { ask, counts, tearDown };
}

describe("E: the PostgreSQL of a test run", () => {
  test("is not started when no test asks for it", async () => {
    const { counts, tearDown } = await setUp();
    await tearDown();
    expect(counts).toEqual({ starts: 0, closes: 0 });
  });

  test("is started once for all who ask, and closed at the end", async () => {
    const { ask, counts, tearDown } = await setUp();
    const answers = await Promise.all([ask(), ask(), ask()]);
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(["postgres://one/postgres"]));
    expect(counts).toEqual({ starts: 1, closes: 0 });
    await tearDown();
    expect(counts).toEqual({ starts: 1, closes: 1 });
  });

  test("says to everybody why it did not start", async () => {
    const { ask } = await setUp(() => Promise.reject(new Error("no initdb")));
    for (const answer of [await ask(), await ask()])
      expect(answer).toEqual({ status: 500, text: "Error: no initdb" });
  });

  test("is another one if the environment names it", async () => {
    const { ask, counts } = await setUp();
    vi.stubEnv("GIRAFFE_TEST_POSTGRES_URL", "postgres://elsewhere/any");
    expect(await ask()).toEqual({ status: 200, text: "postgres://elsewhere/any" });
    expect(counts.starts).toBe(0);
  });
});
