import { randomUUID } from "node:crypto";
import type { Append, AppendResult, Tip } from "./append.ts";
import {
  ClaimTakenError,
  type Decide,
  type Head,
  type Micros,
  StoreOverloadedError,
  StoreUnavailableError,
} from "./event-store.ts";

/** What an engine brings. */
export type StreamQueueOptions = {
  /** The latest durable head, whichever organization owns it. */
  readonly load: (stream: string) => Promise<Tip | undefined>;
  /**
   * Appends of one stream must take effect in the order of the calls. Rejects with
   * OutcomeUnknownError if the outcome is open; any other rejection means nothing was stored.
   */
  readonly append: (append: Append) => Promise<AppendResult>;
  readonly now: () => Micros;
};

export type StreamQueue = {
  /** As `EventStore.change`. */
  change<State>(stream: string, organization: string, decide: Decide<State>): Promise<Head<State>>;
  /** Refuses further changes; resolves when all before are answered. */
  close(): Promise<void>;
};

/** Changes of one stream that may wait: beyond, a hot stream's callers would wait longer than they do. */
const maxPerStream = 1024;
/** Changes of all streams that may wait: about one second of work, some 20 MB. */
const maxInAll = 10_000;
/** By then even a full queue is worked off. */
const retryAfterMs = 1000;
/** Races lost to other processes. An even race is lost this often in a row once in four billion. */
const maxConflicts = 32;

type Change = {
  readonly organization: string;
  readonly decide: Decide<unknown>;
  readonly resolve: (head: Head<unknown>) => void;
  readonly reject: (error: unknown) => void;
  conflicts: number;
};

type Outcome =
  | { readonly kind: "appended"; readonly head: Head<unknown> }
  | { readonly kind: "conflict" }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "refused"; readonly error: unknown };

/** The changes of one stream. Exists only while there are any. */
type Lane = {
  readonly stream: string;
  /** Not decided yet, in order of arrival. */
  waiting: Change[];
  /** Decided, not answered yet, in order; all of them before those that wait. */
  readonly flights: { readonly change: Change; readonly outcome: Promise<Outcome> }[];
  /** Where the latest decision leads to. */
  tip: Tip | undefined;
  appending: number;
  /** An append in flight was not stored: nothing more may be decided on the tip. */
  broken: boolean;
  size: number;
};

/**
 * Run the changes of one stream one after another in order of arrival, each on the head that its
 * predecessor decided, without waiting for the predecessor's commit.
 *
 * Every answer waits for the appends it rests on. When one of them is not stored, all that was
 * decided after it is decided again on a newly loaded head. A change is decided only on a head that
 * was loaded after it arrived, or that is not committed yet; so no refusal is older than its change.
 *
 * Bounds: 1,024 changes per stream, 10,000 in all, 32 lost races per change; beyond them
 * StoreOverloadedError.
 */
export function createStreamQueue({ load, append, now }: StreamQueueOptions): StreamQueue {
  const lanes = new Map<string, Lane>();
  const idle = Promise.withResolvers<void>();
  let size = 0;
  let closed = false;

  async function run(lane: Lane): Promise<void> {
    while (lane.waiting.length > 0) {
      const arrived = lane.waiting.length;
      try {
        lane.tip = await load(lane.stream);
      } catch (error) {
        for (const change of lane.waiting.splice(0, arrived)) change.reject(error);
        continue;
      }
      lane.broken = false;
      for (const change of lane.waiting.splice(0, arrived)) depart(lane, change);
      if (isOpen(lane)) for (const change of lane.waiting.splice(0)) depart(lane, change);
      const again = await land(lane);
      lane.waiting = [...again, ...lane.waiting];
    }
    lanes.delete(lane.stream);
  }

  function depart(lane: Lane, change: Change): void {
    try {
      const next = appendFromDecision(lane, change, now);
      lane.tip = { head: next.head, change: next.change };
      lane.flights.push({ change, outcome: send(lane, next) });
    } catch (error) {
      lane.flights.push({ change, outcome: Promise.resolve({ kind: "refused", error }) });
    }
  }

  async function send(lane: Lane, next: Append): Promise<Outcome> {
    lane.appending += 1;
    const outcome = await append(next).then(
      (result) => outcomeFromResult(result, next),
      (error: unknown) => ({ kind: "failed" as const, error }),
    );
    lane.appending -= 1;
    if (outcome.kind !== "appended") lane.broken = true;
    return outcome;
  }

  return {
    change<State>(stream: string, organization: string, decide: Decide<State>) {
      if (closed) return Promise.reject(new StoreUnavailableError("the store is closed"));
      const known = lanes.get(stream);
      if (size >= maxInAll || (known?.size ?? 0) >= maxPerStream) {
        return Promise.reject(overloaded(known?.size ?? 0, size));
      }
      const lane = known ?? newLane(stream);
      const { promise, resolve, reject } = Promise.withResolvers<Head<unknown>>();
      const change = {
        organization,
        decide: decide as Decide<unknown>,
        resolve,
        reject,
        conflicts: 0,
      };
      size += 1;
      lane.size += 1;
      if (isOpen(lane)) depart(lane, change);
      else lane.waiting.push(change);
      if (known === undefined) {
        lanes.set(stream, lane);
        void run(lane);
      }
      return promise.finally(() => {
        size -= 1;
        lane.size -= 1;
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

/**
 * Answer what is in flight, in order.
 *
 * @returns The changes to decide again.
 */
async function land(lane: Lane): Promise<Change[]> {
  const again: Change[] = [];
  let lost: "conflict" | "failed" | undefined;
  for (let flight = lane.flights[0]; flight !== undefined; flight = lane.flights[0]) {
    const { change } = flight;
    const outcome = await flight.outcome;
    lane.flights.shift();
    if (outcome.kind === "appended") {
      lost = undefined; // It names its predecessor, so a predecessor of unknown outcome was stored.
      change.resolve(outcome.head);
      continue;
    }
    if (outcome.kind === "failed" || (outcome.kind === "refused" && lost === undefined)) {
      if (outcome.kind === "failed") lost ??= "failed";
      change.reject(outcome.error);
      continue;
    }
    lost ??= "conflict";
    if (lost === "conflict") change.conflicts += 1;
    if (change.conflicts < maxConflicts) again.push(change);
    else {
      change.reject(
        new StoreOverloadedError(`lost ${change.conflicts} races for one stream`, retryAfterMs),
      );
    }
  }
  return again;
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
  return lane.appending > 0 && !lane.broken;
}

function newLane(stream: string): Lane {
  return {
    stream,
    waiting: [],
    flights: [],
    tip: undefined,
    appending: 0,
    broken: false,
    size: 0,
  };
}

function overloaded(ofStream: number, inAll: number): StoreOverloadedError {
  return new StoreOverloadedError(
    `${ofStream} changes of the stream and ${inAll} in all are waiting, ` +
      `at most ${maxPerStream} and ${maxInAll} may`,
    retryAfterMs,
  );
}
