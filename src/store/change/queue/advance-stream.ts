import {
  type Decide,
  type Head,
  type Micros,
  OutcomeUnknownError,
  UniqueKeyTakenError,
  type Waiter,
} from "../../event-store.ts";
import type { StoreObserver } from "../../observer.ts";
import { ReceiptTakenError } from "../../receipts.ts";
import type { Append, AppendResult, Tip } from "../append.ts";
import { appendFromDecision } from "../append-from-decision.ts";
import { type CommitAll, jointly } from "../joint-appends.ts";
import { firstPending, type Step, type StreamChanges, step } from "./stream-changes.ts";
import type { StreamEvent } from "./stream-event.ts";
import { type Answer, type AppendOutcome, rejected, stored } from "./verdict.ts";

/** What an engine provides. */
export type StreamQueueOptions = {
  /** The latest durable head, whichever organization owns it. */
  readonly load: (stream: string) => Promise<Tip | undefined>;
  /**
   * Appends of one stream must take effect in the order of the calls. Rejects with
   * OutcomeUnknownError if the outcome is open; any other rejection means nothing was stored.
   *
   * @param signal If it is aborted, the append may be left out; it then rejects with the signal's reason.
   */
  readonly append: (append: Append, signal: Waiter | undefined) => Promise<AppendResult>;
  /** Stores a change that has lost too many races. */
  readonly commitAll: CommitAll;
  readonly now: () => Micros;
  readonly observer?: Pick<StoreObserver, "waiting" | "retried"> | undefined;
};

/** A change as its caller asked for it. */
export type Call = {
  readonly kind: "change";
  readonly organization: string;
  readonly decide: Decide<unknown>;
  readonly signal: Waiter | undefined;
  readonly resolve: (head: Head<unknown>) => void;
  readonly reject: (error: unknown) => void;
};

/** A turn that a visit takes in one stream. */
export type Turn = {
  readonly kind: "visit";
  /** Aborted when nobody waits for the turn any more. */
  readonly signal: AbortSignal;
  /** The turn is there, until the event `turn-ended`. */
  readonly begin: () => void;
  readonly reject: (error: unknown) => void;
};

/** A stream with changes that are not answered yet. */
export type Stream = {
  readonly id: string;
  changes: StreamChanges;
  /** Not answered yet, by the number of the change. */
  readonly calls: Map<number, Call | Turn>;
};

/**
 * Tell a stream of an event, and do what the rules say comes next.
 *
 * @param answer Answers a change.
 */
export function createAdvance(
  { load, append, commitAll, now, observer }: StreamQueueOptions,
  answer: (stream: Stream, given: Answer) => void,
): (stream: Stream, event: StreamEvent) => void {
  function advance(stream: Stream, event: StreamEvent): void {
    let next = take(stream, event);
    while (next === "decide" || next === "turn") {
      next = take(stream, beginFirst(stream, next));
    }
    if (next === "load") loadLatest(stream);
  }

  function take(stream: Stream, event: StreamEvent): Step["next"] {
    const { changes, answers, lostRaces, next } = step(stream.changes, event);
    stream.changes = changes;
    for (let race = 0; race < lostRaces; race += 1) observer?.retried("conflict");
    for (const each of answers) answer(stream, each);
    return next;
  }

  function loadLatest(stream: Stream): void {
    load(stream.id).then(
      (latest) => advance(stream, { kind: "loaded", latest }),
      (error: unknown) => advance(stream, { kind: "load-failed", error }),
    );
  }

  function beginFirst(stream: Stream, how: "decide" | "turn"): StreamEvent {
    const number = firstPending(stream.changes);
    const call = stream.calls.get(number) as Call | Turn;
    if (call.signal?.aborted) return { kind: "left", error: call.signal.reason };
    if (call.kind === "visit") call.begin();
    else if (how === "turn" && owns(stream, call)) commitAlone(stream, number, call);
    else return decide(stream, call);
    return { kind: "turn-begun" };
  }

  function commitAlone(stream: Stream, number: number, call: Call): void {
    const { organization, decide, signal } = call;
    const end = (answer: Answer) => advance(stream, { kind: "turn-ended", answer });
    commitAll([{ stream: stream.id, organization }], jointly(decide), signal).then(
      ([head]) => end(stored(number, head as Head<unknown>)),
      (error: unknown) => end(rejected(number, error)),
    );
  }

  function decide(stream: Stream, call: Call): StreamEvent {
    const { id, changes } = stream;
    try {
      const { latest } = changes;
      const head = latest?.head.organization === call.organization ? latest.head : undefined;
      const decision = call.decide(head);
      if (decision.events.length === 0) return unchanged(head);
      const next = appendFromDecision(id, latest, call.organization, decision, now);
      const tip = { head: next.head, change: next.change };
      send(stream, next, tip, call.signal);
      return { kind: "decided", tip };
    } catch (error) {
      return { kind: "refused", error };
    }
  }

  function send(stream: Stream, next: Append, tip: Tip, signal: Waiter | undefined): void {
    append(next, signal).then(
      (result) => settle(outcomeFromResult(result, next)),
      (error: unknown) => settle({ kind: "failed", error }),
    );
    const settle = (outcome: AppendOutcome) => advance(stream, { kind: "settled", tip, outcome });
  }

  return advance;
}

/** Another organization's stream is not held for a change, which is refused. */
function owns({ changes: { latest } }: Stream, { organization }: Call): boolean {
  return latest?.head.organization === organization;
}

/** @throws TypeError if there is no head: a change that writes nothing has nothing to answer with then. */
function unchanged(head: Head<unknown> | undefined): StreamEvent {
  if (head === undefined) throw new TypeError("a new stream needs an event");
  return { kind: "unchanged", head };
}

function outcomeFromResult(result: AppendResult, { head }: Append): AppendOutcome {
  switch (result) {
    case "appended":
      return { kind: "stored", head };
    case "conflict":
      return { kind: "conflict" };
    case "unique-key-taken":
      return {
        kind: "failed",
        error: new UniqueKeyTakenError("another stream holds this unique key"),
      };
    case "receipt-taken":
      return { kind: "failed", error: new ReceiptTakenError("the name of the receipt is taken") };
    case "unknown":
      return {
        kind: "failed",
        error: new OutcomeUnknownError("it cannot be known whether the change is stored"),
      };
  }
}
