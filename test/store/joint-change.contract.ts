import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type EventStore,
  type Head,
  type KeysOf,
  UniqueKeyTakenError,
} from "../../src/store/event-store.ts";
import type { DecideAll } from "../../src/store/joint-change.ts";
import { ReceiptTakenError } from "../../src/store/receipts.ts";

type Stores = { readonly store: EventStore; readonly other: EventStore };

const keysOf: KeysOf<number> = ({ state }) => ({ count: `${state}` });

/**
 * What every event store must do with changes of several streams. Call it once per engine.
 *
 * @param open Two stores on one database; one store twice if the engine has one process only.
 */
export function describeJointChanges(
  name: string,
  open: (keysOf: KeysOf<number>) => Promise<Stores>,
) {
  describe(`${name}, joint changes`, () => {
    let store: EventStore;
    let other: EventStore;
    beforeAll(async () => {
      ({ store, other } = await open(keysOf));
    });
    afterAll(async () => {
      await store.close();
      if (other !== store) await other.close();
    });

    const organization = `org-${randomUUID()}`;
    const event = { type: "counted", data: {}, creator: "me" };
    const plusOne = (head: Head<number> | undefined, uniqueKeys?: readonly string[]) => ({
      events: [event],
      state: (head?.state ?? 0) + 1,
      ...(uniqueKeys && { uniqueKeys }),
    });
    const countAll: DecideAll<number> = (heads) => ({
      decisions: heads.map((head) => plusOne(head)),
    });
    const count = (stream: string, by = store, uniqueKeys?: readonly string[]) =>
      by.change<number>(stream, organization, (head) => plusOne(head, uniqueKeys));
    /** New streams, each with one event. */
    const newStreams = async (size: number) => {
      const streams = Array.from({ length: size }, () => randomUUID());
      await Promise.all(streams.map((stream) => count(stream)));
      return streams;
    };
    const members = (streams: readonly string[]) =>
      streams.map((stream) => ({ stream, organization }));
    const change = (streams: readonly string[], decide = countAll, by = store) =>
      by.changeAll<number>(members(streams), decide);
    const load = async (stream: string) => store.load<number>(stream, organization);
    const statesOf = (streams: readonly string[]) =>
      Promise.all(streams.map(async (stream) => (await load(stream))?.state));

    test("stores all, and returns the heads in the order of the members", async () => {
      const streams = await newStreams(3);
      const heads = await change(streams);
      expect(heads.map(({ version, state }) => [version, state])).toEqual(Array(3).fill([2, 2]));
      for (const [place, stream] of streams.entries()) {
        expect(await load(stream)).toEqual(heads[place]);
        const range = { after: 0, limit: 9, ascending: true };
        expect(await store.history(stream, organization, range)).toMatchObject([
          { version: 1 },
          { version: 2, type: "counted", at: heads[place]?.changedAt },
        ]);
      }
      const found = await store.search([organization], {
        query: { kind: "text", key: "count", method: "equals", text: "2", ignoreCase: false },
        sortBy: undefined,
        ascending: true,
        offset: 0,
        limit: 10,
      });
      expect(found.total).toBe(3);
    });

    test("stores a thousand", async () => {
      const streams = await newStreams(1_000);
      const heads = await change(streams);
      expect(new Set(heads.map(({ state }) => state))).toEqual(new Set([2]));
      expect(new Set(await statesOf(streams))).toEqual(new Set([2]));
    });

    test("stores nothing if it is refused", async () => {
      const streams = await newStreams(3);
      const refusal = new RangeError("refused");
      const refused = change(streams, () => {
        throw refusal;
      });
      await expect(refused).rejects.toBe(refusal);
      expect(await statesOf(streams)).toEqual([1, 1, 1]);
      expect(await change(streams)).toHaveLength(3);
    });

    test("a member may stay as it is", async () => {
      const [first = "", second = ""] = await newStreams(2);
      const heads = await change([first, second], ([one, two]) => ({
        decisions: [plusOne(one), { events: [], state: two?.state ?? 0 }],
      }));
      expect(heads.map(({ version }) => version)).toEqual([2, 1]);
      expect(await statesOf([first, second])).toEqual([2, 1]);
      const none = await change([first, second], (heads) => ({
        decisions: heads.map((head) => ({ events: [], state: head?.state ?? 0 })),
      }));
      expect(none.map(({ version }) => version)).toEqual([2, 1]);
    });

    test("shows no head of another organization, and begins no stream", async () => {
      const [mine = ""] = await newStreams(1);
      const seen: unknown[] = [];
      const strangers = [
        { stream: mine, organization: "other" },
        { stream: randomUUID(), organization },
      ];
      const refused = store.changeAll<number>(strangers, (heads) => {
        seen.push(...heads);
        return countAll(heads);
      });
      await expect(refused).rejects.toThrow(TypeError);
      expect(seen).toEqual([undefined, undefined]);
      expect(await statesOf([mine])).toEqual([1]);
    });

    test("refuses a stream that is named twice, and too many", async () => {
      const [stream = ""] = await newStreams(1);
      await expect(change([stream, stream])).rejects.toThrow(TypeError);
      const many = Array.from({ length: 1_001 }, () => randomUUID());
      await expect(change(many)).rejects.toThrow(RangeError);
      expect(await change([])).toEqual([]);
    });

    test("stores nothing if one unique key is taken", async () => {
      const [first = "", second = "", holder = ""] = await newStreams(3);
      const name = randomUUID();
      await count(holder, store, [name]);
      const refused = change([first, second], ([one, two]) => ({
        decisions: [plusOne(one, [randomUUID()]), plusOne(two, [name])],
      }));
      await expect(refused).rejects.toThrow(UniqueKeyTakenError);
      expect(await statesOf([first, second])).toEqual([1, 1]);
      const both = change([first, second], ([one, two]) => ({
        decisions: [plusOne(one, ["same"]), plusOne(two, ["same"])],
      }));
      await expect(both).rejects.toThrow(UniqueKeyTakenError);
      expect(await store.locate("same")).toBeUndefined();
    });

    test("keeps a receipt of all heads, or nothing at all", async () => {
      const streams = await newStreams(2);
      const receipt = { owner: "me", name: randomUUID() };
      const withReceipt: DecideAll<number> = (heads) => ({
        ...countAll(heads),
        receipt: {
          ...receipt,
          contentOf: (after) => Buffer.from(after.map(({ version }) => version).join()),
        },
      });
      await change(streams, withReceipt);
      expect(Buffer.from((await store.receipts.find(receipt)) ?? []).toString()).toBe("2,2");
      await expect(change(streams, withReceipt)).rejects.toThrow(ReceiptTakenError);
      expect(await statesOf(streams)).toEqual([2, 2]);
    });

    test("takes its turn among the changes of a stream", async () => {
      const [hot = "", calm = ""] = await newStreams(2);
      const order: string[] = [];
      const note = (what: string) => (head: Head<unknown>) => order.push(`${what} ${head.version}`);
      const before = Array.from({ length: 50 }, () => count(hot).then(note("before")));
      const joint = change([calm, hot]).then(([, head]) => note("joint")(head as Head<number>));
      const after = Array.from({ length: 50 }, () => count(hot).then(note("after")));
      await Promise.all([...before, joint, ...after]);
      expect(order.indexOf("joint 52")).toBe(50);
      expect(order.at(-1)).toBe("after 102");
      expect(await statesOf([hot, calm])).toEqual([102, 2]);
    });

    test("others do not wait for it, but for its members", async () => {
      const streams = await newStreams(200);
      const [busy = "", idle = ""] = streams;
      const [stranger = ""] = await newStreams(1);
      const queue = Array.from({ length: 500 }, () => count(busy));
      let isDone = false;
      const joint = change(streams).then(() => {
        isDone = true;
      });
      await count(stranger);
      expect(isDone).toBe(false);
      expect((await count(idle)).state).toBe(3);
      expect(isDone).toBe(true);
      await Promise.all([joint, ...queue]);
    });

    test("many at once, in any order of members, on both stores: nothing is lost", async () => {
      const streams = await newStreams(8);
      const rounds = 12;
      const all = Array.from({ length: rounds }, (_, round) => [
        change(round % 2 === 0 ? streams : streams.toReversed(), countAll, store),
        change(round % 3 === 0 ? streams.toReversed() : streams, countAll, other),
        ...streams.map((stream) => count(stream, round % 2 === 0 ? store : other)),
      ]);
      await Promise.all(all.flat());
      expect(await statesOf(streams)).toEqual(streams.map(() => 1 + 3 * rounds));
    });

    test("is dropped if its caller leaves before the turn comes, and holds nobody", async () => {
      const [hot = "", calm = ""] = await newStreams(2);
      const queue = Array.from({ length: 300 }, () => count(hot));
      const caller = new AbortController();
      const joint = store.changeAll<number>(members([calm, hot]), countAll, caller.signal);
      const reason = new Error("gone");
      caller.abort(reason);
      await expect(joint).rejects.toBe(reason);
      expect((await count(calm)).state).toBe(2);
      await Promise.all(queue);
      expect((await count(hot)).state).toBe(302);
    });
  });
}
