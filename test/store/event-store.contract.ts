import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Decision,
  type EventStore,
  type Head,
  StoreUnavailableError,
  UniqueKeyTakenError,
} from "../../src/store/event-store.ts";

type Counter = { readonly count: number; readonly text?: string };

/** What every event store must do. Call it once per engine; streams are new in every test. */
export function describeEventStore(name: string, open: () => Promise<EventStore>) {
  describe(`${name} event store`, () => {
    let store: EventStore;
    beforeAll(async () => {
      store = await open();
    });
    afterAll(() => store.close());

    const organization = `org-${randomUUID()}`;
    const newStream = () => `stream-${randomUUID()}`;
    const counted = (head: Head<Counter> | undefined, uniqueKeys?: string[]): Decision<Counter> => {
      const count = (head?.state.count ?? 0) + 1;
      const event = { type: "counted", data: { to: count }, creator: "me" };
      return { events: [event], state: { count }, ...(uniqueKeys && { uniqueKeys }) };
    };
    const count = (stream: string, uniqueKeys?: string[], owner = organization) =>
      store.change<Counter>(stream, owner, (head) => counted(head, uniqueKeys));
    const all = { after: 0, limit: 1000, ascending: true };

    test("stores the first event of a stream", async () => {
      const stream = newStream();
      const head = await count(stream);
      expect(head).toEqual({
        version: 1,
        organization,
        createdAt: expect.any(Number),
        changedAt: head.createdAt,
        state: { count: 1 },
      });
      expect(await store.load(stream, organization)).toEqual(head);
    });

    test("shows a change to every read after it resolved", async () => {
      const stream = newStream();
      const first = await count(stream);
      const second = await count(stream);
      expect(second).toMatchObject({ version: 2, createdAt: first.createdAt, state: { count: 2 } });
      expect(second.changedAt).toBeGreaterThan(first.changedAt);
      expect(await store.load(stream, organization)).toEqual(second);
    });

    test("runs changes of one stream one after another, each on the head of the one before", async () => {
      const stream = newStream();
      const heads = await Promise.all(Array.from({ length: 300 }, () => count(stream)));
      expect(heads.map((head) => head.version)).toEqual(heads.map((_, index) => index + 1));
      expect(heads.map((head) => head.state.count)).toEqual(heads.map((_, index) => index + 1));
    });

    test("runs changes of many streams at once", async () => {
      const streams = Array.from({ length: 300 }, newStream);
      const heads = await Promise.all(streams.map((stream) => count(stream)));
      expect(new Set(heads.map((head) => head.version))).toEqual(new Set([1]));
    });

    test("rejects with what decide throws, and stores nothing", async () => {
      const stream = newStream();
      const refusal = new RangeError("no");
      const change = store.change(stream, organization, () => {
        throw refusal;
      });
      await expect(change).rejects.toBe(refusal);
      expect(await store.load(stream, organization)).toBeUndefined();
    });

    test("rejects a state that is not JSON, and stores the other changes of the batch", async () => {
      const [bad, good] = [newStream(), newStream()];
      const change = store.change(bad, organization, () => ({
        events: [{ type: "bad", data: {}, creator: "me" }],
        state: 1n,
      }));
      const stored = count(good);
      await expect(change).rejects.toThrow(TypeError);
      expect(await stored).toMatchObject({ version: 1 });
      expect(await count(bad)).toMatchObject({ version: 1 });
    });

    const told = (count: number, head: Head<Counter> | undefined): Decision<Counter> => ({
      events: Array.from({ length: count }, (_, index) => ({
        type: `told-${index}`,
        data: { index },
        creator: `creator-${index}`,
      })),
      state: { count: (head?.state.count ?? 0) + count },
    });
    const tell = (stream: string, events: number) =>
      store.change<Counter>(stream, organization, (head) => told(events, head));

    test("stores the events of one change together, each with its own version", async () => {
      const stream = newStream();
      const first = await tell(stream, 2);
      expect(first).toMatchObject({ version: 2, state: { count: 2 } });
      const heads = await Promise.all([1, 3, 2].map((events) => tell(stream, events)));
      expect(heads).toMatchObject([{ version: 3 }, { version: 6 }, { version: 8 }]);
      expect(await store.load(stream, organization)).toEqual(heads[2]);
      const stored = await store.history(stream, organization, all);
      const places = [0, 1, 0, 0, 1, 2, 0, 1];
      expect(stored).toMatchObject(
        places.map((place, index) => ({
          version: index + 1,
          type: `told-${place}`,
          data: { index: place },
          creator: `creator-${place}`,
        })),
      );
      const changedAt = [first, ...heads].map((head) => head.changedAt);
      const at = [0, 0, 1, 2, 2, 2, 3, 3].map((change) => changedAt[change]);
      expect(stored.map((event) => event.at)).toEqual(at);
    });

    test("stores none of the events of a change whose unique key is taken", async () => {
      const [holder, other] = [newStream(), newStream()];
      const uniqueKey = randomUUID();
      await count(holder, [uniqueKey]);
      const change = () =>
        store.change<Counter>(other, organization, (head) => ({
          ...told(3, head),
          uniqueKeys: [uniqueKey],
        }));
      await expect(change()).rejects.toThrow(UniqueKeyTakenError);
      expect(await store.history(other, organization, all)).toEqual([]);
      await tell(other, 2);
      await expect(change()).rejects.toThrow(UniqueKeyTakenError);
      expect(await store.history(other, organization, all)).toHaveLength(2);
      expect(await store.load(other, organization)).toMatchObject({ version: 2 });
    });

    test("answers a change without events with the latest head, and writes nothing", async () => {
      const stream = newStream();
      const first = await tell(stream, 2);
      const unchanged = () =>
        store.change<Counter>(stream, organization, () => ({
          events: [],
          state: { count: 99 },
          uniqueKeys: [stream],
        }));
      expect(await unchanged()).toEqual(first);
      const [second, between, third] = await Promise.all([
        count(stream),
        unchanged(),
        count(stream),
      ]);
      expect(between).toEqual(second);
      expect(await store.load(stream, organization)).toEqual(third);
      expect(await store.history(stream, organization, all)).toHaveLength(4);
      expect(await store.locate(stream)).toBeUndefined();
    });

    test("rejects a change without events of a stream that there is not", async () => {
      const change = (stream: string, owner: string) =>
        store.change<Counter>(stream, owner, () => ({ events: [], state: { count: 0 } }));
      await expect(change(newStream(), organization)).rejects.toThrow(TypeError);
      const stream = newStream();
      await count(stream);
      await expect(change(stream, `org-${randomUUID()}`)).rejects.toThrow(TypeError);
    });

    test.for([
      { name: "quotes and new lines", text: `'"\n\r\\` },
      { name: "astral characters", text: "🦒\u{10ffff}" },
      { name: "unnormalised forms and direction marks", text: "e\u0301\u202e\ufeff" },
    ])("gives back $name unchanged", async ({ text }) => {
      const stream = newStream();
      const state = { count: 1, text };
      await store.change<Counter>(stream, organization, () => ({
        events: [{ type: "told", data: { text }, creator: text }],
        state,
      }));
      expect((await store.load<Counter>(stream, organization))?.state).toEqual(state);
      expect(await store.history(stream, organization, all)).toMatchObject([
        { data: { text }, creator: text },
      ]);
    });

    test.for([
      { name: "oldest first", range: all, want: [1, 2, 3, 4, 5] },
      { name: "newest first", range: { ...all, ascending: false }, want: [5, 4, 3, 2, 1] },
      { name: "after a version", range: { ...all, after: 3 }, want: [4, 5] },
      { name: "at most so many", range: { ...all, limit: 2 }, want: [1, 2] },
      {
        name: "the newest few after a version",
        range: { after: 1, limit: 2, ascending: false },
        want: [5, 4],
      },
    ])("reads the history $name", async ({ range, want }) => {
      const stream = newStream();
      const heads = await Promise.all(Array.from({ length: 5 }, () => count(stream)));
      const events = await store.history(stream, organization, range);
      const withoutData = await store.outlineHistory(stream, organization, range);
      expect(withoutData).toEqual(events.map(({ data: _, ...event }) => event));
      expect(events).toEqual(
        want.map((version) => ({
          version,
          type: "counted",
          data: { to: version },
          creator: "me",
          at: heads[version - 1]?.changedAt,
        })),
      );
    });

    test.for([
      { name: "before a version", range: { before: 4 }, want: [3, 2, 1] },
      { name: "between two versions", range: { after: 1, before: 4 }, want: [3, 2] },
      { name: "before a version, at most so many", range: { before: 4, limit: 2 }, want: [3, 2] },
      { name: "before the first version", range: { before: 1 }, want: [] },
    ])("reads the history $name", async ({ range, want }) => {
      const stream = newStream();
      await Promise.all(Array.from({ length: 5 }, () => count(stream)));
      const newestFirst = { ...all, ascending: false, ...range };
      const versions = (await store.history(stream, organization, newestFirst)).map(
        ({ version }) => version,
      );
      expect(versions).toEqual(want);
      const oldestFirst = { ...newestFirst, ascending: true, limit: all.limit };
      const others = await store.outlineHistory(stream, organization, oldestFirst);
      expect(others.map(({ version }) => version)).toEqual(
        expect.arrayContaining(versions.toReversed()),
      );
    });

    test.for([
      { name: "that no event reaches", maxBytes: 100_000, want: [5, 4, 3, 2, 1] },
      { name: "that the second event reaches", maxBytes: 1_500, want: [5, 4] },
      { name: "that the first event exceeds", maxBytes: 1, want: [5] },
    ])("reads the history up to a number of bytes $name", async ({ maxBytes, want }) => {
      const stream = newStream();
      const data = { text: "x".repeat(1_000) };
      const event = { type: "told", data, creator: "me" };
      for (let version = 1; version <= 5; version += 1)
        await store.change<Counter>(stream, organization, () => ({
          events: [event],
          state: { count: version },
        }));
      const versions = async (range: object) =>
        (await store.history(stream, organization, { ...all, maxBytes, ...range })).map(
          ({ version }) => version,
        );
      expect(await versions({ ascending: false })).toEqual(want);
      expect(await versions({})).toEqual(want.map((version) => 6 - version));
      expect(await versions({ after: 4 })).toEqual([5]);
    });

    test("keeps the request of a change with each of its events", async () => {
      const stream = newStream();
      const request = randomUUID();
      await store.change<Counter>(stream, organization, (head) => ({ ...told(2, head), request }));
      await tell(stream, 1);
      const requests = [request, request, undefined];
      const events = await store.history(stream, organization, all);
      expect(events.map((event) => event.request)).toEqual(requests);
      const outlines = await store.outlineHistory(stream, organization, all);
      expect(outlines.map((event) => event.request)).toEqual(requests);
    });

    test("hides a stream from other organizations, which cannot use its id", async () => {
      const stream = newStream();
      const other = `org-${randomUUID()}`;
      await count(stream);
      expect(await store.load(stream, other)).toBeUndefined();
      expect(await store.history(stream, other, all)).toEqual([]);
      expect(await store.outlineHistory(stream, other, all)).toEqual([]);
      await expect(count(stream, undefined, other)).rejects.toThrow(UniqueKeyTakenError);
      expect(await store.load(stream, organization)).toMatchObject({ version: 1 });
    });

    test("B1: finds a stream on the instance, whichever organization owns it", async () => {
      const stream = newStream();
      const other = `org-${randomUUID()}`;
      expect(await store.loadOnInstance(stream)).toBeUndefined();
      const head = await count(stream, undefined, other);
      expect(await store.loadOnInstance(stream)).toEqual(head);
      expect(await store.loadOnInstance(stream)).toMatchObject({ organization: other });
    });

    test("lets one of two organizations have a new stream", async () => {
      const stream = newStream();
      const results = await Promise.allSettled([
        count(stream),
        count(stream, undefined, `org-${randomUUID()}`),
      ]);
      expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
      expect(results[1]).toMatchObject({ reason: expect.any(UniqueKeyTakenError) });
    });

    test("finds nothing for an unknown stream or unique key", async () => {
      const stream = newStream();
      expect(await store.load(stream, organization)).toBeUndefined();
      expect(await store.history(stream, organization, all)).toEqual([]);
      expect(await store.locate(stream)).toBeUndefined();
    });

    test("finds a stream by its unique key until the stream has another one", async () => {
      const stream = newStream();
      const [first, second] = [randomUUID(), randomUUID()];
      await count(stream, [first, first]);
      await count(stream);
      expect(await store.locate(first)).toEqual({ stream, organization });
      await count(stream, [second]);
      expect(await store.locate(first)).toBeUndefined();
      expect(await store.locate(second)).toEqual({ stream, organization });
    });

    test("refuses a unique key that another stream holds, and stores nothing of the change", async () => {
      const [holder, other] = [newStream(), newStream()];
      const uniqueKey = randomUUID();
      await count(holder, [uniqueKey]);
      await expect(count(other, [uniqueKey], `org-${randomUUID()}`)).rejects.toThrow(
        UniqueKeyTakenError,
      );
      expect(await count(other)).toMatchObject({ version: 1 });
      await expect(count(other, [uniqueKey])).rejects.toThrow(UniqueKeyTakenError);
      expect(await store.load(other, organization)).toMatchObject({ version: 1 });
      await count(holder, []);
      expect(await count(other, [uniqueKey])).toMatchObject({ version: 2 });
    });

    test("lets others have a unique key as soon as its stream has another", async () => {
      const names = Array.from({ length: 40 }, () => randomUUID());
      const streams = names.map(newStream);
      await Promise.all(streams.map((stream, index) => count(stream, [names[index] as string])));
      const renamed = names.map((name) => `${name} again`);
      await Promise.all(streams.map((stream, index) => count(stream, [renamed[index] as string])));
      const others = names.map(newStream);
      await Promise.all(others.map((stream, index) => count(stream, [names[index] as string])));
      const located = await Promise.all(names.map((name) => store.locate(name)));
      expect(located).toEqual(others.map((stream) => ({ stream, organization })));
    });

    test("gives a name that is freed in the same batch to nobody else but who asked for it", async () => {
      const name = randomUUID();
      const holder = newStream();
      await count(holder, [name]);
      const others = Array.from({ length: 20 }, newStream);
      const [renamed, ...taken] = await Promise.allSettled([
        count(holder, [`${name} again`]),
        ...others.map((stream) => count(stream, [name])),
      ]);
      expect(renamed).toMatchObject({ status: "fulfilled" });
      const won = others.filter((_, index) => taken[index]?.status === "fulfilled");
      expect(won.length).toBeLessThanOrEqual(1);
      for (const lost of taken.filter(({ status }) => status === "rejected")) {
        expect(lost).toMatchObject({ reason: { name: "UniqueKeyTakenError" } });
      }
      const [stream] = won;
      expect(await store.locate(name)).toEqual(stream && { stream, organization });
    });

    test("keeps a unique key that a change gives again, and swaps none", async () => {
      const [a, b] = [newStream(), newStream()];
      await Promise.all([count(a, [a]), count(b, [b])]);
      await Promise.all([count(a, [a]), count(b, [b, `${b} too`])]);
      const swaps = await Promise.allSettled([count(a, [b]), count(b, [a])]);
      expect(swaps.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
      expect(await store.locate(a)).toEqual({ stream: a, organization });
      expect(await store.locate(`${b} too`)).toEqual({ stream: b, organization });
    });

    test("gives a unique key to exactly one of many racing streams", async () => {
      const uniqueKey = randomUUID();
      const racers = Array.from({ length: 300 }, () => count(newStream(), [uniqueKey]));
      const results = await Promise.allSettled(racers);
      const lost = results.filter(({ status }) => status === "rejected");
      expect(lost).toEqual(
        Array(299).fill({ status: "rejected", reason: expect.any(UniqueKeyTakenError) }),
      );
    });

    test("goes on with a stream after a refused unique key", async () => {
      const [holder, stream] = [newStream(), newStream()];
      const uniqueKey = randomUUID();
      await count(holder, [uniqueKey]);
      const results = await Promise.allSettled([
        count(stream),
        count(stream, [uniqueKey]),
        count(stream),
      ]);
      expect(results).toMatchObject([
        { value: { version: 1 } },
        { reason: expect.any(UniqueKeyTakenError) },
        { value: { version: 2, state: { count: 2 } } },
      ]);
    });

    test("answers a ping", async () => {
      expect(await store.ping()).toBeUndefined();
    });

    test("answers what is in flight when it closes, and is unavailable afterwards", async () => {
      const closing = await open();
      const stream = newStream();
      const change = closing.change<Counter>(stream, organization, counted);
      await Promise.all([closing.close(), closing.close()]);
      expect(await change).toMatchObject({ version: 1 });
      await expect(closing.change(stream, organization, () => counted(undefined))).rejects.toThrow(
        StoreUnavailableError,
      );
      await expect(closing.load(stream, organization)).rejects.toThrow(StoreUnavailableError);
      await expect(closing.ping()).rejects.toThrow(StoreUnavailableError);
    });
  });
}
