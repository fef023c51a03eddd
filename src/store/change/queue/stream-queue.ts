import {
  type Decide,
  type EventStore,
  type Head,
  StoreOverloadedError,
  StoreUnavailableError,
  type Waiter,
} from "../../event-store.ts";
import {
  type Call,
  createAdvance,
  type Stream,
  type StreamQueueOptions,
  type Turn,
} from "./advance-stream.ts";
import { noChanges } from "./stream-changes.ts";
import type { Answer } from "./verdict.ts";
import { enterAll, type Visit } from "./visit.ts";

/** The queues of all streams. */
export type StreamQueue = {
  /** As `EventStore.change`. */
  readonly change: EventStore["change"];
  /**
   * Take a turn in several streams at once, in order of arrival: when it resolves, nothing of them is in flight, and
   * nothing of them is decided before `leave` is called. Visits never wait for each other in a circle,
   * because each enters all its queues in one step.
   *
   * @param ids No stream twice.
   * @throws StoreOverloadedError if too many changes wait; the signal's reason if it is aborted before the last
   *   turn came; StoreUnavailableError if the database cannot be read.
   */
  visit(ids: readonly string[], signal?: AbortSignal): Promise<Visit>;
  /** Refuses further changes; resolves when all before are answered. */
  close(): Promise<void>;
};

/** Changes of one stream that may wait. With more, callers would give up before their turn. */
const maxPerStream = 1024;
/** Changes of all streams that may wait: about one second of work, some 20 MB. */
const maxInAll = 10_000;
/** Even a full queue is empty by then. */
const retryAfterMs = 1000;

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
 * Bounds: 1,024 changes per stream, 10,000 in all, and 32 lost races of a change that begins a stream; beyond them
 * StoreOverloadedError. In flight: 128 per stream. Another change that has lost three races is stored alone.
 */
export function createStreamQueue(options: StreamQueueOptions): StreamQueue {
  const { observer } = options;
  /** Exists only while there are changes to be answered. */
  const streams = new Map<string, Stream>();
  const idle = Promise.withResolvers<void>();
  let size = 0;
  let closed = false;
  const advance = createAdvance(options, answer);

  function answer(stream: Stream, given: Answer): void {
    const { id, calls } = stream;
    const call = calls.get(given.number) as Call | Turn;
    calls.delete(given.number);
    if (calls.size === 0) {
      streams.delete(id);
      // A Map keeps what it had when it grew or shrank, until all memory is collected. So this must be small.
      stream.changes = noChanges;
    }
    size -= 1;
    observer?.waiting(size);
    if (given.kind === "rejected") call.reject(given.error);
    else if (given.kind === "stored" && call.kind === "change") call.resolve(given.head);
    if (closed && size === 0) idle.resolve();
  }

  const streamOf = (id: string): Stream =>
    streams.get(id) ?? { id, changes: noChanges, calls: new Map() };

  /** @returns The number of the call. */
  function enter(stream: Stream, call: Call | Turn): number {
    const number = stream.changes.arrived;
    size += 1;
    observer?.waiting(size);
    stream.calls.set(number, call);
    streams.set(stream.id, stream);
    advance(stream, { kind: "arrived", isVisit: call.kind === "visit" });
    return number;
  }

  return {
    change<State>(id: string, organization: string, decide: Decide<State>, signal?: Waiter) {
      if (closed) return Promise.reject(new StoreUnavailableError("the store is closed"));
      const stream = streamOf(id);
      if (size >= maxInAll || stream.calls.size >= maxPerStream) {
        return Promise.reject(overloaded(stream.calls.size, size));
      }
      const { promise, resolve, reject } = Promise.withResolvers<Head<unknown>>();
      const kind = "change" as const;
      enter(stream, {
        kind,
        organization,
        decide: decide as Decide<unknown>,
        signal,
        resolve,
        reject,
      });
      return promise as Promise<Head<State>>;
    },

    async visit(ids, signal) {
      if (closed) throw new StoreUnavailableError("the store is closed");
      const wanted = ids.map(streamOf);
      const busiest = wanted.reduce((most, { calls }) => Math.max(most, calls.size), 0);
      if (size + ids.length > maxInAll || busiest >= maxPerStream) throw overloaded(busiest, size);
      return enterAll(wanted, { enter, advance }, signal);
    },

    close() {
      closed = true;
      if (size === 0) idle.resolve();
      return idle.promise;
    },
  };
}

function overloaded(ofStream: number, inAll: number): StoreOverloadedError {
  return new StoreOverloadedError(
    `${ofStream} changes of the stream and ${inAll} in all are waiting, ` +
      `at most ${maxPerStream} and ${maxInAll} may`,
    retryAfterMs,
  );
}
