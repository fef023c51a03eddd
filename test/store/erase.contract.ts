import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Decide,
  type EventStore,
  type KeysOf,
  StoreOverloadedError,
} from "../../src/store/event-store.ts";

/** The state is a text, or "" once the stream is erased. */
const keysOf: KeysOf<string> = ({ state }) => (state === "" ? undefined : { text: state });
const bytes = (text: string) => Buffer.from(text);
const all = { after: 0, limit: 1_000, ascending: true };

/**
 * What every event store must do when a stream is erased. Call it once per engine.
 *
 * @param open Opens the store, and the same database a second time.
 */
export function describeErasing(
  name: string,
  open: (keysOf: KeysOf<string>) => Promise<readonly [EventStore, EventStore]>,
) {
  describe(`${name} erases a stream:`, () => {
    let store: EventStore;
    let other: EventStore;
    beforeAll(async () => {
      [store, other] = await open(keysOf);
    });
    afterAll(async () => {
      await store.close();
      await other.close();
    });

    const organization = `org-${randomUUID()}`;
    const writing =
      (text: string, receipt?: string): Decide<string> =>
      () => ({
        events: [{ type: "written", data: { text }, creator: "me" }],
        state: text,
        uniqueKeys: [text],
        attributes: [{ key: "text", value: bytes(text) }],
        receipt:
          receipt === undefined
            ? undefined
            : { owner: "me", name: receipt, contentOf: () => bytes(text) },
        request: "first",
      });
    const erasing =
      (receipt?: string): Decide<string> =>
      (head) => ({
        events: head?.state === "" ? [] : [{ type: "erased", data: {}, creator: "me" }],
        state: "",
        uniqueKeys: [],
        attributes: "remove-all",
        receipt:
          receipt === undefined
            ? undefined
            : { owner: "me", name: receipt, contentOf: () => bytes("erased") },
        request: "second",
        erases: true,
      });
    const write = (stream: string, text: string, receipt?: string, by = store) =>
      by.change(stream, organization, writing(text, receipt));
    const erase = (stream: string, receipt?: string, by = store) =>
      by.change(stream, organization, erasing(receipt));
    /** Again, if another server was faster so often that the change was given up. */
    const eraseAtLast = async (stream: string): Promise<void> => {
      try {
        await erase(stream);
      } catch (error) {
        if (!(error instanceof StoreOverloadedError)) throw error;
        await eraseAtLast(stream);
      }
    };
    const found = async (text: string) => {
      const query = { kind: "text", key: "text", method: "equals", text } as const;
      const search = { query, sortBy: undefined, ascending: true, offset: 0, limit: 9 };
      return (await store.search([organization], search as never)).total;
    };
    const history = (stream: string) => store.history(stream, organization, all);
    const kept = async (receipt: string) => {
      const content = await store.receipts.find({ owner: "me", name: receipt });
      return content && Buffer.from(content).toString();
    };

    test("only ids, versions, types, creators, times and requests are left", async () => {
      const [stream, receipt, ofErasing] = [randomUUID(), randomUUID(), randomUUID()];
      const [text, later] = [randomUUID(), randomUUID()];
      const heads = [await write(stream, text, receipt), await write(stream, later)];
      expect([await found(later), await kept(receipt)]).toEqual([1, text]);
      const head = await erase(stream, ofErasing);
      expect(head).toMatchObject({ version: 3, state: "", organization });
      expect(await store.load(stream, organization)).toEqual(head);
      const times = [...heads, head].map(({ changedAt }) => changedAt);
      expect(await history(stream)).toEqual([
        { ...{ version: 1, type: "written", at: times[0], request: "first" }, ...nothing },
        { ...{ version: 2, type: "written", at: times[1], request: "first" }, ...nothing },
        { ...{ version: 3, type: "erased", at: times[2], request: "second" }, ...nothing },
      ]);
      expect([await found(text), await found(later)]).toEqual([0, 0]);
      expect(await store.locate(later)).toBeUndefined();
      expect(await store.readAttributes(stream, organization, ["text"])).toEqual([]);
      expect([await kept(receipt), await kept(ofErasing)]).toEqual([undefined, "erased"]);
    });
    const nothing = { data: {}, creator: "me" };

    test("others keep all they have", async () => {
      const [stream, beside] = [randomUUID(), randomUUID()];
      const [text, receipt] = [randomUUID(), randomUUID()];
      await write(stream, randomUUID());
      await write(beside, text, receipt);
      await erase(stream);
      expect([await found(text), await kept(receipt)]).toEqual([1, text]);
      expect(await history(beside)).toMatchObject([{ data: { text } }]);
    });

    test("also what was decided just before, and is stored in the same transaction", async () => {
      const streams = Array.from({ length: 20 }, () => randomUUID());
      const receipts = new Map(streams.map((stream) => [stream, randomUUID()]));
      await Promise.all(
        streams.flatMap((stream) => [
          write(stream, randomUUID(), receipts.get(stream)),
          write(stream, randomUUID()),
          erase(stream),
          erase(stream),
        ]),
      );
      for (const stream of streams) {
        const events = await history(stream);
        expect(events.map(({ data }) => data)).toEqual([{}, {}, {}]);
        expect(await kept(receipts.get(stream) ?? "")).toBeUndefined();
      }
    });

    test("a second time changes nothing", async () => {
      const stream = randomUUID();
      await write(stream, randomUUID());
      const head = await erase(stream);
      expect(await erase(stream)).toEqual(head);
      expect(await history(stream)).toHaveLength(2);
    });

    test("nothing of a refused erasure is forgotten", async () => {
      const [stream, text, receipt] = [randomUUID(), randomUUID(), randomUUID()];
      await write(stream, text, receipt);
      await expect(erase(stream, receipt)).rejects.toThrow();
      expect(await history(stream)).toMatchObject([{ data: { text } }]);
      expect(await kept(receipt)).toBe(text);
    });

    test("a server that has the old state in memory does not bring it back", async () => {
      const stream = randomUUID();
      await write(stream, randomUUID());
      const extending: Decide<string> = (head) => {
        if (head?.state === "") throw new Error("gone");
        return { ...writing(randomUUID())(head), uniqueKeys: [], attributes: [] };
      };
      for (let round = 0; round < 5; round += 1) {
        const next = randomUUID();
        await write(next, randomUUID());
        // The other server decides many changes in a row, each on the one before, while this one erases.
        const changes = Array.from({ length: 200 }, () =>
          other.change(next, organization, extending),
        );
        const [erased, ...outcomes] = await Promise.allSettled([eraseAtLast(next), ...changes]);
        expect(erased).toMatchObject({ status: "fulfilled" });
        const refused = outcomes.filter(({ status }) => status === "rejected");
        const events = await history(next);
        expect(events.at(-1)?.type).toBe("erased");
        expect(events.length).toBe(2 + outcomes.length - refused.length);
        expect(new Set(events.map(({ data }) => JSON.stringify(data)))).toEqual(new Set(["{}"]));
        expect(await other.load(next, organization)).toMatchObject({ state: "" });
      }
    });
  });
}
