import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Tip } from "../../../../src/store/change/append.ts";
import {
  itemsOf,
  type Queue,
  queueOf,
} from "../../../../src/store/change/queue/persistent-queue.ts";
import {
  firstPending,
  noChanges,
  type Step,
  type StreamChanges,
  step,
} from "../../../../src/store/change/queue/stream-changes.ts";
import type { StreamEvent } from "../../../../src/store/change/queue/stream-event.ts";
import type { Answer } from "../../../../src/store/change/queue/verdict.ts";
import { StoreOverloadedError } from "../../../../src/store/event-store.ts";

const tip = (version: number, change = `change ${version}`): Tip => ({
  change,
  head: { version, organization: "org", createdAt: 1, changedAt: version, state: change },
});
const [one, two, three] = [tip(1), tip(2), tip(3)] as const;

const error = new RangeError("an error");
const older = new RangeError("an error before");
const tooMany = new StoreOverloadedError("lost 32 races for one stream", 1000);

const rejected = (number: number, why: unknown = error): Answer => ({
  kind: "rejected",
  number,
  error: why,
});
const stored = (number: number, { head }: Tip): Answer => ({ kind: "stored", number, head });

type InFlight = StreamChanges["inFlight"] extends Queue<infer Item> ? Item : never;
type Held = StreamChanges["held"][number];

const flying = (number: number, to: Tip, races = 0): InFlight => ({
  number,
  races,
  outcome: { kind: "unknown", tip: to },
});
const ended = (number: number, outcome: InFlight["outcome"], races = 0): InFlight => ({
  number,
  races,
  outcome,
});
const refused = (number: number, isProven: boolean) =>
  ended(number, { kind: "without-append", answer: rejected(number), isProven });
const heldRefusal = (number: number, why: unknown = older, races = 0): Held => ({
  number,
  races,
  answer: rejected(number, why),
});
const heldLoser = (number: number, races: number): Held => ({ number, races, answer: undefined });

/** Changes to be decided again that lost so many races. */
const losers = (...races: number[]) => races.map((each, number) => ({ number, races: each }));

const settled = {
  stored: (to: Tip): StreamEvent => ({
    kind: "settled",
    tip: to,
    outcome: { kind: "stored", head: to.head },
  }),
  conflict: (to: Tip): StreamEvent => ({ kind: "settled", tip: to, outcome: { kind: "conflict" } }),
  failed: (to: Tip): StreamEvent => ({
    kind: "settled",
    tip: to,
    outcome: { kind: "failed", error },
  }),
};

/** With the queue as a list. */
type Plain = Omit<StreamChanges, "inFlight"> & { readonly inFlight: readonly InFlight[] };

const plain = (changes: StreamChanges): Plain => ({
  ...changes,
  inFlight: itemsOf(changes.inFlight),
});
const nothing = plain(noChanges);

type Row = {
  readonly name: string;
  /** Instead of an open stream without changes. */
  readonly given: Partial<Plain>;
  readonly event: StreamEvent;
  /** What becomes different. */
  readonly want: Partial<Plain>;
  /** Default: none. */
  readonly answers?: readonly Answer[];
  /** Default: 0. */
  readonly lostRaces?: number;
  readonly next: Step["next"];
};

function transitions(name: string, rows: readonly Row[]): void {
  describe(name, () => {
    test.for(rows)("$name", ({ given, event, want, answers = [], lostRaces = 0, next }) => {
      const before: Plain = { ...nothing, phase: "open", ...given };
      const taken = step({ ...before, inFlight: queueOf(before.inFlight) }, event);
      expect({ ...taken, changes: plain(taken.changes) }).toEqual({
        changes: { ...before, ...want },
        answers,
        lostRaces,
        next,
      });
    });
  });
}

const arrived: StreamEvent = { kind: "arrived" };
const refusal: StreamEvent = { kind: "refused", error };
const unchanged = ({ head }: Tip): StreamEvent => ({ kind: "unchanged", head });
/** How a new load begins, on an open stream. */
const reload = { phase: "loading", latest: undefined, inFlight: [], held: [] } as const;

describe("step", () => {
  transitions("arrived", [
    {
      name: "loads the head for the first change",
      given: nothing,
      event: arrived,
      want: { phase: "loading", arrived: 1, seen: 1 },
      next: "load",
    },
    {
      name: "lets a change wait for the load under way, which began before it",
      given: { phase: "loading", arrived: 1, seen: 1 },
      event: arrived,
      want: { arrived: 2 },
      next: "wait",
    },
    {
      name: "has a change decided on the latest head",
      given: { arrived: 1, undecided: 1, seen: 1, inFlight: [flying(0, one)], latest: one },
      event: arrived,
      want: { arrived: 2 },
      next: "decide",
    },
    {
      name: "lets a change wait when the latest head will not be stored",
      given: {
        phase: "stale",
        arrived: 1,
        undecided: 1,
        inFlight: [flying(0, one)],
        latest: one,
      },
      event: arrived,
      want: { arrived: 2 },
      next: "wait",
    },
    {
      name: "has the 128th change decided",
      given: { arrived: 127, undecided: 127, inFlight: Array(127).fill(flying(0, one)) },
      event: arrived,
      want: { arrived: 128 },
      next: "decide",
    },
    {
      name: "lets a change wait when 128 are in flight",
      given: { arrived: 128, undecided: 128, inFlight: Array(128).fill(flying(0, one)) },
      event: arrived,
      want: { arrived: 129 },
      next: "wait",
    },
  ]);

  transitions("loaded", [
    {
      name: "has the first change decided on it",
      given: { phase: "loading", arrived: 2, seen: 1 },
      event: { kind: "loaded", latest: one },
      want: { phase: "open", latest: one },
      next: "decide",
    },
    {
      name: "has what was decided before decided on it",
      given: { phase: "loading", arrived: 1, undecided: 1, again: [{ number: 0, races: 2 }] },
      event: { kind: "loaded", latest: undefined },
      want: { phase: "open" },
      next: "decide",
    },
  ]);

  transitions("load-failed", [
    {
      name: "rejects all that were here when it began",
      given: {
        phase: "loading",
        arrived: 4,
        undecided: 2,
        seen: 4,
        again: [{ number: 1, races: 1 }],
      },
      event: { kind: "load-failed", error },
      want: { phase: "stale", undecided: 4, again: [] },
      answers: [rejected(1), rejected(2), rejected(3)],
      next: "wait",
    },
    {
      name: "loads again for those that came later",
      given: { phase: "loading", arrived: 3, undecided: 0, seen: 1 },
      event: { kind: "load-failed", error },
      want: { undecided: 1, seen: 3 },
      answers: [rejected(0)],
      next: "load",
    },
  ]);

  transitions("decided", [
    {
      name: "puts the change in flight and has the next one decided on what it leads to",
      given: { arrived: 2, seen: 1, latest: one },
      event: { kind: "decided", tip: two },
      want: { undecided: 1, seen: 2, inFlight: [flying(0, two)], latest: two },
      next: "decide",
    },
    {
      name: "takes what is decided again before what is new",
      given: {
        arrived: 4,
        undecided: 3,
        again: [
          { number: 0, races: 3 },
          { number: 2, races: 0 },
        ],
      },
      event: { kind: "decided", tip: one },
      want: {
        seen: 4,
        again: [{ number: 2, races: 0 }],
        inFlight: [flying(0, one, 3)],
        latest: one,
      },
      next: "decide",
    },
    {
      name: "waits when nothing else is pending",
      given: { arrived: 2, undecided: 1, seen: 2, inFlight: [flying(0, one)], latest: one },
      event: { kind: "decided", tip: two },
      want: { undecided: 2, inFlight: [flying(0, one), flying(1, two)], latest: two },
      next: "wait",
    },
  ]);

  transitions("refused", [
    {
      name: "answers at once if the head is not older than the change, and all before is stored",
      given: { arrived: 1, seen: 1, latest: one },
      event: refusal,
      want: { undecided: 1 },
      answers: [rejected(0)],
      next: "wait",
    },
    {
      name: "has the next change decided on the same head",
      given: { arrived: 2, seen: 1, latest: one },
      event: refusal,
      want: { undecided: 1 },
      answers: [rejected(0)],
      next: "decide",
    },
    {
      name: "waits for the appends before it",
      given: { arrived: 2, undecided: 1, seen: 2, inFlight: [flying(0, one)], latest: one },
      event: refusal,
      want: { undecided: 2, inFlight: [flying(0, one), refused(1, true)] },
      next: "wait",
    },
    {
      name: "marks it if the head may be older than the change",
      given: { arrived: 2, undecided: 1, seen: 1, inFlight: [flying(0, one)], latest: one },
      event: refusal,
      want: { undecided: 2, inFlight: [flying(0, one), refused(1, false)] },
      next: "wait",
    },
    {
      name: "holds it while a later change may prove it",
      given: { arrived: 3, undecided: 1, seen: 1, latest: one },
      event: refusal,
      want: { undecided: 2, held: [heldRefusal(1, error)] },
      next: "decide",
    },
    {
      name: "loads the head again if nothing is left that could prove it",
      given: { arrived: 2, undecided: 1, seen: 1, latest: one },
      event: refusal,
      want: { ...reload, undecided: 2, again: [{ number: 1, races: 0 }], seen: 2 },
      next: "load",
    },
    {
      name: "takes what is decided again, which is older than any load",
      given: { arrived: 2, undecided: 2, seen: 2, again: [{ number: 0, races: 5 }] },
      event: refusal,
      want: { again: [] },
      answers: [rejected(0)],
      next: "wait",
    },
  ]);

  transitions("unchanged", [
    {
      name: "answers with the latest head at once if it is known to be stored",
      given: { arrived: 2, seen: 1, latest: one },
      event: unchanged(one),
      want: { undecided: 1 },
      answers: [stored(0, one)],
      next: "decide",
    },
    {
      name: "waits for the appends before it",
      given: { arrived: 2, undecided: 1, seen: 2, inFlight: [flying(0, one)], latest: one },
      event: unchanged(one),
      want: {
        undecided: 2,
        inFlight: [
          flying(0, one),
          ended(1, { kind: "without-append", answer: stored(1, one), isProven: true }),
        ],
      },
      next: "wait",
    },
    {
      name: "holds the answer while a later change may prove it",
      given: { arrived: 3, undecided: 1, seen: 1, latest: one },
      event: unchanged(one),
      want: { undecided: 2, held: [{ number: 1, races: 0, answer: stored(1, one) }] },
      next: "decide",
    },
    {
      name: "takes what is decided again",
      given: { arrived: 2, undecided: 2, seen: 2, again: [{ number: 0, races: 5 }] },
      event: unchanged(one),
      want: { again: [] },
      answers: [stored(0, one)],
      next: "wait",
    },
  ]);

  transitions("left", [
    {
      name: "rejects the change, and has the next one decided",
      given: { arrived: 2, seen: 2, latest: one },
      event: { kind: "left", error },
      want: { undecided: 1 },
      answers: [rejected(0)],
      next: "decide",
    },
    {
      name: "rejects what was to be decided again",
      given: { arrived: 2, undecided: 2, seen: 2, again: [{ number: 1, races: 1 }] },
      event: { kind: "left", error },
      want: { again: [] },
      answers: [rejected(1)],
      next: "wait",
    },
  ]);

  const decidedTwo = { arrived: 2, undecided: 2, seen: 2, latest: two } as const;
  const decidedThree = { arrived: 3, undecided: 3, seen: 3, latest: three } as const;

  transitions("settled: stored", [
    {
      name: "answers with the head",
      given: { ...decidedTwo, inFlight: [flying(0, one), flying(1, two)] },
      event: settled.stored(one),
      want: { inFlight: [flying(1, two)] },
      answers: [stored(0, one)],
      next: "wait",
    },
    {
      name: "has one more decided when there is room again",
      given: { arrived: 200, undecided: 128, inFlight: Array(128).fill(flying(0, one)) },
      event: settled.stored(one),
      want: { inFlight: Array(127).fill(flying(0, one)) },
      answers: [stored(0, one)],
      next: "decide",
    },
    {
      name: "answers the refusals behind it that are proven, up to what is under way",
      given: {
        ...decidedThree,
        inFlight: [flying(0, one), refused(1, true), flying(2, three)],
      },
      event: settled.stored(one),
      want: { inFlight: [flying(2, three)] },
      answers: [stored(0, one), rejected(1)],
      next: "wait",
    },
    {
      name: "holds the refusals behind it that are not proven",
      given: {
        ...decidedThree,
        inFlight: [flying(0, one), refused(1, false), flying(2, three)],
      },
      event: settled.stored(one),
      want: { inFlight: [flying(2, three)], held: [heldRefusal(1, error)] },
      answers: [stored(0, one)],
      next: "wait",
    },
    {
      name: "proves the refusals before it",
      given: { ...decidedThree, inFlight: [flying(2, three)], held: [heldRefusal(1)] },
      event: settled.stored(three),
      want: { inFlight: [], held: [] },
      answers: [rejected(1, older), stored(2, three)],
      next: "wait",
    },
    {
      name: "proves the heads before it that changes without events are answered with",
      given: {
        ...decidedThree,
        inFlight: [flying(2, three)],
        held: [{ number: 1, races: 0, answer: stored(1, one) }],
      },
      event: settled.stored(three),
      want: { inFlight: [], held: [] },
      answers: [stored(1, one), stored(2, three)],
      next: "wait",
    },
    {
      name: "proves that a predecessor of unknown outcome is stored: refusals behind it are right",
      given: {
        ...decidedThree,
        phase: "stale",
        broken: "failed",
        inFlight: [flying(1, two), refused(2, true)],
      },
      event: settled.stored(two),
      want: { broken: undefined, inFlight: [] },
      answers: [stored(1, two), rejected(2)],
      next: "wait",
    },
    {
      name: "waits for an append before it",
      given: { ...decidedTwo, inFlight: [flying(0, one), flying(1, two)] },
      event: settled.stored(two),
      want: { inFlight: [flying(0, one), ended(1, { kind: "stored", head: two.head })] },
      next: "wait",
    },
    {
      name: "proves nothing about a change that lost a race",
      given: {
        ...decidedTwo,
        phase: "stale",
        held: [heldLoser(0, 1)],
        inFlight: [flying(1, two)],
      },
      event: settled.stored(two),
      want: { ...reload, again: [{ number: 0, races: 1 }] },
      answers: [stored(1, two)],
      next: "load",
    },
    {
      name: "does not open a stale stream",
      given: {
        ...decidedTwo,
        arrived: 3,
        phase: "stale",
        inFlight: [flying(0, one), ended(1, { kind: "failed", error: older })],
      },
      event: settled.stored(one),
      want: { ...reload, seen: 3 },
      answers: [stored(0, one), rejected(1, older)],
      next: "load",
    },
  ]);

  transitions("settled: failed", [
    {
      name: "answers with the error, and nothing more is decided",
      given: { ...decidedTwo, arrived: 3, inFlight: [flying(0, one), flying(1, two)] },
      event: settled.failed(one),
      want: { phase: "stale", broken: "failed", inFlight: [flying(1, two)] },
      answers: [rejected(0)],
      next: "wait",
    },
    {
      name: "stops deciding even if it waits for an append before it",
      given: { ...decidedTwo, arrived: 3, inFlight: [flying(0, one), flying(1, two)] },
      event: settled.failed(two),
      want: {
        phase: "stale",
        inFlight: [flying(0, one), ended(1, { kind: "failed", error })],
      },
      next: "wait",
    },
    {
      name: "holds the refusals behind it, proven or not, without a lost race",
      given: {
        ...decidedThree,
        inFlight: [flying(0, one), refused(1, true), flying(2, three)],
      },
      event: settled.failed(one),
      want: {
        phase: "stale",
        broken: "failed",
        inFlight: [flying(2, three)],
        held: [heldRefusal(1, error)],
      },
      answers: [rejected(0)],
      next: "wait",
    },
    {
      name: "loads the head again for what is pending when nothing is in flight",
      given: { ...decidedTwo, arrived: 3, inFlight: [flying(1, two)] },
      event: settled.failed(two),
      want: { ...reload, seen: 3 },
      answers: [rejected(1)],
      next: "load",
    },
    {
      name: "ends the stream when nothing is left",
      given: { ...decidedTwo, inFlight: [flying(1, two)] },
      event: settled.failed(two),
      want: { phase: "stale", broken: "failed", inFlight: [] },
      answers: [rejected(1)],
      next: "wait",
    },
    {
      name: "does not hide a race lost before it",
      given: {
        ...decidedThree,
        phase: "stale",
        broken: "conflict",
        inFlight: [flying(1, two), flying(2, three)],
        held: [heldLoser(0, 1)],
      },
      event: settled.failed(two),
      want: { inFlight: [flying(2, three)] },
      answers: [rejected(1)],
      next: "wait",
    },
  ]);

  transitions("settled: conflict", [
    {
      name: "counts the race, and holds the change",
      given: { ...decidedTwo, arrived: 3, inFlight: [flying(0, one, 4), flying(1, two)] },
      event: settled.conflict(one),
      want: {
        phase: "stale",
        broken: "conflict",
        inFlight: [flying(1, two)],
        held: [heldLoser(0, 5)],
      },
      lostRaces: 1,
      next: "wait",
    },
    {
      name: "counts the race for everything behind it",
      given: {
        ...decidedThree,
        inFlight: [flying(0, one), refused(1, true), ended(2, { kind: "conflict" })],
      },
      event: settled.conflict(one),
      want: {
        ...reload,
        again: [
          { number: 0, races: 1 },
          { number: 1, races: 1 },
          { number: 2, races: 1 },
        ],
      },
      lostRaces: 3,
      next: "load",
    },
    {
      name: "is not counted behind a failure, which is what it lost to",
      given: { ...decidedTwo, phase: "stale", broken: "failed", inFlight: [flying(1, two, 1)] },
      event: settled.conflict(two),
      want: { ...reload, broken: undefined, again: [{ number: 1, races: 1 }] },
      next: "load",
    },
    {
      name: "has everything decided again in the order of arrival, before what is new",
      given: {
        ...decidedThree,
        arrived: 6,
        undecided: 4,
        seen: 4,
        held: [heldRefusal(0)],
        inFlight: [flying(1, two), ended(2, { kind: "conflict" })],
        again: [{ number: 3, races: 7 }],
      },
      event: settled.conflict(two),
      want: {
        ...reload,
        seen: 6,
        again: [
          { number: 0, races: 0 },
          { number: 1, races: 1 },
          { number: 2, races: 1 },
          { number: 3, races: 7 },
        ],
      },
      lostRaces: 2,
      next: "load",
    },
  ]);

  transitions("a change that lost three races", [
    {
      name: "takes a turn alone, and not one that lost two",
      given: { phase: "loading", arrived: 2, undecided: 2, seen: 2, again: losers(3, 2) },
      event: { kind: "loaded", latest: one },
      want: { phase: "open", latest: one },
      next: "turn",
    },
    {
      name: "is decided as usual when it lost two",
      given: { phase: "loading", arrived: 2, undecided: 2, seen: 2, again: losers(2, 3) },
      event: { kind: "loaded", latest: one },
      want: { phase: "open", latest: one },
      next: "decide",
    },
    {
      name: "waits until nothing is in flight before it",
      given: { arrived: 2, undecided: 2, seen: 2, latest: one, again: losers(2, 3) },
      event: { kind: "decided", tip: two },
      want: { again: [{ number: 1, races: 3 }], inFlight: [flying(0, two, 2)], latest: two },
      next: "wait",
    },
    {
      name: "leaves the queue when its turn begins",
      given: { arrived: 2, undecided: 2, seen: 2, latest: one, again: losers(3, 3) },
      event: { kind: "turn-begun" },
      want: { phase: "turn", again: [{ number: 1, races: 3 }] },
      next: "wait",
    },
    {
      name: "is answered at the end of its turn, and then the head is loaded again",
      given: {
        phase: "turn",
        arrived: 2,
        undecided: 2,
        seen: 2,
        latest: one,
        again: [{ number: 1, races: 3 }],
      },
      event: { kind: "turn-ended", answer: stored(0, two) },
      want: { ...reload, again: [{ number: 1, races: 3 }] },
      answers: [stored(0, two)],
      next: "load",
    },
    {
      name: "is decided as usual if there is no such stream, which could be held",
      given: { phase: "loading", arrived: 1, undecided: 1, seen: 1, again: losers(3) },
      event: { kind: "loaded", latest: undefined },
      want: { phase: "open" },
      next: "decide",
    },
    {
      name: "waits for a new load after a failure, which may be that there is no such stream",
      given: {
        ...decidedTwo,
        undecided: 1,
        phase: "open",
        latest: one,
        inFlight: [flying(0, one, 3)],
        again: [{ number: 1, races: 3 }],
      },
      event: settled.failed(one),
      want: { ...reload, again: [{ number: 1, races: 3 }], broken: undefined },
      answers: [rejected(0)],
      next: "load",
    },
    {
      name: "is rejected when it has lost 32, because there was no stream to hold; and it alone",
      given: {
        ...decidedTwo,
        inFlight: [flying(0, one, 31), ended(1, { kind: "conflict" }, 30)],
      },
      event: settled.conflict(one),
      want: { ...reload, again: [{ number: 1, races: 31 }] },
      answers: [rejected(0, tooMany)],
      lostRaces: 2,
      next: "load",
    },
  ]);

  test("gives a retry time after 32 lost races", () => {
    const inFlight = queueOf([flying(0, one, 31)]);
    const changes = { ...noChanges, arrived: 1, undecided: 1, inFlight };
    const { answers } = step(changes, settled.conflict(one));
    expect(answers).toMatchObject([
      { error: { name: "StoreOverloadedError", retryAfterMs: 1000 } },
    ]);
  });

  test("keeps its promises to every change, whatever happens in which order", () => {
    fc.assert(
      fc.property(fc.array(happenings, { maxLength: 60, size: "max" }), (schedule) => {
        expect(brokenPromises(schedule)).toEqual([]);
      }),
      { numRuns: 5000 },
    );
  });
});

const wishes = ["write", "nothing", "refuse", "leave", "visit", "visit and leave"] as const;

type Happening =
  | { readonly kind: "change"; readonly wish: (typeof wishes)[number] }
  | { readonly kind: "foreign" }
  | {
      readonly kind: "work";
      readonly ending: "goes on" | "fails" | "is lost" | "is lost, stored";
      readonly which: number;
    };

const happenings: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("change" as const),
      wish: fc.constantFrom("write", ...wishes),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "foreign" as const }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("work" as const),
      ending: fc.constantFrom(
        "goes on",
        "goes on",
        "goes on",
        "fails",
        "is lost",
        "is lost, stored",
      ),
      which: fc.nat(5),
    }),
  },
);

class Refused extends Error {}
class Left extends Error {}
class NotStored extends Error {}
class Unknown extends Error {}

/** What was asked for, and what became of it. */
type Asked = {
  readonly wish: string;
  /** How many changes were stored when it arrived. */
  readonly from: number;
  /** The change on which it was decided last. */
  basis: string | undefined;
  /** How many changes were stored up to the one it wrote, or the one it was decided on without writing. */
  place: number | undefined;
  answers: number;
};

/**
 * Run a schedule against a model of the database: the list of the changes it has stored.
 *
 * @returns Which promises were broken.
 */
function brokenPromises(schedule: readonly Happening[]): string[] {
  const log: string[] = [];
  const asked: Asked[] = [];
  const broken: string[] = [];
  const underWay: (
    | { after: string | undefined; tip: Tip }
    | "load"
    | { visit: number }
    | { alone: number }
  )[] = [];
  let changes = noChanges;
  let decisions = 0;

  const check = (holds: boolean, text: string) => {
    if (!holds) broken.push(text);
  };
  const placeOf = (change: string | undefined) =>
    change === undefined ? 0 : log.indexOf(change) + 1;

  function tell(answer: Answer): void {
    const { number } = answer;
    const call = asked[number] as Asked;
    const copies = log.filter((change) => change.startsWith(`${number}:`)).length;
    call.answers += 1;
    if (answer.kind === "visited") {
      check(call.wish === "visit", `${number} was no visit`);
      call.place = log.length;
    } else if (answer.kind === "stored" && call.wish === "nothing") {
      call.place = answer.head.version;
      check(copies === 0, `${number} has written something`);
      check(log[call.place - 1] === answer.head.state, `${number} got a head that is not stored`);
      check(call.place >= call.from, `${number} got a head older than its call`);
    } else if (answer.kind === "stored") {
      call.place = answer.head.version;
      check(copies === 1, `${number} is stored ${copies} times`);
      check(log[answer.head.version - 1] === answer.head.state, `${number} has another head`);
      check(answer.head.version > call.from, `${number} is older than its call`);
    } else if (answer.error instanceof Refused) {
      call.place = placeOf(call.basis);
      check(call.basis === undefined || call.place > 0, `${number} rests on what is not stored`);
      check(call.place >= call.from, `${number} was refused on a head older than its call`);
    } else if (answer.error instanceof Left) {
      check(/leave$/.test(call.wish), `${number} has not left`);
    }
    if (answer.kind === "rejected" && !(answer.error instanceof Unknown)) {
      check(copies === 0, `${number} was rejected, and is stored`);
    }
  }

  function decide(): StreamEvent {
    const number = firstPending(changes);
    const { latest } = changes;
    const call = asked[number] as Asked;
    call.basis = latest?.change;
    if (call.wish === "leave") return { kind: "left", error: new Left() };
    if (call.wish === "nothing" && latest !== undefined) return unchanged(latest);
    if (call.wish !== "write") return { kind: "refused", error: new Refused() };
    decisions += 1;
    const change = `${number}:${decisions}`;
    const decided = tip((latest?.head.version ?? 0) + 1, change);
    underWay.push({ after: latest?.change, tip: decided });
    return { kind: "decided", tip: decided };
  }

  function begin(): void {
    const visit = firstPending(changes);
    const call = asked[visit] as Asked;
    check(underWay.length === 0, "a visit began while something else was under way");
    const isChange = !call.wish.startsWith("visit");
    const races = changes.again[0]?.races ?? 0;
    check(!isChange || races >= 3, `${visit} is no visit`);
    const stays = !call.wish.endsWith("leave");
    if (stays) underWay.push(isChange ? { alone: visit } : { visit });
    take(stays ? { kind: "turn-begun" } : { kind: "left", error: new Left() });
  }

  /** A change that has lost too many races: nobody else can write meanwhile. */
  function changeAlone(number: number, ending: string): Answer {
    const call = asked[number] as Asked;
    const after = log.at(-1);
    if (ending === "fails") return { kind: "rejected", number, error: new NotStored() };
    if (ending === "is lost") return { kind: "rejected", number, error: new Unknown() };
    if (call.wish === "nothing" && after !== undefined) {
      return stored(number, tip(log.length, after));
    }
    call.basis = after;
    if (call.wish !== "write") return { kind: "rejected", number, error: new Refused() };
    const change = `${number}:alone`;
    log.push(change);
    if (ending !== "goes on") return { kind: "rejected", number, error: new Unknown() };
    return stored(number, tip(log.length, change));
  }

  function take(event: StreamEvent): void {
    const before = JSON.stringify(changes);
    const taken = step(changes, event);
    check(JSON.stringify(changes) === before, "the state before was changed");
    changes = taken.changes;
    for (const answer of taken.answers) tell(answer);
    if (taken.next === "decide") take(decide());
    if (taken.next === "turn") begin();
    if (taken.next === "load") {
      check(underWay.length === 0, "a load began while something else was under way");
      underWay.push("load");
    }
  }

  function write({ after, tip: { change } }: { after: string | undefined; tip: Tip }): boolean {
    if (log.at(-1) !== after) return false;
    log.push(change);
    return true;
  }

  function work({ ending, which }: { ending: string; which: number }): void {
    // What fails may overtake what was sent before it.
    const isInOrder = ending === "goes on" || ending === "is lost, stored";
    const [operation] = underWay.splice(isInOrder ? 0 : which % underWay.length, 1);
    if (operation === undefined) return;
    if (operation === "load") {
      const latest = log.length === 0 ? undefined : tip(log.length, log.at(-1));
      const error = new NotStored();
      take(ending === "goes on" ? { kind: "loaded", latest } : { kind: "load-failed", error });
      return;
    }
    if ("visit" in operation) {
      // The visitor may have changed the stream, and may not know.
      if (ending !== "fails") log.push(`visit ${log.length}`);
      const answer = { kind: "visited", number: operation.visit } as const;
      take({ kind: "turn-ended", answer });
      return;
    }
    if ("alone" in operation) {
      take({ kind: "turn-ended", answer: changeAlone(operation.alone, ending) });
      return;
    }
    const isStored = isInOrder && write(operation);
    const outcome =
      ending === "goes on"
        ? isStored
          ? ({ kind: "stored", head: operation.tip.head } as const)
          : ({ kind: "conflict" } as const)
        : ({
            kind: "failed",
            error: ending === "fails" ? new NotStored() : new Unknown(),
          } as const);
    take({ kind: "settled", tip: operation.tip, outcome });
  }

  for (const happening of schedule) {
    if (happening.kind === "work") work(happening);
    else if (happening.kind === "foreign") log.push(`foreign ${log.length}`);
    else {
      const { wish } = happening;
      asked.push({ wish, from: log.length, basis: undefined, place: undefined, answers: 0 });
      take({ kind: "arrived", isVisit: wish.startsWith("visit") });
    }
  }
  for (let patience = 1000; underWay.length > 0 && patience > 0; patience -= 1) {
    work({ ending: "goes on", which: 0 });
  }

  let latest = 0;
  for (const [number, { answers, place = latest }] of asked.entries()) {
    check(answers === 1, `${number} has ${answers} answers`);
    check(place >= latest, `${number} was overtaken`);
    latest = place;
  }
  return broken;
}
