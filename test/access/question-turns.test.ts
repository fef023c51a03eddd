import { describe, expect, test } from "vitest";
import { createQuestionTurns, type Turn } from "../../src/access/question-turns.ts";

/** Turns of addresses that have `left` guesses each. */
function setUp(left: number) {
  const taken = new Map<string, number>();
  const takenOf = (address: string) => taken.get(address) ?? 0;
  const takeTurn = createQuestionTurns({
    take(address) {
      if (takenOf(address) >= left) return false;
      taken.set(address, takenOf(address) + 1);
      return true;
    },
    giveBack: (address) => void taken.set(address, takenOf(address) - 1),
  });
  const begun: { address: string; turn: Turn }[] = [];
  const refused: string[] = [];
  const ask = (address: string, times = 1) => {
    for (let time = 0; time < times; time += 1)
      takeTurn(address).then(
        (turn) => begun.push({ address, turn }),
        (error: { key: string }) => refused.push(error.key),
      );
  };
  /** Waits until every turn that can begin has begun. */
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { ask, begun, refused, settle, takenOf };
}

describe("createQuestionTurns", () => {
  test("B3: has at most four in flight beyond the guesses that an address may make", async () => {
    const { ask, begun, settle, takenOf } = setUp(10);
    ask("a", 500);
    await settle();
    expect(begun.map(({ turn }) => turn.isReserved)).toEqual([
      ...Array.from({ length: 10 }, () => true),
      ...Array.from({ length: 4 }, () => false),
    ]);
    // When a wrong token with a reserved guess is done, no question may begin; without one, one may.
    begun[0]?.turn.end(true);
    await settle();
    expect(begun).toHaveLength(14);
    begun[13]?.turn.end(true);
    await settle();
    expect(begun).toHaveLength(15);
    expect(takenOf("a")).toBe(10);
  });

  test("B3: gives back what was reserved for a valid token, and so asks about all in time", async () => {
    const { ask, begun, refused, settle, takenOf } = setUp(10);
    ask("a", 1_000);
    for (let ended = 0; ended < 1_000; ended += 1) {
      await settle();
      begun[ended]?.turn.end(false);
    }
    expect(begun).toHaveLength(1_000);
    expect(refused).toEqual([]);
    expect(takenOf("a")).toBe(0);
  });

  test("B3: lets 1,024 of an address wait, and refuses more", async () => {
    const { ask, begun, refused, settle } = setUp(10);
    ask("a", 14 + 1_024);
    await settle();
    expect(refused).toEqual([]);
    ask("a", 3);
    ask("b", 1);
    await settle();
    expect(refused).toEqual(Array.from({ length: 3 }, () => "tooManyFailedAuthentications"));
    expect(begun.at(-1)?.address).toBe("b");
  });

  test("B3: lets 8,192 wait in all, and refuses more", async () => {
    const { ask, refused, settle } = setUp(0);
    for (let address = 0; address < 48; address += 1) ask(`first-${address}`, 4);
    for (let address = 0; address < 8; address += 1) ask(`then-${address}`, 1_024);
    await settle();
    expect(refused).toEqual([]);
    ask("last");
    await settle();
    expect(refused).toHaveLength(1);
  });

  test("B3: has at most 192 in flight, and lets addresses take turns", async () => {
    const { ask, begun, settle } = setUp(1_000);
    ask("a", 500);
    ask("b", 2);
    ask("c", 1);
    await settle();
    expect(begun).toHaveLength(192);
    expect(new Set(begun.map(({ address }) => address))).toEqual(new Set(["a"]));
    for (const { turn } of begun.slice(0, 6)) turn.end(true);
    await settle();
    expect(begun.slice(192).map(({ address }) => address)).toEqual(["a", "b", "c", "a", "b", "a"]);
  });
});
