import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom } from "../random.ts";
import { type Answer, explain, type Result, type World } from "./model.ts";
import { people, planned, type Wish, wishes } from "./wish.ts";
import { Server, wrongServers } from "./wrong-servers.ts";

const textOf = (number: number) => `${number}`;
const world = (sequence: number, number: number): World => ({
  users: new Map(people.map((user) => [user, { sequence, profile: textOf(number) }])),
  keys: new Map(),
});

let told = 0;
type Given = { readonly expected?: number; readonly key?: string; readonly wasLost?: boolean };
function answer(number: number, result: Result, { expected, key, wasLost = false }: Given = {}) {
  told += 1;
  const update = { user: "one", number, expected };
  const marks = { told: `answer ${told}`, isReplayed: false };
  return { kind: "update", update, key, wasLost, result, ...marks } satisfies Answer;
}
const done = (sequence: number, number: number): Result => ({
  kind: "done",
  state: { sequence, profile: textOf(number) },
});
const update = (number: number, sequence: number, given?: Given) =>
  answer(number, done(sequence, number), given);
const unchanged = (number: number, given?: Given) => answer(number, { kind: "unchanged" }, given);
const mismatch = (number: number, expected: number, current: number, given?: Given) =>
  answer(
    number,
    { kind: "mismatch", expected: String(expected), current: String(current) },
    { expected, ...given },
  );
const replay = (first: Answer): Answer => ({ ...first, isReplayed: true });
const read = (sequence: number, number: number): Answer => ({
  ...{ kind: "read", user: "one", result: done(sequence, number), told: "", isReplayed: false },
});

const keyed = update(1, 2, { key: "k" });
const refused = unchanged(0, { key: "k" });

describe("explain", () => {
  test.for<{ name: string; answers: Answer[]; want: [number, number] }>([
    { name: "updates in any order", answers: [update(2, 3), update(1, 2)], want: [3, 2] },
    { name: "a read between", answers: [update(2, 3), read(2, 1), update(1, 2)], want: [3, 2] },
    { name: "an update that came too late", answers: [unchanged(1), update(1, 2)], want: [2, 1] },
    {
      name: "a change there and back",
      answers: [update(0, 3), unchanged(1), update(1, 2)],
      want: [3, 0],
    },
    {
      name: "one of two that expect the same version",
      answers: [mismatch(2, 1, 2), update(1, 2, { expected: 1 })],
      want: [2, 1],
    },
    {
      name: "an update that expects the version of another",
      answers: [update(2, 3, { expected: 2 }), update(1, 2)],
      want: [3, 2],
    },
    { name: "a repeat before its first", answers: [replay(keyed), keyed], want: [2, 1] },
    {
      name: "a repeat after the profile is another one",
      answers: [replay(keyed), update(2, 3), keyed],
      want: [3, 2],
    },
    { name: "a refusal that is repeated", answers: [replay(refused), refused], want: [1, 0] },
    {
      name: "a key of another update",
      answers: [answer(2, { kind: "reused" }, { key: "k" }), keyed],
      want: [2, 1],
    },
    {
      name: "a repeat of a lost attempt",
      answers: [replay(update(1, 2, { key: "k", wasLost: true }))],
      want: [2, 1],
    },
  ])("accepts $name", ({ answers, want }) => {
    expect(explain(world(1, 0), answers, textOf)?.users.get("one")).toEqual(
      world(...want).users.get("one"),
    );
  });

  test.for<{ name: string; answers: Answer[] }>([
    { name: "two updates with one sequence", answers: [update(1, 2), update(2, 2)] },
    { name: "a gap", answers: [update(1, 3)] },
    { name: "an update that changes nothing", answers: [update(0, 2)] },
    {
      name: 'an "unchanged" for a profile that the user never had',
      answers: [unchanged(3), update(1, 2)],
    },
    { name: "a read of a mixture", answers: [read(2, 2), update(1, 2), update(2, 3)] },
    { name: "a read of the past", answers: [read(0, 3)] },
    {
      name: "two that expect the same version",
      answers: [update(1, 2, { expected: 1 }), update(2, 3, { expected: 1 })],
    },
    { name: "a mismatch with the version that is there", answers: [mismatch(1, 1, 1)] },
    { name: 'an "unchanged" in place of a mismatch', answers: [unchanged(0, { expected: 7 })] },
    { name: "a key that is done twice", answers: [keyed, update(2, 3, { key: "k" })] },
    { name: "a repeat with another answer", answers: [keyed, replay(update(1, 2, { key: "k" }))] },
    { name: "a repeat of nothing", answers: [replay(keyed)] },
    { name: "a reuse of nothing", answers: [answer(2, { kind: "reused" }, { key: "k" })] },
  ])("refuses $name", ({ answers }) => {
    expect(explain(world(1, 0), answers, textOf)).toBeUndefined();
  });
});

const histories = 200;
const steps = fc.array(wishes, { minLength: 8, maxLength: 12 });
const lastLook = people.map((user): Wish => ({ kind: "read", user }));

/** Run a history on a server of the test, and look for an order of each step. */
function runHistory(given: readonly Wish[][], number: number, Kind: typeof Server) {
  const random = createRandom(`history ${number}`);
  let now = world(1, 0);
  const server = new Kind(now.users, random);
  for (const step of [...given, lastLook]) {
    server.step = planned(now, step);
    const answers = server.step
      .map((call) => ({ call, at: random.int(1_000) }))
      .sort((a, b) => a.at - b.at)
      .map(({ call }) => server.call(call));
    const next = explain(now, answers.toReversed(), textOf);
    if (next === undefined) return { isExplained: false, isSpoilt: server.isSpoilt };
    now = next;
  }
  return { isExplained: true, isSpoilt: server.isSpoilt };
}

const runHistories = (Kind: typeof Server) =>
  fc
    .sample(steps, { seed: 1, numRuns: histories })
    .map((given, number) => runHistory(given, number, Kind));

describe("histories of a server in a few lines", () => {
  test("are explained if it is right", () => {
    const runs = runHistories(Server);
    expect(runs.filter(({ isExplained }) => isExplained)).toHaveLength(histories);
  });

  test.for(Object.entries(wrongServers))("are not explained after %s", ([, Kind]) => {
    const spoilt = runHistories(Kind).filter(({ isSpoilt }) => isSpoilt);
    expect(spoilt.length).toBeGreaterThan(histories / 3);
    expect(spoilt.filter(({ isExplained }) => isExplained)).toEqual([]);
  });
});
