import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { ReceiptBounds } from "../../src/store/change/receipt-keeper.ts";
import { type Decide, type EventStore, UniqueKeyTakenError } from "../../src/store/event-store.ts";
import {
  type ReceiptName,
  ReceiptTakenError,
  TooManyReceiptsError,
} from "../../src/store/receipts.ts";

/** How a store is opened. */
export type ReceiptStoreOptions = { readonly now: () => number; readonly receipts: ReceiptBounds };

const day = 24 * 60 * 60 * 1_000_000;
const maxPerOwner = 600;
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

/** What every event store must do with receipts. Call it once per engine. */
export function describeReceipts(
  name: string,
  open: (options: ReceiptStoreOptions) => Promise<EventStore>,
) {
  describe(`${name} receipts`, () => {
    let aheadBy = 0;
    let store: EventStore;
    beforeAll(async () => {
      store = await open({
        now: () => Date.now() * 1_000 + aheadBy,
        receipts: { maxPerOwner, pruning: { idleMs: 20, busyMs: 5 } },
      });
    });
    afterAll(() => store.close());

    const organization = `org-${randomUUID()}`;
    const newName = (owner = "me"): ReceiptName => ({ owner, name: randomUUID() });
    const counting =
      (receipt?: ReceiptName, uniqueKeys?: readonly string[]): Decide<number> =>
      (head) => ({
        events: [{ type: "counted", data: {}, creator: "me" }],
        state: (head?.state ?? 0) + 1,
        ...(uniqueKeys && { uniqueKeys }),
        receipt: receipt && {
          ...receipt,
          contentOf: ({ version, changedAt }) => bytes(`${version} ${changedAt}`),
        },
      });
    const count = (stream: string, receipt?: ReceiptName, uniqueKeys?: readonly string[]) =>
      store.change(stream, organization, counting(receipt, uniqueKeys));
    const find = async (receipt: ReceiptName) => {
      const content = await store.receipts.find(receipt);
      return content && Buffer.from(content).toString();
    };
    const begin = async (receipt: ReceiptName, mustLook = false) => {
      const content = await store.receipts.begin(receipt, mustLook);
      return content && Buffer.from(content).toString();
    };
    const keep = (receipt: ReceiptName, text: string) =>
      store.receipts.keep({ ...receipt, content: bytes(text) }, "s");
    const versionOf = async (stream: string) =>
      (await store.load(stream, organization))?.version ?? 0;

    test("keeps one with a change, made of the head that the change leads to", async () => {
      const [stream, name] = [randomUUID(), newName()];
      expect(await find(name)).toBeUndefined();
      const head = await count(stream, name);
      expect(await find(name)).toBe(`1 ${head.changedAt}`);
      const next = newName();
      const { changedAt } = await count(stream, next);
      expect(await find(next)).toBe(`2 ${changedAt}`);
    });

    test("stores nothing of a change whose receipt has a name that is taken", async () => {
      const [stream, other, name] = [randomUUID(), randomUUID(), newName()];
      const head = await count(stream, name);
      await expect(count(stream, name)).rejects.toThrow(ReceiptTakenError);
      await expect(count(other, name)).rejects.toThrow(ReceiptTakenError);
      await expect(count(other, name, ["key"])).rejects.toThrow(ReceiptTakenError);
      expect([await versionOf(stream), await versionOf(other)]).toEqual([1, 0]);
      expect(await find(name)).toBe(`1 ${head.changedAt}`);
      expect(await store.locate("key")).toBeUndefined();
      expect(await count(stream)).toMatchObject({ version: 2 });
    });

    test("keeps no receipt of a change that is not stored", async () => {
      const [name, key] = [newName(), `key-${randomUUID()}`];
      await count(randomUUID(), undefined, [key]);
      await expect(count(randomUUID(), name, [key])).rejects.toThrow(UniqueKeyTakenError);
      const stream = randomUUID();
      await count(stream);
      await expect(count(stream, name, [key])).rejects.toThrow(UniqueKeyTakenError);
      expect(await find(name)).toBeUndefined();
      expect(await count(randomUUID(), name)).toMatchObject({ version: 1 });
    });

    test("says that the name is taken, whatever else is wrong", async () => {
      const [name, key] = [newName(), `key-${randomUUID()}`];
      await count(randomUUID(), name, [key]);
      await expect(count(randomUUID(), name, [key])).rejects.toThrow(ReceiptTakenError);
    });

    test("of many changes of many streams with one name at once, one is stored", async () => {
      const name = newName();
      const streams = Array.from({ length: 100 }, () => randomUUID());
      const answers = await Promise.allSettled(streams.map((stream) => count(stream, name)));
      const errors = answers.flatMap((answer) => ("reason" in answer ? [answer.reason] : []));
      expect(errors).toHaveLength(99);
      for (const error of errors) expect(error).toBeInstanceOf(ReceiptTakenError);
      const versions = await Promise.all(streams.map(versionOf));
      expect(versions.reduce((sum, version) => sum + version)).toBe(1);
    });

    test("of many changes of one stream at once, each name is stored once, and no other is lost", async () => {
      const stream = randomUUID();
      const names = Array.from({ length: 30 }, () => newName());
      const twice = names.flatMap((name) => [name, undefined, name]);
      const answers = await Promise.allSettled(twice.map((name) => count(stream, name)));
      const heads = answers.flatMap((answer) => ("value" in answer ? [answer.value.version] : []));
      expect(heads.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
      expect(await versionOf(stream)).toBe(60);
      for (const name of names) expect(await find(name)).toMatch(/^\d+ /);
    });

    test("leaves the other changes of a batch alone", async () => {
      const name = newName();
      await count(randomUUID(), name);
      const streams = Array.from({ length: 50 }, () => randomUUID());
      const answers = await Promise.allSettled(
        streams.flatMap((stream) => [count(stream, newName()), count(randomUUID(), name)]),
      );
      expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(50);
      expect(await Promise.all(streams.map(versionOf))).toEqual(streams.map(() => 1));
    });

    test("keeps a text as its bytes in UTF-8, with a change and without", async () => {
      const text = JSON.stringify({ ä: "→ \u{1f992}" }).concat("\0", "x".repeat(5_000));
      const [name, other] = [newName(), newName()];
      const change: Decide<number> = (head) => ({
        ...counting()(head),
        receipt: { ...name, contentOf: () => text },
      });
      await store.change(randomUUID(), organization, change);
      expect(await store.receipts.keep({ ...other, content: text }, "s")).toBe(true);
      for (const each of [name, other]) {
        const content = await store.receipts.find(each);
        expect(content && Buffer.from(content)).toEqual(Buffer.from(text));
      }
    });

    test("keeps one without a change, if the name is free", async () => {
      const name = newName();
      expect(await keep(name, "first")).toBe(true);
      expect(await keep(name, "second")).toBe(false);
      expect(await find(name)).toBe("first");
      await expect(count(randomUUID(), name)).rejects.toThrow(ReceiptTakenError);
    });

    test("of many at once, with changes and without, one is kept", async () => {
      const name = newName();
      const [stream, other] = [randomUUID(), randomUUID()];
      const answers = await Promise.allSettled(
        Array.from({ length: 40 }, (_, index) =>
          index % 2 === 0 ? keep(name, `${index}`) : count(index % 4 === 1 ? stream : other, name),
        ),
      );
      const winners = answers.filter((answer) => "value" in answer && answer.value !== false);
      expect(winners).toHaveLength(1);
    });

    test("tells owners apart, and what their names could be mistaken for", async () => {
      const names = [
        { owner: "a", name: "bc" },
        { owner: "ab", name: "c" },
        { owner: "", name: "abc" },
      ];
      for (const name of names) expect(await keep(name, JSON.stringify(name))).toBe(true);
      for (const name of names) expect(await find(name)).toBe(JSON.stringify(name));
    });

    test("keeps any bytes", async () => {
      const content = Uint8Array.from({ length: 256 }, (_, index) => index);
      const [name, empty] = [newName(), newName()];
      await store.receipts.keep({ ...name, content }, "");
      await store.receipts.keep({ ...empty, content: new Uint8Array() }, "");
      expect(Buffer.from((await store.receipts.find(name)) ?? [])).toEqual(Buffer.from(content));
      expect(await find(empty)).toBe("");
    });

    test("tells what is kept when a name is begun that must be looked for, or was begun lately", async () => {
      const [name, other] = [newName(), newName()];
      await keep(name, "first");
      expect(await begin(name, true)).toBe("first");
      await begin(other);
      expect(await begin(other)).toBeUndefined();
      await keep(other, "second");
      expect(await begin(other)).toBe("second");
    });

    test("bounds the receipts of an owner, and not those of others", async () => {
      const mine = () => newName("hoarder");
      const names = Array.from({ length: maxPerOwner }, mine);
      await Promise.all(names.map((name) => count(randomUUID(), name)));
      const [first = mine()] = names;
      expect(await begin(first)).toMatch(/^1 /);
      await expect(begin(mine())).rejects.toThrow(TooManyReceiptsError);
      expect(await begin(newName("modest"))).toBeUndefined();
      const [free, lost] = [newName("modest"), newName("modest")];
      for (let begun = 2; begun < maxPerOwner; begun += 1) await begin(newName("modest"));
      expect(await begin(free)).toBeUndefined();
      await expect(begin(lost)).rejects.toThrow(TooManyReceiptsError);
    });

    test("forgets a receipt after a day, also of a stream whose dates are ahead of the clock", async () => {
      // What removes old receipts must not do so by a clock that goes back here.
      const pruning = { idleMs: 3_600_000, busyMs: 3_600_000 };
      let ahead = 0;
      const own = await open({
        now: () => Date.now() * 1_000 + ahead,
        receipts: { maxPerOwner, pruning },
      });
      onTestFinished(() => own.close());
      const [stream, other, name, joint] = [randomUUID(), randomUUID(), newName(), newName()];
      ahead = 30 * day;
      for (const each of [stream, other]) await own.change(each, organization, counting());
      ahead = 0;
      await own.change(stream, organization, counting(name));
      await own.changeAll<number>([{ stream: other, organization }], ([head]) => ({
        decisions: [counting()(head)],
        receipt: { ...joint, contentOf: () => bytes("joint") },
      }));
      const found = () => Promise.all([name, joint].map((each) => own.receipts.find(each)));
      expect(await found()).toEqual([expect.any(Uint8Array), expect.any(Uint8Array)]);
      ahead = day + 60_000_000;
      expect(await found()).toEqual([undefined, undefined]);
    });

    test("forgets a receipt after a day, and removes it", async () => {
      const [stream, name, lone] = [randomUUID(), newName("late"), newName("late")];
      await count(stream, name);
      await keep(lone, "lone");
      aheadBy = day - 60_000_000;
      expect(await find(name)).toMatch(/^1 /);
      aheadBy = day + 60_000_000;
      expect(await find(name)).toBeUndefined();
      expect(await count(stream, name)).toMatchObject({ version: 2 });
      expect(await find(name)).toMatch(/^2 /);
      expect(await find(lone)).toBeUndefined();
      // More than one removal takes.
      await expect.poll(() => keep(lone, "again")).toBe(true);
      await pause(50);
      expect(await find(name)).toMatch(/^2 /);
    });
  });
}
