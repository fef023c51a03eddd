import { describe, expect, test } from "vitest";
import { createFailedAttempts } from "../../src/access/failed-attempts.ts";
import { unavailable, unusable } from "../../src/access/provider/ask-provider.ts";
import { ServiceError } from "../../src/domain/errors.ts";
import { addressGroup } from "../../src/wire/bounds/client-address.ts";

const pass = async () => "passed";
const fail = async () => {
  throw new ServiceError("tokenInvalid");
};

function setUp() {
  const time = { micros: 1_000_000 };
  const failures = createFailedAttempts({
    now: () => time.micros,
    groupOf: addressGroup,
  });
  const outcome = (address: string, token: string, attempt: () => Promise<string>) =>
    failures(address, token, attempt).catch((error: ServiceError) => error.key);
  const failTimes = async (address: string, times: number) => {
    const outcomes: string[] = [];
    for (let call = 0; call < times; call += 1) {
      outcomes.push(await outcome(address, `bad-${call}`, fail));
    }
    return outcomes;
  };
  return { time, failures, outcome, failTimes };
}

const countOf = (key: string, outcomes: readonly string[]) =>
  outcomes.filter((outcome) => outcome === key).length;

describe("createFailedAttempts", () => {
  test("lets 100 failures at once through, then 20 a second", async () => {
    const { failTimes, time } = setUp();
    const first = await failTimes("10.0.0.1", 150);
    time.micros += 1_000_000;
    const second = await failTimes("10.0.0.1", 150);
    expect(countOf("tokenInvalid", first)).toBe(100);
    expect(countOf("tooManyFailedAuthentications", first)).toBe(50);
    expect(countOf("tokenInvalid", second)).toBe(20);
  });

  test("fills up to 100 again, not more", async () => {
    const { failTimes, time } = setUp();
    await failTimes("10.0.0.1", 150);
    time.micros += 3_600_000_000;
    expect(countOf("tokenInvalid", await failTimes("10.0.0.1", 150))).toBe(100);
  });

  test("does not fill when the clock goes back", async () => {
    const { failTimes, time } = setUp();
    await failTimes("10.0.0.1", 100);
    time.micros -= 1_000_000;
    expect(await failTimes("10.0.0.1", 1)).toEqual(["tooManyFailedAuthentications"]);
  });

  test("B3: lets a new and valid token through from an address that has none left", async () => {
    const { failTimes, outcome } = setUp();
    await failTimes("10.0.0.1", 1_000);
    expect(await outcome("10.0.0.1", "new", pass)).toBe("passed");
    expect(await outcome("10.0.0.1", "bad", fail)).toBe("tooManyFailedAuthentications");
  });

  test("leaves other addresses alone", async () => {
    const { failTimes, outcome } = setUp();
    await failTimes("10.0.0.1", 200);
    expect(await outcome("10.0.0.2", "bad", fail)).toBe("tokenInvalid");
  });

  test("lets a token that was accepted before through from an exhausted address", async () => {
    const { failTimes, outcome } = setUp();
    await outcome("10.0.0.1", "good", pass);
    await failTimes("10.0.0.1", 200);
    expect(await outcome("10.0.0.1", "good", pass)).toBe("passed");
  });

  test("forgets an accepted token once it is refused", async () => {
    const { failTimes, outcome } = setUp();
    await outcome("10.0.0.1", "revoked", pass);
    await failTimes("10.0.0.1", 200);
    expect(await outcome("10.0.0.1", "revoked", fail)).toBe("tokenInvalid");
    expect(await outcome("10.0.0.1", "revoked", fail)).toBe("tooManyFailedAuthentications");
  });

  test("counts neither successes nor other errors", async () => {
    const { failures, outcome } = setUp();
    const down = () => Promise.reject(new Error("down"));
    for (let call = 0; call < 200; call += 1) {
      await outcome("10.0.0.1", `good-${call}`, pass);
      await expect(failures("10.0.0.1", "any", down)).rejects.toThrow("down");
    }
    expect(await outcome("10.0.0.1", "bad", fail)).toBe("tokenInvalid");
  });

  test("counts the addresses of one /64 together", async () => {
    const { failTimes, outcome } = setUp();
    await failTimes("2001:db8::1", 100);
    expect(await outcome("2001:db8::ffff:2", "bad", fail)).toBe("tooManyFailedAuthentications");
    expect(await outcome("2001:db8:0:1::1", "bad", fail)).toBe("tokenInvalid");
  });

  test.for(["directory", "provider"] as const)(
    "B3: lets no more guesses through at once than one after another, however slow the %s is",
    async (whom) => {
      const { failures } = setUp();
      const asked: { token: string; answer: PromiseWithResolvers<void> }[] = [];
      const ask = (token: string) =>
        failures("10.0.0.1", token, async (takeTurn) => {
          await takeTurn(whom, () => {
            const answer = Promise.withResolvers<void>();
            asked.push({ token, answer });
            return answer.promise;
          });
          if (token.startsWith("good")) return "passed";
          throw new ServiceError("tokenInvalid");
        }).catch((error: ServiceError) => error.key);
      const guesses = Array.from({ length: 721 }, (_, number) => ask(`bad-${number}`));
      const good = Array.from({ length: 20 }, (_, number) => ask(`good-${number}`));
      for (let answered = 0; answered < 741; answered += 1) {
        await expect.poll(() => asked.length).toBeGreaterThan(answered);
        expect(asked.length - answered).toBeLessThanOrEqual(104);
        asked[answered]?.answer.resolve();
      }
      const outcomes = await Promise.all(guesses);
      expect(countOf("tokenInvalid", outcomes)).toBe(100);
      expect(countOf("tooManyFailedAuthentications", outcomes)).toBe(621);
      expect(countOf("passed", await Promise.all(good))).toBe(20);
    },
  );

  test("B3: asks about a token that was accepted before without a turn", async () => {
    const { failures, outcome } = setUp();
    await outcome("10.0.0.1", "known", pass);
    const never = new Promise<never>(() => {});
    for (let number = 0; number < 2_000; number += 1)
      void failures("10.0.0.1", `slow-${number}`, (takeTurn) =>
        takeTurn("provider", () => never),
      ).catch(() => {});
    const attempt = failures("10.0.0.1", "known", (takeTurn) => takeTurn("provider", pass));
    expect(await attempt).toBe("passed");
    // Tokens of ours do not wait for the provider either.
    const ours = failures("10.0.0.1", "ours", (takeTurn) => takeTurn("directory", pass));
    expect(await ours).toBe("passed");
  });

  test("B2: charges the address for a token that the provider has no usable answer about", async () => {
    const { outcome, failTimes } = setUp();
    const odd = () => Promise.reject(unusable("the provider answered with a page"));
    for (let call = 0; call < 100; call += 1)
      expect(await outcome("10.0.0.1", `odd-${call}`, odd)).toBe("identityProviderUnavailable");
    expect(await outcome("10.0.0.1", "odd", odd)).toBe("tooManyFailedAuthentications");
    expect(await failTimes("10.0.0.1", 1)).toEqual(["tooManyFailedAuthentications"]);
  });

  test("B2: charges nobody for an outage of the provider", async () => {
    const { outcome, failTimes } = setUp();
    const down = () => Promise.reject(unavailable("the provider cannot be reached"));
    for (let call = 0; call < 200; call += 1)
      expect(await outcome("10.0.0.1", `good-${call}`, down)).toBe("identityProviderUnavailable");
    expect(await failTimes("10.0.0.1", 1)).toEqual(["tokenInvalid"]);
  });
});
