import { randomInt, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EventStore, KeysOf } from "../../src/store/event-store.ts";
import {
  type BatchLines,
  type LatestChange,
  type NewStream,
  OvertakenError,
  type Progress,
  type RejectedLines,
  type Transfer,
} from "../../src/store/transfer.ts";

type NextLines = BatchLines & { readonly kind: "next" };

/** What the streams are found by: what they said last, if anything. */
export const saidLast: KeysOf<string> = ({ state }) =>
  state === "" ? undefined : { said: state, length: String(state.length) };

/** The streams of an organization that said a text last. */
export async function whoSaid(store: EventStore, organization: string, text: string) {
  const query = { kind: "text", method: "equals", key: "said", text, ignoreCase: false } as const;
  const list = { sortBy: "said", ascending: true, offset: 0, limit: 1_000 };
  const { results } = await store.search(organization, { ...list, query });
  return results.map(({ stream }) => stream);
}

/** Write streams in a batch of their own. */
export function writeWith(transfer: Transfer, streams: readonly NewStream[], lines: BatchLines) {
  transfer.prepare(streams);
  return transfer.write(lines);
}

/** What every engine's transfers must do. Call it once per engine. */
export function describeTransfer(
  name: string,
  open: (keysOf: KeysOf<string>) => Promise<{ transfer: Transfer; store: EventStore }>,
) {
  describe(`${name} transfer`, () => {
    let transfer: Transfer;
    let store: EventStore;
    beforeAll(async () => {
      ({ transfer, store } = await open(saidLast));
    });
    afterAll(async () => {
      await transfer.close();
      await store.close();
    });

    const newStream = (stream: string, uniqueKeys: string[] = [], states = ["a"]): NewStream => ({
      stream,
      organization: "org",
      decisions: states.map((state, index) => ({
        events: [{ type: "said", data: { state }, creator: "me" }],
        state,
        ...(index === 0 && { uniqueKeys }),
      })),
    });
    const newId = () => `s-${randomUUID()}`;
    const keysOf = ([first]: NewStream["decisions"]) => first?.uniqueKeys ?? [];
    const write = (streams: readonly NewStream[], lines: BatchLines) =>
      writeWith(transfer, streams, lines);
    const pageBehind = (after: string, limit: number, organization?: string) =>
      transfer.heads({ after, limit, organization });
    const next = (progress: Progress, known?: Progress, more: Partial<NextLines> = {}) => {
      const lines = {
        kind: "next",
        tried: [],
        rejected: [],
        isAnew: false,
        progress,
        known,
      } as const;
      return { ...lines, ...more };
    };
    const newProgress = (lines = 1) => ({ source: randomUUID(), lines, digest: "d" });
    const progress = () => next(newProgress());

    test("C6: writes streams with texts that no index compresses", async () => {
      const astral = (length: number) =>
        Array.from({ length }, () => String.fromCodePoint(0x10000 + randomInt(0xfffff))).join("");
      const texts = [astral(700), astral(400), astral(2_000)];
      const streams = texts.map((each) => newStream(newId(), [], [each]));
      expect(await write(streams, progress())).toEqual(["stored", "stored", "stored"]);
      await transfer.complete();
      for (const [index, each] of texts.entries()) {
        expect(await whoSaid(store, "org", each)).toEqual([streams[index]?.stream]);
      }
    });

    test("writes streams that the event store then has", async () => {
      const [id, uniqueKey] = [newId(), newId()];
      const outcomes = await write([newStream(id, [uniqueKey], ["a", "b"])], progress());
      expect(outcomes).toEqual(["stored"]);
      expect(await store.load(id, "org")).toMatchObject({ version: 2, state: "b" });
      expect(await store.locate(uniqueKey)).toEqual({ stream: id, organization: "org" });
      const range = { after: 0, limit: 9, ascending: true };
      const history = await store.history(id, "org", range);
      expect(history.map(({ version, data }) => [version, data])).toEqual([
        [1, { state: "a" }],
        [2, { state: "b" }],
      ]);
      const changed = await store.change<string>(id, "org", (head) => ({
        events: [{ type: "said", data: {}, creator: "me" }],
        state: `${head?.state}c`,
      }));
      expect(changed).toMatchObject({ version: 3, state: "bc" });
    });

    describe("streams with a past", () => {
      const said = (text: string, creator = "me") => ({ type: "said", data: { text }, creator });
      const bytes = (text: string) => new TextEncoder().encode(text);
      const range = { after: 0, limit: 9, ascending: true };

      /** Two events and an attribute, which happened elsewhere. */
      const pastStream = (stream: string): NewStream => ({
        stream,
        organization: "org",
        decisions: [
          {
            events: [said("a", "ada"), said("b", "bea")],
            state: "b",
            uniqueKeys: [`key of ${stream}`],
            attributes: [
              {
                key: "color",
                value: bytes("red"),
                origin: { version: 9, createdAt: 1_500, changedAt: 2_500 },
              },
            ],
          },
        ],
        past: {
          moments: [
            { version: 4, at: 1_000 },
            { version: 9, at: 2_000 },
          ],
          head: { version: 12, createdAt: 1_000, changedAt: 3_000 },
        },
      });
      const write = async (...streams: NewStream[]) => {
        const outcomes = await writeWith(transfer, streams, progress());
        await transfer.complete();
        return outcomes;
      };
      const latest = async (id: string) => {
        const found = (await transfer.latest<string>([id, "nobody"])).get(id);
        if (found === undefined) throw new Error("there is no such stream");
        return found;
      };

      test("keep versions, dates and creators, and go on behind the version of the head", async () => {
        const id = newId();
        expect(await write(pastStream(id))).toEqual(["stored"]);
        const head = { version: 12, createdAt: 1_000, changedAt: 3_000, state: "b" };
        expect(await store.load(id, "org")).toMatchObject(head);
        expect(await store.history(id, "org", range)).toMatchObject([
          { version: 4, at: 1_000, creator: "ada", data: { text: "a" } },
          { version: 9, at: 2_000, creator: "bea", data: { text: "b" } },
        ]);
        expect(await store.readAttributes(id, "org", ["color"])).toMatchObject([
          { version: 9, createdAt: 1_500, changedAt: 2_500 },
        ]);
        expect(await latest(id)).toMatchObject({ head, isTransferred: true });
        const changed = { events: [said("c")], state: "c" };
        expect(await store.change<string>(id, "org", () => changed)).toMatchObject({ version: 13 });
        expect(await latest(id)).toMatchObject({ isTransferred: false });
        expect((await store.history(id, "org", range)).at(-1)).toMatchObject({ version: 13 });
      });

      test("are continued, also in the batch after the one that added them", async () => {
        const id = newId();
        await writeWith(transfer, [pastStream(id)], progress());
        const after = await latest(id);
        const more: NewStream = {
          stream: id,
          organization: "org",
          after,
          decisions: [
            {
              events: [said("z")],
              state: `z ${id}`,
              uniqueKeys: [`other key of ${id}`],
              attributes: [{ key: "color", value: undefined }],
            },
          ],
          past: {
            moments: [{ version: 20, at: 9_000 }],
            head: { version: 20, createdAt: 8_000, changedAt: 9_000 },
          },
        };
        expect(await write(more, newStream(newId()))).toEqual(["stored", "stored"]);
        const head = { version: 20, createdAt: 8_000, changedAt: 9_000, state: `z ${id}` };
        expect(await store.load(id, "org")).toMatchObject(head);
        expect(await store.readAttributes(id, "org", ["color"])).toEqual([]);
        expect(await whoSaid(store, "org", `z ${id}`)).toEqual([id]);
        expect(await whoSaid(store, "org", "b")).not.toContain(id);
        expect(await store.locate(`key of ${id}`)).toBeUndefined();
        expect(await store.locate(`other key of ${id}`)).toMatchObject({ stream: id });
        expect(await write(more)).toEqual(["exists"]);
      });

      test("are not continued if they have changed, or if somebody has the unique key", async () => {
        const [id, other] = [newId(), newId()];
        await write(pastStream(id), pastStream(other));
        const more = (uniqueKey: string, after: LatestChange<string>): NewStream => ({
          stream: id,
          organization: "org",
          after,
          decisions: [{ events: [said("z")], state: "z", uniqueKeys: [uniqueKey] }],
        });
        const after = await latest(id);
        expect(await write(more(`key of ${other}`, after))).toEqual(["unique-key-taken"]);
        await store.change<string>(id, "org", () => ({ events: [said("c")], state: "c" }));
        expect(await write(more(newId(), after))).toEqual(["exists"]);
        expect(await write(more(newId(), await latest(id)))).toEqual(["stored"]);
        expect(await store.load(id, "org")).toMatchObject({ version: 14, state: "z" });
      });
    });

    test("writes streams whose changes have several events", async () => {
      const id = newId();
      const said = (text: string) => ({ type: "said", data: { text }, creator: "me" });
      const decisions = [
        { events: [said("a"), said("b")], state: "b", uniqueKeys: [id] },
        { events: [said("c"), said("d"), said("e")], state: "e" },
      ];
      const stream = { stream: id, organization: "org", decisions };
      expect(await write([stream, newStream(newId())], progress())).toEqual(["stored", "stored"]);
      const range = { after: 0, limit: 9, ascending: true };
      const history = await store.history(id, "org", range);
      expect(history.map(({ version, data }) => [version, data])).toEqual(
        ["a", "b", "c", "d", "e"].map((text, index) => [index + 1, { text }]),
      );
      expect(await store.load(id, "org")).toMatchObject({ version: 5, state: "e" });
      expect(
        await store.change<string>(id, "org", () => ({ events: [said("f")], state: "f" })),
      ).toMatchObject({ version: 6 });
    });

    test("writes the attributes of streams, and reads them with the head", async () => {
      const [one, none, refused] = [newId(), newId(), newId()];
      const event = { type: "said", data: {}, creator: "me" };
      const value = Buffer.from("red");
      const withColor = (stream: string, uniqueKeys: string[]) => ({
        stream,
        organization: "org",
        decisions: [
          { events: [event], state: "a", uniqueKeys },
          {
            events: [event, event],
            state: "b",
            attributes: ["b", "a"].map((key) => ({ key, value })),
          },
        ],
      });
      const outcomes = await write(
        [withColor(one, [one]), newStream(none), withColor(refused, [one])],
        progress(),
      );
      expect(outcomes).toEqual(["stored", "stored", "unique-key-taken"]);
      const whole = await transfer.attributes<string>(one);
      expect(whole?.head).toEqual(await store.load(one, "org"));
      expect(whole?.attributes).toEqual(await store.readAttributes(one, "org", ["a", "b"]));
      expect(whole?.attributes).toMatchObject([
        { key: "a", version: 3 },
        { key: "b", version: 2 },
      ]);
      expect(whole?.attributes.every((each) => value.equals(each.value))).toBe(true);
      expect(await transfer.attributes(none)).toMatchObject({ attributes: [] });
      expect(await transfer.attributes(refused)).toBeUndefined();
    });

    test("reports the outcome of each stream, without effect on the others", async () => {
      const [old, fresh, other, uniqueKey, free] = [newId(), newId(), newId(), newId(), newId()];
      await write([newStream(old, [uniqueKey])], progress());
      const outcomes = await write(
        [
          newStream(old, [], ["again", "and again"]),
          newStream(newId(), [uniqueKey], ["a", "b"]),
          newStream(fresh, [free]),
          newStream(fresh),
          newStream(newId(), [free]),
          newStream(other),
        ],
        progress(),
      );
      expect(outcomes).toEqual([
        "exists",
        "unique-key-taken",
        "stored",
        "exists",
        "unique-key-taken",
        "stored",
      ]);
      expect(await store.load(old, "org")).toMatchObject({ version: 1, state: "a" });
      expect(await store.load(fresh, "org")).toMatchObject({ version: 1 });
      expect(await store.load(other, "org")).toMatchObject({ version: 1 });
    });

    test("stores all streams of a large batch but those that conflict", async () => {
      const there = newId();
      const key = newId();
      await write([newStream(there, [key])], progress());
      const texts = { first: newId(), again: newId() };
      const streams = Array.from({ length: 1_200 }, () =>
        newStream(newId(), [newId()], [texts.first]),
      );
      const [first, second] = [streams[100], streams[700]];
      const conflicts = [
        newStream(newId(), [key], [texts.again]),
        newStream(there, [newId()], [texts.again]),
        newStream(newId(), [...(first?.decisions[0]?.uniqueKeys ?? [])], [texts.again]),
        newStream(second?.stream ?? "", [newId()], [texts.again]),
      ];
      const outcomes = await write([...streams, ...conflicts], progress());
      expect(outcomes.slice(0, streams.length)).toEqual(streams.map(() => "stored"));
      expect(outcomes.slice(streams.length)).toEqual([
        ...["unique-key-taken", "exists", "unique-key-taken", "exists"],
      ]);
      await transfer.complete();
      expect(await store.load(second?.stream ?? "", "org")).toMatchObject({ version: 1 });
      expect(await whoSaid(store, "org", texts.again)).toEqual([]);
      const ids = streams.map(({ stream }) => stream).sort();
      expect(await whoSaid(store, "org", texts.first)).toEqual(ids.slice(0, 1_000));
    });

    test("stores all streams that were made ready part by part, but those that conflict", async () => {
      const [there, held] = [newId(), newId()];
      await write([newStream(there, [held])], progress());
      const parts = [600, 600, 600].map((count) =>
        Array.from({ length: count }, () => newStream(newId(), [newId(), newId()], ["a", "b"])),
      );
      const [[first], second] = parts as [NewStream[], NewStream[]];
      second.splice(300, 0, newStream(there, [newId()]), newStream(first?.stream ?? "", [newId()]));
      second.push(newStream(newId(), [newId(), held]));
      for (const part of parts) transfer.prepare(part);
      const streams = parts.flat();
      const outcomes = await transfer.write(progress());
      const refused = streams.flatMap((_, index) =>
        outcomes[index] === "stored" ? [] : [`${index} ${outcomes[index]}`],
      );
      expect(refused).toEqual(["900 exists", "901 exists", "1202 unique-key-taken"]);
      const later = streams.map(({ decisions }) => newStream(newId(), [...keysOf(decisions)]));
      const taken = await write([newStream(newId(), [held]), ...later], progress());
      expect(taken.map((outcome) => outcome === "unique-key-taken")).toEqual([
        true,
        ...streams.map((_, index) => outcomes[index] === "stored" || index === 1_202),
      ]);
      const stored = streams.filter((_, index) => outcomes[index] === "stored");
      const latest = await transfer.latest(stored.map(({ stream }) => stream));
      expect(latest.size).toBe(1_800);
      for (const { head } of latest.values())
        expect(head).toMatchObject({ version: 2, state: "b" });
      expect(await store.load(there, "org")).toMatchObject({ version: 1, state: "a" });
    });

    test("lets searches find what it wrote, once it is complete", async () => {
      const organization = `org-${randomUUID()}`;
      const said = ["Straße", "strasse", "Okapi", "okapi", "", "100%", "ΟΔΟΣ"];
      const streams = said.map((text) => ({
        ...newStream(newId(), [], ["before", text]),
        organization,
      }));
      const [first = newStream("")] = streams;
      await write([...streams, first], progress());
      await transfer.complete();
      await transfer.complete();
      for (const [index, text] of said.entries()) {
        const want = text === "" ? [] : [streams[index]?.stream];
        expect(await whoSaid(store, organization, text)).toEqual(want);
      }
      const everyone = { kind: "and", queries: [] } as const;
      const list = { query: everyone, ascending: true, offset: 0, limit: 100 };
      const byText = await store.search(organization, { ...list, sortBy: "said" });
      expect(byText.total).toBe(6);
      const texts = byText.results.map(({ head }) => String(head.state).toLowerCase());
      expect(texts).toEqual(["100%", "okapi", "okapi", "strasse", "straße", "οδος"]);
      const byId = await store.search(organization, { ...list, sortBy: undefined });
      const found = streams.filter((_, index) => said[index] !== "").map(({ stream }) => stream);
      expect(byId.results.map(({ stream }) => stream)).toEqual(found.toSorted());
    });

    test("keeps search keys up to date with changes during a transfer", async () => {
      const organization = `org-${randomUUID()}`;
      const [changed, kept] = [newId(), newId()];
      await write(
        [changed, kept].map((id) => ({ ...newStream(id), organization })),
        progress(),
      );
      await store.change<string>(changed, organization, () => ({
        events: [{ type: "said", data: {}, creator: "me" }],
        state: "b",
      }));
      await transfer.complete();
      expect(await whoSaid(store, organization, "a")).toEqual([kept]);
      expect(await whoSaid(store, organization, "b")).toEqual([changed]);
    });

    test("remembers the latest progress of each source", async () => {
      const first = newProgress(7);
      expect(await transfer.progress(first.source)).toBeUndefined();
      await write([newStream(newId())], next(first));
      const second = { ...first, lines: 9, digest: "e" };
      await write([], next(second, first));
      expect(await transfer.progress(first.source)).toEqual(second);
      expect(await transfer.progress(randomUUID())).toBeUndefined();
    });

    test("C11: remembers which lines of each batch were rejected, until they are tried again", async () => {
      const [taken, one, two] = [newId(), newId(), newId()];
      await write([newStream(taken)], progress());
      const first = newProgress(9);
      const { source } = first;
      await write(
        [newStream(one), newStream(taken), newStream(taken)],
        next(first, undefined, { tried: [1, 3, 4], rejected: [2, 9] }),
      );
      const second = { ...first, lines: 12, digest: "e" };
      await write([newStream(two)], next(second, first, { tried: [10] }));
      const third = { ...first, lines: 13, digest: "f" };
      await write([], next(third, second, { rejected: [13] }));

      const rejected = await transfer.rejected(source, 0);
      expect(rejected).toEqual({ ...first, rejected: [2, 3, 4, 9] });
      expect(await transfer.rejected(source, 9)).toEqual({ ...third, rejected: [13] });
      expect(await transfer.rejected(source, 13)).toBeUndefined();
      expect(await transfer.rejected(randomUUID(), 0)).toBeUndefined();

      const again = { kind: "again", of: rejected as RejectedLines } as const;
      const three = newId();
      const outcomes = await write([newStream(three), newStream(taken)], {
        ...again,
        tried: [2, 3],
        rejected: [9],
      });
      expect(outcomes).toEqual(["stored", "exists"]);
      expect(await transfer.rejected(source, 0)).toEqual({ ...first, rejected: [3, 9] });
      expect(await transfer.progress(source)).toEqual(third);

      const left = { ...again.of, rejected: [3, 9] };
      await write([newStream(newId())], { ...again, of: left, tried: [3], rejected: [] });
      expect(await transfer.rejected(source, 0)).toEqual({ ...third, rejected: [13] });
    });

    test("C11: forgets what was rejected when an input begins anew", async () => {
      const first = newProgress(2);
      await write([], next(first, undefined, { rejected: [1, 2] }));
      const anew = { ...first, lines: 1, digest: "e" };
      await write([], next(anew, first, { isAnew: true, rejected: [1] }));
      expect(await transfer.rejected(first.source, 0)).toEqual({ ...anew, rejected: [1] });
      expect(await transfer.rejected(first.source, 1)).toBeUndefined();
    });

    test.for<{ name: string; lines: (of: { first: Progress; moved: Progress }) => BatchLines }>([
      { name: "that begins", lines: ({ first }) => next(first) },
      {
        name: "that goes on",
        lines: ({ first }) => next({ ...first, lines: 20 }, first),
      },
      {
        name: "that begins anew",
        lines: ({ first }) => next({ ...first, lines: 1 }, first, { isAnew: true }),
      },
      {
        name: "that tries again what another one has tried",
        lines: ({ first }) => ({
          ...{ kind: "again", of: { ...first, rejected: [1, 2] } },
          ...{ tried: [1], rejected: [] },
        }),
      },
    ])("C11: stores nothing of a batch $name when another import was first", async ({ lines }) => {
      const first = newProgress(2);
      const moved = { ...first, lines: 4, digest: "e" };
      await write([], next(first, undefined, { rejected: [1, 2] }));
      const of = { ...first, rejected: [1, 2] };
      await write([newStream(newId())], { kind: "again", of, tried: [1], rejected: [2] });
      await write([], next(moved, first));

      const id = newId();
      await expect(write([newStream(id)], lines({ first, moved }))).rejects.toThrow(OvertakenError);
      expect(await store.load(id, "org")).toBeUndefined();
      expect(await transfer.progress(first.source)).toEqual(moved);
      expect(await transfer.rejected(first.source, 0)).toEqual({ ...first, rejected: [2] });
      expect(await write([newStream(id)], progress())).toEqual(["stored"]);
    });

    test("writes in the order of the calls, and nothing behind one that fails", async () => {
      const key = newId();
      const [first, second, third] = [newProgress(), newProgress(), newProgress()];
      const ids = [newId(), newId(), newId(), newId()] as const;
      const overtaken = next({ ...first, lines: 2 }, { ...first, digest: "another" });
      const calls = [
        write([newStream(ids[0], [key])], next(first)),
        write([newStream(ids[1], [key])], next(second)),
        write([newStream(ids[2])], overtaken),
        write([newStream(ids[3])], next(third)),
      ];
      const ends = await Promise.allSettled(calls);
      expect(ends).toMatchObject([
        { value: ["stored"] },
        { value: ["unique-key-taken"] },
        { reason: expect.any(OvertakenError) },
        { reason: expect.any(OvertakenError) },
      ]);
      expect(await transfer.progress(third.source)).toBeUndefined();
      expect([...(await transfer.latest(ids)).keys()]).toEqual([ids[0]]);
      expect(await write([newStream(ids[3])], next(third))).toEqual(["stored"]);
    });

    test("gives heads in the order of their ids, page by page", async () => {
      const prefix = `t-${randomUUID()}`;
      const ids = Array.from({ length: 7 }, (_, index) => `${prefix}-${index}`);
      await write(
        ids.toReversed().map((id) => newStream(id)),
        progress(),
      );
      const seen: string[] = [];
      for (let after: string | undefined = prefix; after !== undefined; ) {
        const { heads, next } = await pageBehind(after, 3);
        seen.push(...heads.map(({ stream }) => stream));
        expect(heads.length).toBeLessThanOrEqual(3);
        after = next;
      }
      expect(seen.filter((id) => id.startsWith(prefix))).toEqual(ids);
      const { heads } = await pageBehind(prefix, 1);
      expect(heads).toMatchObject([{ stream: ids[0], head: { organization: "org", state: "a" } }]);
    });

    test("skips heads of other organizations", async () => {
      const prefix = `t-${randomUUID()}`;
      const own = { ...newStream(`${prefix}-9`), organization: "another" };
      await write(
        [newStream(`${prefix}-1`), newStream(`${prefix}-2`), own, newStream(`${prefix}-99`)],
        progress(),
      );
      const first = await pageBehind(prefix, 2, "another");
      expect(first).toEqual({ heads: [], next: `${prefix}-2` });
      const second = await pageBehind(`${prefix}-2`, 2, "another");
      expect(second).toMatchObject({ heads: [{ stream: own.stream }], next: `${prefix}-99` });
    });
  });
}
