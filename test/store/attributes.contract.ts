import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AttributeChanges, digestOf } from "../../src/store/attributes.ts";
import { type EventStore, type KeysOf, UniqueKeyTakenError } from "../../src/store/event-store.ts";
import type { StoreObserver } from "../../src/store/observer.ts";
import type { Query } from "../../src/store/search.ts";

type State = { readonly count: number; readonly isGone?: boolean };

const keysOf: KeysOf<State> = ({ state }) => (state.isGone ? undefined : { a: "x" });
const noObserver: StoreObserver = { waiting() {}, committed() {}, retried() {}, failed() {} };
const bytes = (text: string) => Buffer.from(text);
const changesOf = (values: Readonly<Record<string, string | undefined>>): AttributeChanges =>
  Object.entries(values).map(([key, text]) => ({
    key,
    value: text === undefined ? undefined : bytes(text),
  }));

/** What every event store must do with attributes. Call it once per engine. */
export function describeAttributes(
  name: string,
  open: (keysOf: KeysOf<State>, observer?: StoreObserver) => Promise<EventStore>,
) {
  describe(`${name} attributes`, () => {
    let store: EventStore;
    beforeAll(async () => {
      store = await open(keysOf);
    });
    afterAll(() => store.close());

    const organization = `org-${randomUUID()}`;
    const newStream = () => `stream-${randomUUID()}`;
    const write = (
      stream: string,
      attributes: AttributeChanges | undefined,
      more: { uniqueKeys?: string[]; isGone?: boolean; owner?: string } = {},
    ) => {
      const { uniqueKeys, isGone = false, owner = organization } = more;
      const count = attributes === undefined || attributes === "remove-all" ? 1 : attributes.length;
      return store.change<State>(stream, owner, (head) => ({
        events: Array(count).fill({ type: "written", data: {}, creator: "me" }),
        state: { count: (head?.state.count ?? 0) + count, isGone },
        ...(attributes && { attributes }),
        ...(uniqueKeys && { uniqueKeys }),
      }));
    };
    const set = (stream: string, values: Readonly<Record<string, string | undefined>>) =>
      write(stream, changesOf(values));
    const read = async (stream: string, keys: readonly string[], owner = organization) =>
      (await store.readAttributes(stream, owner, keys)).map(({ key, value }) => [
        key,
        Buffer.from(value).toString(),
      ]);
    const outline = async (stream: string, owner = organization) =>
      (await store.outlineAttributes<State>(stream, owner))?.attributes;
    const keysIn = async (stream: string) => (await outline(stream))?.map(({ key }) => key);

    test("stores attributes with the version and the time of their events", async () => {
      const stream = newStream();
      const first = await set(stream, { b: "1", a: "2" });
      const second = await set(stream, { b: "3", c: "4" });
      const head = await write(stream, undefined);
      expect(await store.readAttributes(stream, organization, ["c", "a", "b", "none"])).toEqual(
        [
          ["a", "2", 2, first, first],
          ["b", "3", 3, first, second],
          ["c", "4", 4, second, second],
        ].map(([key, text, version, created, changed]) => ({
          key,
          value: expect.anything(),
          version,
          createdAt: (created as typeof first).changedAt,
          changedAt: (changed as typeof first).changedAt,
          ...(typeof text === "string" && {
            value: expect.toSatisfy((v) => bytes(text).equals(v)),
          }),
        })),
      );
      expect(await store.outlineAttributes(stream, organization)).toEqual({
        head,
        attributes: ["2", "3", "4"].map((text, index) => ({
          key: "abc"[index],
          digest: digestOf(bytes(text)).toString("hex"),
          bytes: 1,
        })),
      });
      expect(await store.load(stream, organization)).toEqual(head);
    });

    test("removes attributes, and forgets when they were set first", async () => {
      const stream = newStream();
      await set(stream, { a: "1", b: "2" });
      await set(stream, { a: undefined, none: undefined });
      expect(await read(stream, ["a", "b"])).toEqual([["b", "2"]]);
      const head = await set(stream, { a: "3" });
      const [again] = await store.readAttributes(stream, organization, ["a"]);
      expect(again).toMatchObject({ version: 5, createdAt: head.changedAt });
    });

    test("takes the changes of one decision in order", async () => {
      const stream = newStream();
      const first = await set(stream, { a: "1", b: "1" });
      const head = await write(stream, [
        { key: "a", value: undefined },
        { key: "a", value: bytes("2") },
        { key: "b", value: bytes("2") },
        { key: "b", value: bytes("3") },
        { key: "c", value: bytes("4") },
        { key: "c", value: undefined },
      ]);
      expect(await read(stream, ["a", "b", "c"])).toEqual([
        ["a", "2"],
        ["b", "3"],
      ]);
      expect(await store.readAttributes(stream, organization, ["a", "b"])).toMatchObject([
        { version: 4, createdAt: head.changedAt, changedAt: head.changedAt },
        { version: 6, createdAt: first.changedAt, changedAt: head.changedAt },
      ]);
    });

    test("takes changes that are written together in order", async () => {
      const stream = newStream();
      await Promise.all([
        ...Array.from({ length: 50 }, (_, index) =>
          set(stream, { a: `${index}`, [`k${index}`]: "x" }),
        ),
        set(stream, { k7: undefined }),
        write(stream, undefined),
        set(stream, { k7: "again", k8: undefined }),
      ]);
      expect(await read(stream, ["a", "k6", "k7", "k8"])).toEqual([
        ["a", "49"],
        ["k6", "x"],
        ["k7", "again"],
      ]);
      const [again] = await store.readAttributes(stream, organization, ["k7"]);
      expect(again?.createdAt).toBe(again?.changedAt);
      await Promise.all([
        set(stream, { b: "1" }),
        write(stream, "remove-all"),
        set(stream, { b: "2" }),
        set(stream, { c: "3" }),
      ]);
      expect(await keysIn(stream)).toEqual(["b", "c"]);
      expect(await read(stream, ["b"])).toEqual([["b", "2"]]);
    });

    test("removes all attributes of a stream, and of no other", async () => {
      const [stream, other] = [newStream(), newStream()];
      await Promise.all([set(stream, { a: "1", b: "2" }), set(other, { a: "1" })]);
      await write(stream, "remove-all", { isGone: true, uniqueKeys: [] });
      expect(await outline(stream)).toEqual([]);
      expect(await keysIn(other)).toEqual(["a"]);
    });

    test("writes them with unique keys, and none of them if a key is taken", async () => {
      const [holder, stream] = [newStream(), newStream()];
      await write(holder, changesOf({ a: "1" }), { uniqueKeys: [holder] });
      expect(await read(holder, ["a"])).toEqual([["a", "1"]]);
      const taken = write(stream, changesOf({ a: "1" }), { uniqueKeys: [holder] });
      await expect(taken).rejects.toThrow(UniqueKeyTakenError);
      expect(await outline(stream)).toBeUndefined();
      expect(await read(stream, ["a"])).toEqual([]);
    });

    test("rejects a change of an attribute without an event", async () => {
      const stream = newStream();
      await set(stream, { a: "1" });
      const change = store.change<State>(stream, organization, (head) => ({
        events: [{ type: "written", data: {}, creator: "me" }],
        state: head?.state ?? { count: 0 },
        attributes: changesOf({ a: "2", b: "2" }),
      }));
      await expect(change).rejects.toThrow(TypeError);
      expect(await read(stream, ["a", "b"])).toEqual([["a", "1"]]);
    });

    test("writes few large values in one transaction, whatever waits", async () => {
      const sizes: number[] = [];
      const committed = ({ size }: { readonly size: number }) => void sizes.push(size);
      const observed = await open(keysOf, { ...noObserver, committed });
      const value = Buffer.alloc(500_000, "v");
      const writes = Array.from({ length: 24 }, () =>
        observed.change<State>(newStream(), organization, () => ({
          events: [{ type: "written", data: {}, creator: "me" }],
          state: { count: 1 },
          attributes: [{ key: "large", value }],
        })),
      );
      await Promise.all(writes);
      await observed.close();
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(24);
      expect(Math.max(...sizes)).toBe(2);
    });

    test("finds some of them, and the total of all", async () => {
      const stream = newStream();
      const head = await set(stream, { b: "12", é: "3", c: "4" });
      const find = (keys: string[], isTotalled: boolean, owner = organization) =>
        store.findAttributes<State>(stream, owner, keys, isTotalled);
      const sizes = async (keys: string[]) =>
        (await find(keys, false))?.attributes.map((each) => [each.key, each.bytes]).sort();
      expect(await sizes(["b", "none", "é"])).toEqual([
        ["b", 2],
        ["é", 1],
      ]);
      const digest = digestOf(bytes("4")).toString("hex");
      const attributes = [{ key: "c", digest, bytes: 1 }];
      expect(await find(["c", "c"], false)).toEqual({ head, attributes, total: undefined });
      // Keys and values.
      const total = { count: 3, bytes: 1 + 2 + 1 + (2 + 1 + 1) };
      expect(await find(["c"], true)).toEqual({ head, attributes, total });
      expect(await find([], true)).toEqual({ head, attributes: [], total });
      expect(await find(["b"], true, "other")).toBeUndefined();
      await write(stream, "remove-all");
      const nothing = { count: 0, bytes: 0 };
      expect(await find(["b"], true)).toMatchObject({ attributes: [], total: nothing });
    });

    test("hides them from other organizations, and has none of an unknown stream", async () => {
      const stream = newStream();
      const other = `org-${randomUUID()}`;
      await set(stream, { a: "1" });
      expect(await outline(stream, other)).toBeUndefined();
      expect(await read(stream, ["a"], other)).toEqual([]);
      expect(await outline(newStream())).toBeUndefined();
      expect(await read(newStream(), ["a"])).toEqual([]);
    });

    test.for([
      { name: "an empty value", key: "a", value: Buffer.alloc(0) },
      {
        name: "every byte",
        key: "a",
        value: Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
      },
      { name: "500,000 random bytes", key: "a", value: randomBytes(500_000) },
      { name: "a key of 200 astral characters", key: "\u{10ffff}".repeat(200), value: bytes("x") },
      { name: "a key that looks like SQL and JSON", key: `'"{},\\\n,()`, value: bytes("x") },
    ])("gives back $name unchanged", async ({ key, value }) => {
      const stream = newStream();
      await write(stream, [{ key, value }]);
      const [attribute] = await store.readAttributes(stream, organization, [key]);
      expect(attribute?.key).toBe(key);
      expect(value.equals(attribute?.value ?? Buffer.from("none"))).toBe(true);
      expect(await outline(stream)).toEqual([
        { key, digest: digestOf(value).toString("hex"), bytes: value.byteLength },
      ]);
    });

    test("lists them in the order of the bytes of their keys", async () => {
      const stream = newStream();
      await set(stream, { "\uffff": "1", "\u{10000}": "2", b: "3", B: "4", ä: "5" });
      expect(await keysIn(stream)).toEqual(["B", "b", "ä", "\uffff", "\u{10000}"]);
    });

    describe("in a search", () => {
      const owner = `org-${randomUUID()}`;
      const add = (stream: string, values: Readonly<Record<string, string>>) =>
        write(stream, changesOf(values), { owner });
      const find = async (query: Query) => {
        const { total, results } = await store.search<State>(owner, {
          ...{ query, sortBy: undefined, ascending: true, offset: 0, limit: 2_000 },
        });
        expect(results).toHaveLength(total);
        return results.map(({ stream }) => stream);
      };
      const has = (key?: string, text?: string): Query => ({
        ...{ kind: "attribute", key, value: text === undefined ? undefined : bytes(text) },
      });
      const both = (...queries: Query[]): Query => ({ kind: "and", queries });

      test("finds streams by key, by value and by both, until the attribute is removed", async () => {
        const [one, two] = ["1", "2"].map((first) => `${first}-${randomUUID()}`) as [
          string,
          string,
        ];
        await add(one, { color: "red", size: "x".repeat(100_000) });
        await add(two, { color: "blue", paint: "red" });
        await write(newStream(), changesOf({ color: "red" }));
        expect(await find(has("color"))).toEqual([one, two]);
        expect(await find(has("Color"))).toEqual([]);
        expect(await find(has("color", "red"))).toEqual([one]);
        expect(await find(has(undefined, "red"))).toEqual([one, two]);
        expect(await find(has("size", "x".repeat(100_000)))).toEqual([one]);
        expect(await find(has("size", "x".repeat(99_999)))).toEqual([]);
        expect(await find(both(has("color"), has("paint")))).toEqual([two]);
        expect(await find({ kind: "or", queries: [has("size"), has("paint")] })).toEqual([
          one,
          two,
        ]);
        expect(await find({ kind: "not", query: has("paint") })).toEqual([one]);
        await write(one, changesOf({ color: undefined as never }), { owner });
        expect(await find(has("color"))).toEqual([two]);
        await write(two, "remove-all", { owner, isGone: true });
        expect(await find(has(undefined, "red"))).toEqual([]);
        await write(one, "remove-all", { owner, isGone: true });
      });

      test("finds those that more than a thousand streams have", async () => {
        const streams = Array.from({ length: 1_100 }, (_, i) => `s${String(i).padStart(4, "0")}`);
        await Promise.all(streams.map((stream, i) => add(stream, { many: "x", odd: `${i % 2}` })));
        expect(await find(has("many"))).toEqual(streams);
        expect(await find(has(undefined, "x"))).toEqual(streams);
        const odd = streams.filter((_, index) => index % 2 === 1);
        expect(await find(both(has("many", "x"), has("odd", "1")))).toEqual(odd);
        const some: Query = { kind: "streams", streams: ["s0001", "s0002", "none"] };
        expect(await find(both(has("many"), some))).toEqual(["s0001", "s0002"]);
        expect(await find(both(has("many"), has("odd", "1"), some))).toEqual(["s0001"]);
        expect(await find({ kind: "not", query: has("many") })).toEqual([]);
      });
    });
  });
}
