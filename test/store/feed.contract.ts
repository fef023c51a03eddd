import { randomUUID } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EventStore } from "../../src/store/event-store.ts";
import { type Feed, type FeedEvent, maxFeedBytes, maxFeedEvents } from "../../src/store/feed.ts";

/** What a feed is read beside. */
export type OpenFeed = {
  readonly stores: readonly [EventStore, EventStore];
  readonly feed: Feed;
};

/**
 * What every engine's feed must do. Call it once per engine.
 *
 * @param open Opens one database, the same at each call: two stores and a feed.
 */
export function describeFeed(name: string, open: () => Promise<OpenFeed>) {
  describe(`${name} feed`, () => {
    let stores: OpenFeed["stores"];
    let feed: Feed;
    beforeAll(async () => {
      ({ stores, feed } = await open());
    });
    afterAll(async () => {
      await feed.close();
      for (const store of stores) await store.close();
    });

    const newStreams = (count: number) => Array.from({ length: count }, () => `f-${randomUUID()}`);
    const write = (store: EventStore, stream: string, texts: readonly string[]) =>
      store.change(stream, "org", () => ({
        events: texts.map((text) => ({ type: "written", data: { text }, creator: "me" })),
        state: texts.at(-1) ?? "",
        request: "call",
      }));
    async function readAll(from: Feed, after = 0, limit = maxFeedEvents): Promise<FeedEvent[]> {
      const events: FeedEvent[] = [];
      for (let last = after; ; last = events.at(-1)?.position ?? last) {
        const page = await from.read(last, limit);
        expect(page.length).toBeLessThanOrEqual(limit);
        if (page.length === 0) return events;
        events.push(...page);
      }
    }
    const endOf = async (from: Feed) => (await readAll(from)).at(-1)?.position ?? 0;
    const versionsOf = (events: readonly FeedEvent[], stream: string) =>
      events.filter((event) => event.stream === stream).map(({ version }) => version);
    const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
    function expectRising(events: readonly FeedEvent[]) {
      const positions = events.map(({ position }) => position);
      expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
    }

    test("gives every event with its stream and its organization", async () => {
      const [stream = ""] = newStreams(1);
      const after = await endOf(feed);
      const { changedAt } = await write(stores[0], stream, ["a", "b"]);
      const shared = { stream, organization: "org", type: "written", creator: "me" };
      const common = { ...shared, at: changedAt, request: "call", position: expect.any(Number) };
      expect(await feed.read(after, 10)).toEqual([
        { ...common, version: 1, data: { text: "a" } },
        { ...common, version: 2, data: { text: "b" } },
      ]);
    });

    test("has nothing behind its end, and nothing when nothing is asked for", async () => {
      await write(stores[0], newStreams(1)[0] ?? "", ["a"]);
      const after = await endOf(feed);
      expect(await feed.read(after, 10)).toEqual([]);
      expect(await feed.read(0, 0)).toEqual([]);
    });

    test("gives the same events again, page by page, whatever the limit", async () => {
      const streams = newStreams(7);
      const after = await endOf(feed);
      for (const stream of streams) await write(stores[0], stream, ["a", "b", "c"]);
      const whole = await readAll(feed, after);
      expect(whole).toHaveLength(21);
      expectRising(whole);
      for (const limit of [1, 4, 20]) expect(await readAll(feed, after, limit)).toEqual(whole);
    });

    test("bounds a page by events and by bytes", async () => {
      const [many = "", large = ""] = newStreams(2);
      const after = await endOf(feed);
      await write(stores[0], many, Array(maxFeedEvents + 10).fill("a"));
      const page = await feed.read(after, 10 * maxFeedEvents);
      expect(page).toHaveLength(maxFeedEvents);
      expect(versionsOf(page, many)).toEqual(upTo(maxFeedEvents));
      const end = await endOf(feed);
      await write(stores[0], large, Array(5).fill("x".repeat(maxFeedBytes / 2)));
      expect(versionsOf(await feed.read(end, 10), large)).toEqual([1, 2]);
      expect(versionsOf(await readAll(feed, end), large)).toEqual(upTo(5));
    });

    test("misses nothing while two stores write and two readers read", async () => {
      const streams = newStreams(12);
      const perStream = 40;
      const after = await endOf(feed);
      const other = await open();
      let isWritten = false;
      const follow = async (from: Feed, limit: number) => {
        const events: FeedEvent[] = [];
        for (let isLast = false; ; ) {
          const page = await from.read(events.at(-1)?.position ?? after, limit);
          events.push(...page);
          if (page.length === 0 && isLast) return events;
          isLast = page.length === 0 && isWritten;
          await turn();
        }
      };
      const readers = [follow(feed, 7), follow(other.feed, 1_000)];
      const writers = streams.map(async (stream, index) => {
        for (let done = 0; done < perStream; done += 2) {
          const store = stores[(index + done / 2) % 2] as EventStore;
          await write(store, stream, ["a", "b"]);
        }
      });
      await Promise.all(writers);
      isWritten = true;
      const [first = [], second] = await Promise.all(readers);
      expect(second).toEqual(first);
      expectRising(first);
      for (const stream of streams) expect(versionsOf(first, stream)).toEqual(upTo(perStream));
      expect(await readAll(feed, after)).toEqual(first);
      await other.feed.close();
      for (const store of other.stores) await store.close();
    });

    test("gives no event of a change that was refused", async () => {
      const [stream = "", held = ""] = newStreams(2);
      const after = await endOf(feed);
      const taking = (name: string) => () => ({
        events: [{ type: "taken", data: {}, creator: "me" }],
        state: "",
        uniqueKeys: [name],
      });
      await stores[0].change(held, "org", taking(held));
      await expect(stores[0].change(stream, "org", taking(held))).rejects.toThrow(
        expect.objectContaining({ name: "UniqueKeyTakenError" }),
      );
      await write(stores[0], stream, ["a"]);
      const events = await readAll(feed, after);
      expect(events.map(({ type }) => type).sort()).toEqual(["taken", "written"]);
    });

    test("goes on after a restart where it was", async () => {
      const streams = newStreams(3);
      const after = await endOf(feed);
      const reopened = await open();
      for (const stream of streams) await write(reopened.stores[0], stream, ["a"]);
      const before = await readAll(reopened.feed, after);
      await reopened.feed.close();
      for (const store of reopened.stores) await store.close();
      const again = await open();
      expect(await readAll(again.feed, after)).toEqual(before);
      await write(again.stores[1], streams[0] ?? "", ["b"]);
      const end = before.at(-1)?.position ?? 0;
      expect(await readAll(again.feed, end)).toMatchObject([{ stream: streams[0], version: 2 }]);
      await again.feed.close();
      for (const store of again.stores) await store.close();
    });

    test("keeps the positions of an erased stream, and none of its data", async () => {
      const [stream = ""] = newStreams(1);
      const after = await endOf(feed);
      await write(stores[0], stream, ["secret", "secret"]);
      const before = await readAll(feed, after);
      await write(stores[0], stream, ["secret"]);
      await stores[1].change(stream, "org", () => ({
        events: [{ type: "erased", data: {}, creator: "me" }],
        state: "",
        erases: true,
      }));
      const events = await readAll(feed, after);
      expect(JSON.stringify(events)).not.toContain("secret");
      expect(versionsOf(events, stream)).toEqual(upTo(4));
      expect(events.slice(0, 2).map(({ position }) => position)).toEqual(
        before.map(({ position }) => position),
      );
      expectRising(events);
    });
  });
}
