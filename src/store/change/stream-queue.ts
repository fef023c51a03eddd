import {
  type Decide,
  type EventStore,
  type Head,
  type Micros,
  StoreOverloadedError,
  StoreUnavailableError,
  UniqueKeyTakenError,
} from "../event-store.ts";
import type { StoreObserver } from "../observer.ts";
import { ReceiptTakenError } from "../receipts.ts";
import type { Append, AppendResult, Tip } from "./append.ts";
import { appendFromDecision } from "./append-from-decision.ts";
import {
  firstPending,
  noChanges,
  type Step,
  type StreamChanges,
  type StreamEvent,
  step,
} from "./stream-changes.ts";
import type { Answer, AppendOutcome } from "./verdict.ts";

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
  readonly append: (append: Append, signal: AbortSignal | undefined) => Promise<AppendResult>;
  readonly now: () => Micros;
  readonly observer?: Pick<StoreObserver, "waiting" | "retried"> | undefined;
};

/** The queues of all streams. */
export type StreamQueue = {
  /** As `EventStore.change`. */
  readonly change: EventStore["change"];
  /** Refuses further changes; resolves when all before are answered. */
  close(): Promise<void>;
};

/** Changes of one stream that may wait. With more, callers would give up before their turn. */
const maxPerStream = 1024;
/** Changes of all streams that may wait: about one second of work, some 20 MB. */
const maxInAll = 10_000;
/** Even a full queue is empty by then. */
const retryAfterMs = 1000;

/** A change as its caller asked for it. */
type Call = {
  readonly organization: string;
  readonly decide: Decide<unknown>;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (head: Head<unknown>) => void;
  readonly reject: (error: unknown) => void;
};

type Stream = {
  readonly id: string;
  changes: StreamChanges;
  /** Not answered yet, by the number of the change. */
  readonly calls: Map<number, Call>;
};

/**
 * A pipelining queue of changes for each stream: changes of one stream are decided one after another
 * in order of arrival, each on the head that its predecessor decided. None waits for the commit of its
 * predecessor before it is decided, but every answer waits for the commits it rests on.
 *
 * When one of these is not stored, everything that was decided after it is decided again on a newly
 * loaded head. That is work done twice, but it is rare, and a stream is not bound to one change per
 * commit. `stream-changes.ts` has the rules; this is the shell that loads, decides, appends and answers.
 *
 * A change whose signal is aborted before it is decided is dropped. After that, `append` may still
 * leave it out.
 *
 * Bounds: 1,024 changes per stream, 10,000 in all, 32 lost races per change; beyond them
 * StoreOverloadedError. In flight: 128 per stream.
 */
export function createStreamQueue(options: StreamQueueOptions): StreamQueue {
  const { observer } = options;
  /** Exists only while there are changes to be answered. */
  const streams = new Map<string, Stream>();
  const idle = Promise.withResolvers<void>();
  let size = 0;
  let closed = false;
  const advance = createAdvance(options, answer);

  function answer({ id, calls }: Stream, given: Answer): void {
    const { resolve, reject } = calls.get(given.number) as Call;
    calls.delete(given.number);
    if (calls.size === 0) streams.delete(id);
    size -= 1;
    observer?.waiting(size);
    if (given.kind === "stored") resolve(given.head);
    else reject(given.error);
    if (closed && size === 0) idle.resolve();
  }

  return {
    change<State>(id: string, organization: string, decide: Decide<State>, signal?: AbortSignal) {
      if (closed) return Promise.reject(new StoreUnavailableError("the store is closed"));
      const stream = streams.get(id) ?? { id, changes: noChanges, calls: new Map() };
      if (size >= maxInAll || stream.calls.size >= maxPerStream) {
        return Promise.reject(overloaded(stream.calls.size, size));
      }
      size += 1;
      observer?.waiting(size);
      const { promise, resolve, reject } = Promise.withResolvers<Head<unknown>>();
      const call = { organization, decide: decide as Decide<unknown>, signal, resolve, reject };
      stream.calls.set(stream.changes.arrived, call);
      streams.set(id, stream);
      advance(stream, { kind: "arrived" });
      return promise as Promise<Head<State>>;
    },

    close() {
      closed = true;
      if (size === 0) idle.resolve();
      return idle.promise;
    },
  };
}

/**
 * Tell a stream of an event, and do what the rules say comes next.
 *
 * @param answer Answers a change.
 */
function createAdvance(
  { load, append, now, observer }: StreamQueueOptions,
  answer: (stream: Stream, given: Answer) => void,
): (stream: Stream, event: StreamEvent) => void {
  function advance(stream: Stream, event: StreamEvent): void {
    let next = take(stream, event);
    while (next === "decide") next = take(stream, decideFirst(stream));
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

  function decideFirst(stream: Stream): StreamEvent {
    const { id, changes, calls } = stream;
    const call = calls.get(firstPending(changes)) as Call;
    if (call.signal?.aborted) return { kind: "left", error: call.signal.reason };
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

  function send(stream: Stream, next: Append, tip: Tip, signal: AbortSignal | undefined): void {
    append(next, signal).then(
      (result) => settle(outcomeFromResult(result, next)),
      (error: unknown) => settle({ kind: "failed", error }),
    );
    const settle = (outcome: AppendOutcome) => advance(stream, { kind: "settled", tip, outcome });
  }

  return advance;
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
  }
}

function overloaded(ofStream: number, inAll: number): StoreOverloadedError {
  return new StoreOverloadedError(
    `${ofStream} changes of the stream and ${inAll} in all are waiting, ` +
      `at most ${maxPerStream} and ${maxInAll} may`,
    retryAfterMs,
  );
}
