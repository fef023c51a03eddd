import type { Tip } from "../append.ts";
import { type InFlight, withOutcome } from "./in-flight.ts";
import { emptyQueue, type Queue, withLast, withoutFirst } from "./persistent-queue.ts";
import type { StreamEvent } from "./stream-event.ts";
import {
  type Answer,
  type Held,
  judge,
  type Numbered,
  rejected,
  stored,
  type Tally,
} from "./verdict.ts";

/**
 * The changes of one stream that are not answered yet, as plain data, and the rules for them. The file is over
 * 250 lines because all rules work on that data.
 *
 * A change is *pending* until it is decided. It is decided on the *latest* head: the one that its
 * predecessor's decision leads to, which may not be stored yet. Then it is *in flight* until its
 * append has ended. Outcomes are looked at in the order of the changes:
 *
 * - An append that is stored answers its change. It also proves that its predecessors were right: a
 *   change without an append that was decided on one of their heads can be answered now.
 * - An append that failed answers its change with the error.
 * - An append that lost a race answers nothing: another process has written the stream meanwhile. The
 *   change is decided again.
 * - A change without an append was refused, or changes nothing. It is answered at once if the latest head was
 *   loaded, or its append begun, after the change arrived, and everything before it is stored. Otherwise the
 *   head may be older than the change, or may never be stored. So the change is *held*: the next append
 *   that is stored proves its answer; if there is none, the change is decided again.
 *
 * After a failure or a lost race nothing more is decided. When nothing is in flight any more, the head
 * is loaded again, and what must be decided again comes first.
 *
 * In a *turn* somebody else has the stream: until it ends, nothing is loaded or decided here. It begins when nothing
 * before it is in flight or held. Then the head is loaded again. There are two kinds:
 *
 * - A *visit* is the turn that a change of several streams takes in each of them. It waits in order like a change.
 * - A change that has lost several races takes a turn alone: see `CommitAll`. Otherwise a process that writes the stream
 *   all the time could win for ever: it knows the latest head, and whoever lost must load it first.
 *
 * Changes are numbered in order of arrival, from 0, so that nothing here grows with the queue.
 */
export type StreamChanges = {
  /**
   * `loading`: a load is under way. `open`: pending changes may be decided on `latest`. `stale`:
   * `latest` is not stored, or will not be. `turn`: somebody has the stream.
   */
  readonly phase: "loading" | "open" | "stale" | "turn";
  /** So many changes have arrived. */
  readonly arrived: number;
  /** Changes with this number and higher ones are pending: they have never been decided. */
  readonly undecided: number;
  /** Pending, and before those: to be decided again, in order. */
  readonly again: readonly Numbered[];
  /** So many changes had arrived when the load or append that made `latest` began. */
  readonly seen: number;
  /** Decided, in order. The outcome of the first is not known. */
  readonly inFlight: Queue<InFlight>;
  /** Before those in flight, in order: their outcome is known, their answer is not. */
  readonly held: readonly Held[];
  /** Why what comes next in flight may not be stored; the first reason counts. */
  readonly broken: "conflict" | "failed" | undefined;
  /** What the next change is decided on; `undefined`: there is no such stream. */
  readonly latest: Tip | undefined;
  /** Which of those pending are visits, in order. */
  readonly visits: readonly number[];
};

/** What an event leads to. */
export type Step = {
  readonly changes: StreamChanges;
  /** To be given, in this order. */
  readonly answers: readonly Answer[];
  /** How many changes turned out to have lost a race. */
  readonly lostRaces: number;
  /**
   * `load`: load the latest head. `decide`: decide the first pending change on `latest`. `turn`: the turn of the first
   * pending begins now. `wait`: wait for the next event.
   */
  readonly next: "load" | "decide" | "turn" | "wait";
};

/**
 * As many as two batches take: one is decided while the other is stored. More would gain nothing: they would be decided
 * for nothing when one before them is not stored, or be sent after their callers have left.
 */
const maxInFlight = 128;

/**
 * After so many lost races a change takes a turn alone. Two servers that change one user as often lose three in a row
 * once in eight times; a turn alone takes four round trips instead of one.
 */
const racesUntilTurn = 3;

const none: readonly Answer[] = [];

/** What a stream begins with. */
export const noChanges: StreamChanges = {
  phase: "stale",
  arrived: 0,
  undecided: 0,
  again: [],
  seen: 0,
  inFlight: emptyQueue,
  held: [],
  broken: undefined,
  latest: undefined,
  visits: [],
};

/** The number of the change that is to be decided next. */
export function firstPending({ again, undecided }: StreamChanges): number {
  return again[0]?.number ?? undecided;
}

/**
 * What an event makes of the changes of a stream. Pure.
 *
 * @param event `decided`, `refused` and `unchanged` only if the step before said `decide`, or `turn` of a change, `left`
 *   if it said one of them, `turn-begun` only if it said `turn`, and `loaded` and `load-failed` only if it said `load`.
 */
export function step(changes: StreamChanges, event: StreamEvent): Step {
  switch (event.kind) {
    case "arrived":
      return proceed(withArrived(changes, event.isVisit === true));
    case "loaded":
      return proceed({ ...changes, phase: "open", latest: event.latest });
    case "load-failed":
      return failLoad(changes, event.error);
    case "decided": {
      const inFlight = withDecided(changes, { kind: "unknown", tip: event.tip });
      const { arrived: seen } = changes;
      return proceed({ ...changes, ...withoutPending(changes), seen, inFlight, latest: event.tip });
    }
    case "refused":
      return withoutAppend(changes, rejected(firstPending(changes), event.error));
    case "unchanged":
      return withoutAppend(changes, stored(firstPending(changes), event.head));
    case "left": {
      const answers = [rejected(firstPending(changes), event.error)];
      return proceed({ ...changes, ...withoutPending(changes) }, answers);
    }
    case "turn-begun":
      return proceed({ ...changes, ...withoutPending(changes), phase: "turn" });
    case "turn-ended":
      return proceed({ ...changes, phase: "stale" }, [event.answer]);
    case "settled": {
      const inFlight = withOutcome(changes.inFlight, event.tip, event.outcome);
      const isStored = event.outcome.kind === "stored";
      return conclude(isStored ? changes : { ...changes, phase: "stale" }, inFlight);
    }
  }
}

function withArrived(changes: StreamChanges, isVisit: boolean): StreamChanges {
  const { arrived, visits } = changes;
  return { ...changes, arrived: arrived + 1, visits: isVisit ? [...visits, arrived] : visits };
}

/** Reject those that were here when the load began. */
function failLoad(changes: StreamChanges, error: unknown): Step {
  const { again, undecided, seen } = changes;
  const numbers = again.map(({ number }) => number);
  for (let number = undecided; number < seen; number += 1) numbers.push(number);
  const answers = numbers.map((number) => rejected(number, error));
  const visits = changes.visits.filter((number) => number >= seen);
  return proceed({ ...changes, phase: "stale", again: [], undecided: seen, visits }, answers);
}

/** Give the first pending change its answer as soon as it is proven. */
function withoutAppend(changes: StreamChanges, answer: Answer): Step {
  const isProven = answer.number < changes.seen;
  const inFlight = withDecided(changes, { kind: "without-append", answer, isProven });
  return conclude({ ...changes, ...withoutPending(changes) }, inFlight);
}

/** What is in flight, and the first pending change behind it. */
function withDecided(changes: StreamChanges, outcome: InFlight["outcome"]): Queue<InFlight> {
  const { again, inFlight } = changes;
  const number = firstPending(changes);
  return withLast(inFlight, { number, races: again[0]?.races ?? 0, outcome });
}

/** What is pending besides the first. */
function withoutPending({
  again,
  undecided,
  visits,
}: StreamChanges): Pick<StreamChanges, "again" | "undecided" | "visits"> {
  if (again.length > 0) return { again: again.slice(1), undecided, visits };
  const rest = visits[0] === undecided ? visits.slice(1) : visits;
  return { again, undecided: undecided + 1, visits: rest };
}

/** Answer or hold, in order, what is in flight, up to the first whose outcome is not known. */
function conclude(changes: StreamChanges, decided: Queue<InFlight>): Step {
  const { held, broken } = changes;
  const tally: Tally = { held, broken, answers: [], lostRaces: 0 };
  let inFlight = decided;
  for (let link = inFlight.front; link !== undefined; link = inFlight.front) {
    const { outcome } = link.item;
    if (outcome.kind === "unknown") break;
    judge(tally, link.item, outcome);
    inFlight = withoutFirst(inFlight);
  }
  return proceed(
    { ...changes, inFlight, held: tally.held, broken: tally.broken },
    tally.answers,
    tally.lostRaces,
  );
}

/** Say what comes next. When nothing is in flight and nothing can be decided, begin with a new load. */
function proceed(changes: StreamChanges, answers: readonly Answer[] = none, lostRaces = 0): Step {
  const { phase, arrived, undecided, again, inFlight, held } = changes;
  const isPending = again.length > 0 || undecided < arrived;
  if (phase === "loading" || phase === "turn") {
    return { changes, answers, lostRaces, next: "wait" };
  }
  const isTurn = isPending && takesTurn(changes);
  if (isTurn && inFlight.size === 0 && held.length === 0) {
    return { changes, answers, lostRaces, next: "turn" };
  }
  if (phase === "open" && isPending && !isTurn && inFlight.size < maxInFlight) {
    return { changes, answers, lostRaces, next: "decide" };
  }
  if (inFlight.size > 0 || (!isPending && held.length === 0)) {
    return { changes, answers, lostRaces, next: "wait" };
  }
  return { changes: beginLoad(changes), answers, lostRaces, next: "load" };
}

/**
 * Whether the first pending takes a turn: it is a visit, or has lost several races. A stream that is not there cannot be
 * held.
 */
function takesTurn({ again: [first], undecided, visits, phase, latest }: StreamChanges): boolean {
  if (first === undefined) return undecided === visits[0];
  return first.races >= racesUntilTurn && phase === "open" && latest !== undefined;
}

function beginLoad({ arrived, undecided, again, held, visits }: StreamChanges): StreamChanges {
  const heldAgain = held.map(({ number, races }) => ({ number, races }));
  return {
    ...noChanges,
    phase: "loading",
    arrived,
    undecided,
    again: [...heldAgain, ...again],
    seen: arrived,
    visits,
  };
}
