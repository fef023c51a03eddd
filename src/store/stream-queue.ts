import { randomUUID } from "node:crypto";
import type { Append, AppendResult, Tip } from "./append.ts";
import {
  ClaimTakenError,
  type Decide,
  type EventStore,
  type Head,
  type Micros,
  StoreOverloadedError,
  StoreUnavailableError,
} from "./event-store.ts";
import type { StoreObserver } from "./observer.ts";

/** What an engine brings. */
export type StreamQueueOptions = {
  /** The latest durable head, whichever organization owns it. */
  readonly load: (stream: string) => Promise<Tip | undefined>;
  /**
   * Appends of one stream must take effect in the order of the calls. Rejects with
   * OutcomeUnknownError if the outcome is open; any other rejection means nothing was stored.
   *
   * @param signal Aborted: the append may be left out, and rejects with the signal's reason then.
   */
  readonly append: (append: Append, signal: AbortSignal | undefined) => Promise<AppendResult>;
  readonly now: () => Micros;
  readonly observer?: Pick<StoreObserver, "waiting" | "retried"> | undefined;
};

export type StreamQueue = {
  /** As `EventStore.change`. */
  readonly change: EventStore["change"];
  /** Refuses further changes; resolves when all before are answered. */
  close(): Promise<void>;
};

/** Changes of one stream that may wait: beyond, a hot stream's callers would wait longer than they do. */
const maxPerStream = 1024;
/** Changes of all streams that may wait: about one second of work, some 20 MB. */
const maxInAll = 10_000;
/**
 * Changes of one stream decided and not answered: a whole group commit. More would gain nothing, and
 * be decided in vain when one before them is not stored, or sent after their callers have left.
 */
const maxAhead = 128;
/** By then even a full queue is worked off. */
const retryAfterMs = 1000;
/** Races lost to other processes. An even race is lost this often in a row once in four billion. */
const maxConflicts = 32;

type Change = {
  readonly organization: string;
  readonly decide: Decide<unknown>;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (head: Head<unknown>) => void;
  readonly reject: (error: unknown) => void;
  /** The lane's `begun` when it arrived. */
  readonly arrivedAt: number;
  conflicts: number;
};

type Outcome =
  | { readonly kind: "appended"; readonly head: Head<unknown> }
  | { readonly kind: "conflict" }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "refused"; readonly error: unknown; readonly isProven: boolean };

/** The changes of one stream. Exists only while there are any. */
type Lane = {
  readonly stream: string;
  /** Not decided yet, in order of arrival. */
  waiting: Change[];
  /** Decided, not answered yet, in order; all of them before those that wait. */
  readonly flights: { readonly change: Change; readonly outcome: Promise<Outcome> }[];
  /** Where the latest decision leads to. */
  tip: Tip | undefined;
  /** Loads and appends that were ever begun. */
  begun: number;
  /** `begun` when the load or append that made the tip had begun. */
  tipBegunAt: number;
  /** Nothing more may be decided on the tip. */
  isStale: boolean;
  size: number;
};

/**
 * Run the changes of one stream one after another in order of arrival, each on the head that its
 * predecessor decided, without waiting for the predecessor's commit.
 *
 * Every answer waits for the appends it rests on. When one of them is not stored, all that was
 * decided after it is decided again on a newly loaded head: work done twice, on the rare occasion,
 * for a stream that is not bound to one change per commit.
 *
 * An append proves by itself that its head was the latest. A refusal does not: another process may
 * have moved the head before the change even arrived. So it is answered only if its head was loaded,
 * or its append begun, after the change arrived, or if a later append on the same head is stored;
 * else it is decided again on a newly loaded head. No refusal is older than its change.
 *
 * A change whose signal is aborted before it is decided is dropped; afterwards `append` may still
 * leave it out, and then what was decided after it is decided again.
 *
 * Bounds: 1,024 changes per stream, 10,000 in all, 32 lost races per change; beyond them
 * StoreOverloadedError. Decided ahead: 128 per stream.
 */
export function createStreamQueue({
  load,
  append,
  now,
  observer,
}: StreamQueueOptions): StreamQueue {
  const lanes = new Map<string, Lane>();
  const idle = Promise.withResolvers<void>();
  let size = 0;
  let closed = false;

  async function run(lane: Lane): Promise<void> {
    while (lane.waiting.length > 0) {
      const arrived = lane.waiting.length;
      lane.begun += 1;
      lane.tipBegunAt = lane.begun;
      try {
        lane.tip = await load(lane.stream);
      } catch (error) {
        for (const change of lane.waiting.splice(0, arrived)) change.reject(error);
        continue;
      }
      lane.isStale = false;
      const again = await land(lane);
      lane.waiting = [...again, ...lane.waiting];
    }
    lanes.delete(lane.stream);
  }

  /**
   * Decide what waits, and answer what is in flight, in order, until there is nothing in flight.
   *
   * @returns The changes to decide again.
   */
  async function land(lane: Lane): Promise<Change[]> {
    // A refusal keeps its error: an append that is stored after it proves it.
    let again: { readonly change: Change; readonly refusal?: unknown }[] = [];
    let lost: "conflict" | "failed" | undefined;
    for (;;) {
      while (lane.waiting.length > 0 && isOpen(lane)) depart(lane, lane.waiting.shift() as Change);
      const [flight] = lane.flights;
      if (flight === undefined) break;
      const { change } = flight;
      const outcome = await flight.outcome;
      lane.flights.shift();
      if (outcome.kind === "appended") {
        for (const before of again) before.change.reject(before.refusal);
        again = [];
        lost = undefined; // It names its predecessor, so a predecessor of unknown outcome was stored.
        change.resolve(outcome.head);
      } else if (outcome.kind === "failed") {
        lost ??= "failed";
        change.reject(outcome.error);
      } else if (outcome.kind === "refused" && outcome.isProven && lost === undefined) {
        change.reject(outcome.error);
      } else {
        if (outcome.kind === "conflict") lost ??= "conflict";
        if (lost === "conflict") {
          change.conflicts += 1;
          observer?.retried("conflict");
        }
        if (change.conflicts >= maxConflicts) change.reject(tooManyConflicts(change));
        else if (outcome.kind === "refused") again.push({ change, refusal: outcome.error });
        else again.push({ change });
      }
    }
    lane.isStale = true;
    return again.map(({ change }) => change);
  }

  function depart(lane: Lane, change: Change): void {
    if (change.signal?.aborted) {
      change.reject(change.signal.reason);
      return;
    }
    try {
      const next = appendFromDecision(lane, change, now);
      lane.tip = { head: next.head, change: next.change };
      lane.begun += 1;
      lane.tipBegunAt = lane.begun;
      lane.flights.push({ change, outcome: send(lane, next, change.signal) });
    } catch (error) {
      const isProven = lane.tipBegunAt > change.arrivedAt;
      lane.flights.push({ change, outcome: Promise.resolve({ kind: "refused", error, isProven }) });
    }
  }

  async function send(lane: Lane, next: Append, signal: AbortSignal | undefined): Promise<Outcome> {
    const outcome = await append(next, signal).then(
      (result) => outcomeFromResult(result, next),
      (error: unknown) => ({ kind: "failed" as const, error }),
    );
    if (outcome.kind !== "appended") lane.isStale = true;
    return outcome;
  }

  return {
    change<State>(
      stream: string,
      organization: string,
      decide: Decide<State>,
      signal?: AbortSignal,
    ) {
      if (closed) return Promise.reject(new StoreUnavailableError("the store is closed"));
      const known = lanes.get(stream);
      if (size >= maxInAll || (known?.size ?? 0) >= maxPerStream) {
        return Promise.reject(overloaded(known?.size ?? 0, size));
      }
      const lane = known ?? newLane(stream);
      const { promise, resolve, reject } = Promise.withResolvers<Head<unknown>>();
      size += 1;
      lane.size += 1;
      observer?.waiting(size);
      lane.waiting.push({
        organization,
        decide: decide as Decide<unknown>,
        signal,
        resolve,
        reject,
        arrivedAt: lane.begun,
        conflicts: 0,
      });
      if (known === undefined) {
        lanes.set(stream, lane);
        void run(lane);
      } else if (lane.waiting.length === 1 && isOpen(lane)) {
        depart(lane, lane.waiting.pop() as Change);
      }
      return promise.finally(() => {
        size -= 1;
        lane.size -= 1;
        observer?.waiting(size);
        if (closed && size === 0) idle.resolve();
      }) as Promise<Head<State>>;
    },

    close() {
      closed = true;
      if (size === 0) idle.resolve();
      return idle.promise;
    },
  };
}

/** @throws What `decide` throws, and ClaimTakenError if another organization owns the stream. */
function appendFromDecision({ stream, tip }: Lane, change: Change, now: () => Micros): Append {
  const { organization } = change;
  const head = tip?.head.organization === organization ? tip.head : undefined;
  const { event, state, claims } = change.decide(head);
  if (tip !== undefined && head === undefined) throw new ClaimTakenError("the id is taken");
  const changedAt = head === undefined ? now() : Math.max(now(), head.changedAt + 1);
  return {
    stream,
    change: randomUUID(),
    after: tip?.change,
    event,
    before: head,
    head: {
      version: (head?.version ?? 0) + 1,
      organization,
      createdAt: head?.createdAt ?? changedAt,
      changedAt,
      state,
    },
    claims,
  };
}

function outcomeFromResult(result: AppendResult, { head }: Append): Outcome {
  switch (result) {
    case "appended":
      return { kind: "appended", head };
    case "conflict":
      return { kind: "conflict" };
    case "claim-taken":
      return { kind: "failed", error: new ClaimTakenError("another stream holds a claimed name") };
  }
}

function isOpen(lane: Lane): boolean {
  return !lane.isStale && lane.flights.length < maxAhead;
}

function newLane(stream: string): Lane {
  return {
    stream,
    waiting: [],
    flights: [],
    tip: undefined,
    begun: 0,
    tipBegunAt: 0,
    isStale: true,
    size: 0,
  };
}

function tooManyConflicts({ conflicts }: Change): StoreOverloadedError {
  return new StoreOverloadedError(`lost ${conflicts} races for one stream`, retryAfterMs);
}

function overloaded(ofStream: number, inAll: number): StoreOverloadedError {
  return new StoreOverloadedError(
    `${ofStream} changes of the stream and ${inAll} in all are waiting, ` +
      `at most ${maxPerStream} and ${maxInAll} may`,
    retryAfterMs,
  );
}
