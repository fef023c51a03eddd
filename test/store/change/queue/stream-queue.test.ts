import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Append, Tip } from "../../../../src/store/change/append.ts";
import { type CommitAll, jointAppends } from "../../../../src/store/change/joint-appends.ts";
import { createStreamQueue } from "../../../../src/store/change/queue/stream-queue.ts";
import {
  type Head,
  OutcomeUnknownError,
  StoreOverloadedError,
  StoreUnavailableError,
  UniqueKeyTakenError,
  type Waiter,
} from "../../../../src/store/event-store.ts";

type Outcome =
  | "commit"
  | "overtaken"
  | "fails"
  | "lost-unstored"
  | "lost-stored"
  | "unique-key-taken"
  | "left-out";

/** Nothing loses a race. */
const never = () => Promise.reject(new Error("no change is stored alone"));

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** One organization's streams in memory; every append waits until it is told its outcome. */
function fakeStore() {
  const tips = new Map<string, Tip>();
  const stored: Append[] = [];
  const pending: {
    append: Append;
    signal: Waiter | undefined;
    settle: (outcome: Outcome) => void;
  }[] = [];
  const alone: string[] = [];
  let overtaking: string | undefined;
  let foreign = 0;

  const store = (append: Append) => {
    tips.set(append.stream, { head: append.head, change: append.change });
    stored.push(append);
  };
  /** Another process writes one event. */
  const overtake = (stream: string) => {
    const head = tips.get(stream)?.head;
    foreign += 1;
    store({
      stream,
      change: `foreign-${foreign}`,
      after: undefined,
      events: [{ type: "foreign", data: {}, creator: "other" }],
      before: head,
      head: {
        version: (head?.version ?? 0) + 1,
        organization: "org",
        createdAt: head?.createdAt ?? 1,
        changedAt: (head?.changedAt ?? 0) + 1,
        state: "foreign",
      },
      uniqueKeys: undefined,
    });
  };
  const write = (append: Append) => {
    const isCurrent = tips.get(append.stream)?.change === append.after;
    if (isCurrent) store(append);
    if (overtaking === append.stream) overtake(append.stream);
    overtaking = undefined;
    return isCurrent ? ("appended" as const) : ("conflict" as const);
  };
  const results: Record<Outcome, (append: Append) => "appended" | "conflict" | "unique-key-taken"> =
    {
      commit: write,
      overtaken: (append) => {
        overtake(append.stream);
        return write(append);
      },
      fails: () => {
        throw new StoreUnavailableError("disk full");
      },
      "lost-unstored": () => {
        throw new OutcomeUnknownError("connection lost");
      },
      "lost-stored": (append) => {
        write(append);
        throw new OutcomeUnknownError("connection lost");
      },
      "left-out": () => {
        throw new DOMException("the caller has left", "AbortError");
      },
      "unique-key-taken": (append) =>
        tips.get(append.stream)?.change === append.after ? "unique-key-taken" : "conflict",
    };

  return {
    tips,
    stored,
    pending,
    /** Streams that were changed alone. */
    alone,
    changeAlone(now: () => number): CommitAll {
      return async (members, decide) => {
        alone.push(...members.map(({ stream }) => stream));
        const latest = members.map(({ stream }) => tips.get(stream));
        const { appends, heads } = jointAppends(members, latest, decide, now);
        appends.forEach(store);
        return heads;
      };
    },
    overtake,
    /** Let another process write right after the next append. */
    overtakeLater(stream: string) {
      overtaking = stream;
    },
    async load(stream: string) {
      return tips.get(stream);
    },
    append: (append: Append, signal: Waiter | undefined) =>
      new Promise<"appended" | "conflict" | "unique-key-taken">((resolve, reject) => {
        const settle = (outcome: Outcome) => {
          try {
            resolve(results[outcome](append));
          } catch (error) {
            reject(error);
          }
        };
        pending.push({ append, signal, settle });
      }),
    /** Give the oldest append its outcome. */
    next(outcome: Outcome) {
      pending.shift()?.settle(outcome);
    },
    /** Commit what is appended until nothing more is. */
    async commitAll() {
      for (await turn(); pending.length > 0; await turn()) {
        for (const { settle } of pending.splice(0)) settle("commit");
      }
    },
  };
}

function start(now: () => number = () => 1000) {
  const store = fakeStore();
  const waiting: number[] = [];
  const retries: string[] = [];
  const observer = {
    waiting: (changes: number) => waiting.push(changes),
    retried: (reason: string) => retries.push(reason),
  };
  const { load, append } = store;
  const commitAll = store.changeAlone(now);
  const queue = createStreamQueue({ load, append, commitAll, now, observer });
  /** The state becomes the tag. */
  const change = (tag: string, organization = "org", stream = "s", signal?: AbortSignal) =>
    queue.change<string>(
      stream,
      organization,
      () => ({ events: [{ type: "changed", data: { tag }, creator: "me" }], state: tag }),
      signal,
    );
  return { store, queue, change, waiting, retries };
}

const refuse = () => {
  throw new RangeError("refused");
};
const statusOf = (promise: Promise<unknown>) => {
  const status = { is: "pending" };
  promise.then(
    () => {
      status.is = "resolved";
    },
    (error: Error) => {
      status.is = error.name;
    },
  );
  return status;
};

describe("createStreamQueue", () => {
  test("decides each change on the head that its predecessor decided, before it is committed", async () => {
    const { store, change } = start();
    const answers = ["a", "b", "c"].map((tag) => change(tag));
    await turn();
    expect(store.pending.map(({ append }) => append.head.version)).toEqual([1, 2, 3]);
    for (const _ of answers) store.next("commit");
    expect(await Promise.all(answers)).toMatchObject([
      { version: 1, state: "a", createdAt: 1000, changedAt: 1000 },
      { version: 2, state: "b", createdAt: 1000, changedAt: 1001 },
      { version: 3, state: "c", createdAt: 1000, changedAt: 1002 },
    ]);
  });

  test("reports how many changes wait, and which are decided again", async () => {
    const { store, change, waiting, retries } = start();
    const first = change("a");
    const other = change("b", "org", "other");
    await turn();
    store.next("overtaken");
    await store.commitAll();
    await Promise.all([first, other]);
    await turn();
    expect(waiting).toEqual([1, 2, 1, 0]);
    expect(retries).toEqual(["conflict"]);
  });

  test("tells of every change that a lost race has decided again", async () => {
    const { store, queue, change, retries } = start();
    const first = change("a");
    const second = statusOf(queue.change("s", "org", refuse));
    await turn();
    store.next("overtaken");
    await store.commitAll();
    await first;
    await turn();
    expect(second.is).toBe("RangeError");
    expect(retries).toEqual(["conflict", "conflict"]);
  });

  test("forgets a stream when all its changes are answered: the next one loads the head", async () => {
    const loads: string[] = [];
    const queue = createStreamQueue({
      load: async (stream) => {
        loads.push(stream);
        return undefined;
      },
      append: async () => "appended",
      commitAll: never,
      now: () => 1,
    });
    const write = () => ({ events: [{ type: "t", data: {}, creator: "me" }], state: "a" });
    for (const stream of ["s", "s", "t"]) await queue.change(stream, "org", write);
    expect(loads).toEqual(["s", "s", "t"]);
  });

  test("never lets the date of a change fall back, whatever the clock does", async () => {
    const times = [5000, 100, 6000];
    const { store, change } = start(() => times.shift() ?? 0);
    const answers = ["a", "b", "c"].map((tag) => change(tag));
    await turn();
    for (const _ of answers) store.next("commit");
    expect((await Promise.all(answers)).map((head) => head.changedAt)).toEqual([5000, 5001, 6000]);
  });

  test("answers a refusal on an uncommitted head only after the commit of that head", async () => {
    const { store, queue, change } = start();
    const first = change("a");
    const second = statusOf(queue.change("s", "org", refuse));
    await turn();
    expect(second.is).toBe("pending");
    store.next("commit");
    await first;
    await turn();
    expect(second.is).toBe("RangeError");
  });

  const keep = (head: Head<unknown> | undefined) => ({ events: [], state: head?.state });

  test("answers a change without events only after the commit of its head", async () => {
    const { store, queue, change } = start();
    const first = change("a");
    const second = queue.change("s", "org", keep);
    const status = statusOf(second);
    await turn();
    expect(status.is).toBe("pending");
    expect(store.pending).toHaveLength(1);
    store.next("commit");
    expect(await second).toBe(await first);
  });

  test("rejects a change without events of a stream that there is not", async () => {
    const { queue } = start();
    await expect(queue.change("s", "org", keep)).rejects.toThrow(
      new TypeError("a new stream needs an event"),
    );
  });

  test("decides a change without events again when its head is not stored", async () => {
    const { store, queue, change } = start();
    await Promise.all([change("a"), store.commitAll()]);
    const lost = statusOf(change("b"));
    const unchanged = queue.change("s", "org", keep);
    await turn();
    store.next("fails");
    expect(await unchanged).toMatchObject({ version: 1, state: "a" });
    expect(lost.is).toBe("StoreUnavailableError");
  });

  test("answers a refusal on a committed head at once", async () => {
    const { queue } = start();
    await expect(queue.change("s", "org", refuse)).rejects.toThrow(RangeError);
  });

  test("decides a refusal again when its head is not stored", async () => {
    const { store, queue, change } = start();
    const first = change("a");
    const seen: (Head<string> | undefined)[] = [];
    const second = queue.change<string>("s", "org", (head) => {
      seen.push(head);
      return refuse();
    });
    await turn();
    store.next("fails");
    await expect(first).rejects.toThrow(StoreUnavailableError);
    await expect(second).rejects.toThrow(RangeError);
    expect(seen.map((head) => head?.version)).toEqual([1, undefined]);
  });

  test("decides again a refusal whose head another process may have moved before it came", async () => {
    const { store, queue, change } = start();
    const first = change("a");
    await turn();
    store.overtakeLater("s");
    const seen: unknown[] = [];
    const second = queue.change<string>("s", "org", (head) => {
      seen.push(head?.state);
      return refuse();
    });
    await turn();
    store.next("commit");
    await first;
    await expect(second).rejects.toThrow(RangeError);
    expect(seen).toEqual(["a", "foreign"]);
  });

  test("takes a later append as the proof that a refusal's head was the latest", async () => {
    const { store, queue, change } = start();
    const first = change("a");
    await turn();
    let decisions = 0;
    const second = queue.change<string>("s", "org", () => {
      decisions += 1;
      return refuse();
    });
    const third = change("c");
    await turn();
    store.next("commit");
    store.next("commit");
    expect(await Promise.all([first, third])).toMatchObject([{ version: 1 }, { version: 2 }]);
    await expect(second).rejects.toThrow(RangeError);
    expect(decisions).toBe(1);
  });

  test("answers a refusal on an append that began after the change arrived, without another load", async () => {
    const { store, queue, change } = start();
    const first = change("a");
    let decisions = 0;
    const second = queue.change<string>("s", "org", () => {
      decisions += 1;
      return refuse();
    });
    await turn();
    store.next("commit");
    await first;
    await expect(second).rejects.toThrow(RangeError);
    expect(decisions).toBe(1);
  });

  test("decides 128 changes ahead and no more", async () => {
    const { store, change } = start();
    const answers = Array.from({ length: 200 }, (_, index) => change(`${index}`));
    await turn();
    expect(store.pending).toHaveLength(128);
    store.next("commit");
    await turn();
    expect(store.pending).toHaveLength(128);
    await store.commitAll();
    expect((await Promise.all(answers)).map(({ version }) => version)).toEqual(
      answers.map((_, index) => index + 1),
    );
  });

  test("drops a change whose caller has left before it is decided", async () => {
    const { store, change } = start();
    const caller = new AbortController();
    const before = Array.from({ length: 128 }, (_, index) => change(`${index}`));
    const left = statusOf(change("left", "org", "s", caller.signal));
    const after = change("after");
    await turn();
    caller.abort(new RangeError("left"));
    await store.commitAll();
    await Promise.all(before);
    expect(await after).toMatchObject({ version: 129 });
    expect(left.is).toBe("RangeError");
    const early = change("early", "org", "s", caller.signal);
    await expect(early).rejects.toThrow("left");
    expect(store.stored.map(({ head }) => head.state)).not.toContain("early");
  });

  test("passes the caller's signal to the append, and decides again what was left out", async () => {
    const { store, change } = start();
    const caller = new AbortController();
    const left = statusOf(change("left", "org", "s", caller.signal));
    const after = change("after");
    await turn();
    expect(store.pending[0]?.signal).toBe(caller.signal);
    store.next("left-out");
    store.next("commit");
    await store.commitAll();
    expect(await after).toMatchObject({ version: 1 });
    expect(left.is).toBe("AbortError");
  });

  test("decides all undone changes again, in order, when another process was faster", async () => {
    const { store, change } = start();
    const answers = ["a", "b", "c"].map((tag) => change(tag));
    await turn();
    store.next("overtaken");
    store.next("commit");
    store.next("commit");
    await turn();
    for (const _ of answers) store.next("commit");
    expect((await Promise.all(answers)).map((head) => head.version)).toEqual([2, 3, 4]);
    expect(store.stored.map(({ head }) => head.state)).toEqual(["foreign", "a", "b", "c"]);
  });

  test("decides nothing more on a head that will not be stored", async () => {
    const { store, change } = start();
    const first = statusOf(change("a"));
    const later = [change("b")];
    await turn();
    store.next("fails");
    await turn();
    later.push(change("c"));
    expect(store.pending).toHaveLength(1);
    store.next("commit");
    await turn();
    expect(store.pending.map(({ append }) => append.head.state)).toEqual(["b", "c"]);
    for (const _ of later) store.next("commit");
    expect(await Promise.all(later)).toMatchObject([{ version: 1 }, { version: 2 }]);
    expect(first.is).toBe("StoreUnavailableError");
  });

  test("stores a change that lost three races alone, with others held off", async () => {
    const { store, change, retries } = start();
    const answers = [change("a"), change("b")];
    for (const _ of Array(3)) {
      await turn();
      store.next("overtaken");
      store.next("commit");
    }
    expect(await Promise.all(answers)).toMatchObject([{ version: 4 }, { version: 5 }]);
    expect(store.alone).toEqual(["s", "s"]);
    expect(store.stored.map(({ head }) => head.state)).toEqual([
      ...Array(3).fill("foreign"),
      "a",
      "b",
    ]);
    expect(retries).toHaveLength(6);
    const next = change("c");
    await store.commitAll();
    expect(await next).toMatchObject({ version: 6 });
  });

  test("rejects a change that is refused, or left, when its turn alone comes", async () => {
    const { store, queue } = start();
    const caller = new AbortController();
    let decisions = 0;
    const refused = statusOf(
      queue.change("s", "org", () => {
        decisions += 1;
        if (decisions === 4) refuse();
        return { events: [{ type: "changed", data: {}, creator: "me" }], state: "a" };
      }),
    );
    const write = () => ({ events: [{ type: "t", data: {}, creator: "me" }], state: "b" });
    const left = statusOf(queue.change("s", "org", write, caller.signal));
    for (const _ of Array(3)) {
      await turn();
      store.next("overtaken");
      store.next("commit");
    }
    caller.abort(new DOMException("gone", "AbortError"));
    await turn();
    expect([refused.is, left.is]).toEqual(["RangeError", "AbortError"]);
    expect(store.stored).toHaveLength(3);
  });

  test("lets nobody wait for a turn who had left before", async () => {
    const { store, queue, change } = start();
    const first = change("a");
    await turn();
    const left = AbortSignal.abort(new DOMException("gone", "AbortError"));
    await expect(queue.visit(["s"], left)).rejects.toThrow("gone");
    store.next("commit");
    expect(await first).toMatchObject({ version: 1, state: "a" });
    const { leave } = await queue.visit(["s"], undefined);
    leave();
  });

  test.for<{ outcome: Outcome; want: string; version: number }>([
    { outcome: "fails", want: "StoreUnavailableError", version: 1 },
    { outcome: "unique-key-taken", want: "UniqueKeyTakenError", version: 1 },
    { outcome: "lost-unstored", want: "OutcomeUnknownError", version: 1 },
    { outcome: "lost-stored", want: "OutcomeUnknownError", version: 2 },
  ])(
    "stores what came after a change with the outcome $outcome",
    async ({ outcome, want, version }) => {
      const { store, change } = start();
      const first = statusOf(change("a"));
      const second = change("b");
      await turn();
      store.next(outcome);
      store.next("commit");
      await turn();
      store.next("commit");
      expect(await second).toMatchObject({ version, state: "b" });
      expect(first.is).toBe(want);
    },
  );

  test("shows a stream of another organization as absent, and keeps it from being written", async () => {
    const { store, queue, change } = start();
    store.overtake("s");
    const seen: unknown[] = [];
    const answer = queue.change("s", "elsewhere", (head) => {
      seen.push(head);
      return refuse();
    });
    await expect(answer).rejects.toThrow(RangeError);
    await expect(change("a", "elsewhere")).rejects.toThrow(UniqueKeyTakenError);
    expect(seen).toEqual([undefined]);
    expect(store.pending).toEqual([]);
  });

  test("decides a change that arrived during a load on a new load", async () => {
    const loads: PromiseWithResolvers<Tip | undefined>[] = [];
    const queue = createStreamQueue({
      load: () => {
        const gate = Promise.withResolvers<Tip | undefined>();
        loads.push(gate);
        return gate.promise;
      },
      append: async () => "appended",
      commitAll: never,
      now: () => 1,
    });
    const first = statusOf(queue.change("s", "org", refuse));
    const second = statusOf(queue.change("s", "org", refuse));
    loads[0]?.resolve(undefined);
    await turn();
    expect([first.is, second.is, loads.length]).toEqual(["RangeError", "pending", 2]);
    loads[1]?.resolve(undefined);
    await turn();
    expect(second.is).toBe("RangeError");
  });

  test("rejects with the error of a load that fails, and loads again for the next change", async () => {
    const results = [Promise.reject(new StoreUnavailableError("gone")), Promise.resolve(undefined)];
    const queue = createStreamQueue({
      load: () => results.shift() ?? Promise.resolve(undefined),
      append: async () => "appended",
      commitAll: never,
      now: () => 1,
    });
    const write = () => ({ events: [{ type: "t", data: {}, creator: "me" }], state: "a" });
    await expect(queue.change("s", "org", write)).rejects.toThrow(StoreUnavailableError);
    expect(await queue.change("s", "org", write)).toMatchObject({ version: 1 });
  });

  test.for([
    { name: "1,024 changes of one stream", count: 1024, stream: () => "s" },
    { name: "10,000 changes in all", count: 10_000, stream: (index: number) => `s${index % 20}` },
  ])("F13: lets $name wait and refuses the next", async ({ count, stream }) => {
    const { store, change } = start();
    const answers = Array.from({ length: count }, (_, index) =>
      change(`${index}`, "org", stream(index)),
    );
    await expect(change("one more", "org", stream(0))).rejects.toThrow(StoreOverloadedError);
    await store.commitAll();
    expect(await Promise.all(answers)).toHaveLength(count);
    const later = change("later");
    await turn();
    store.next("commit");
    expect(await later).toMatchObject({ state: "later" });
  });

  test("closes when all earlier changes are answered, and refuses more", async () => {
    const { store, queue, change } = start();
    const before = change("before");
    await store.commitAll();
    await before;
    const answers = [change("a"), change("b")];
    const closed = statusOf(queue.close());
    await expect(change("c")).rejects.toThrow(StoreUnavailableError);
    await turn();
    expect(closed.is).toBe("pending");
    store.next("commit");
    await answers[0];
    await turn();
    expect(closed.is).toBe("pending");
    store.next("commit");
    await answers[1];
    await turn();
    expect(closed.is).toBe("resolved");
  });

  test("closes at once when nothing waits", async () => {
    const closed = statusOf(start().queue.close());
    await turn();
    expect(closed.is).toBe("resolved");
  });

  test("keeps its promises under every schedule", async () => {
    const outcomes: Outcome[] = ["commit", "overtaken", "fails", "lost-unstored", "lost-stored"];
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ stream: fc.constantFrom("s", "t"), refuses: fc.boolean() }),
      },
      { weight: 5, arbitrary: fc.constant<Outcome>("commit") },
      { weight: 2, arbitrary: fc.constantFrom(...outcomes) },
      { weight: 2, arbitrary: fc.constant("turn" as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        expect(await violations(steps)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });
});

type Step = Outcome | "turn" | { readonly stream: string; readonly refuses: boolean };

/** Run a schedule to its end and say which promises were broken. */
async function violations(steps: readonly Step[]): Promise<string[]> {
  const { store, queue } = start();
  const broken: string[] = [];
  const outcomes = new Map<string, { kind: string; head?: Head<string> }>();
  const durable = (stream: string) => store.tips.get(stream)?.head.version ?? 0;
  let changes = 0;

  const request = ({ stream, refuses }: { stream: string; refuses: boolean }) => {
    changes += 1;
    const tag = `${changes}`;
    let seen: Head<string> | undefined;
    queue
      .change<string>(stream, "org", (head) => {
        seen = head;
        if (refuses) throw new RangeError("refused");
        return { events: [{ type: "changed", data: { tag }, creator: "me" }], state: tag };
      })
      .then(
        (head) => {
          if (durable(stream) < head.version) broken.push(`${tag} was answered before its commit`);
          outcomes.set(tag, { kind: "stored", head });
        },
        (error: Error) => {
          const basis = store.stored.find(
            ({ head, stream: of }) => of === stream && head.version === seen?.version,
          );
          if (refuses && error.name === "RangeError" && basis?.head.state !== seen?.state) {
            broken.push(`${tag} was refused on a head that is not stored`);
          }
          outcomes.set(tag, { kind: error.name });
        },
      );
  };

  for (const step of steps) {
    if (step === "turn") await turn();
    else if (typeof step === "string") store.next(step);
    else request(step);
    await Promise.resolve();
  }
  while (outcomes.size < changes) {
    await turn();
    store.next("commit");
  }

  for (const stream of ["s", "t"]) {
    const events = store.stored.filter((append) => append.stream === stream);
    events.forEach(({ head }, index) => {
      if (head.version !== index + 1)
        broken.push(`${stream} has a gap or duplicate at ${index + 1}`);
    });
    const order = events.map(({ head }) => Number(head.state)).filter((tag) => tag > 0);
    if (order.some((tag, index) => tag <= (order[index - 1] ?? 0)))
      broken.push(`not FIFO: ${order}`);
  }
  for (const [tag, { kind, head }] of outcomes) {
    const copies = store.stored.filter((append) => append.head.state === tag);
    if (kind === "stored" && (copies.length !== 1 || copies[0]?.head !== head)) {
      broken.push(`${tag} is stored ${copies.length} times, or differently`);
    }
    if (kind !== "stored" && kind !== "OutcomeUnknownError" && copies.length > 0) {
      broken.push(`${tag} was answered with ${kind}, and stored`);
    }
    if (copies.length > 1) broken.push(`${tag} is stored twice`);
  }
  return broken;
}
