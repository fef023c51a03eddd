import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type Decide,
  type EventStore,
  type Head,
  StoreUnavailableError,
  UniqueKeyTakenError,
} from "../../../src/store/event-store.ts";
import type { DecideAll } from "../../../src/store/joint-change.ts";
import type { RetryReason } from "../../../src/store/observer.ts";
import { openPostgres } from "../../../src/store/postgres/database.ts";
import { query, startPostgres } from "../../support/postgres.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import {
  count,
  countTwice,
  expectWhole,
  openPostgresStore as openStore,
  urlWith,
} from "../counting.ts";
import { type Cut, errorResponse, startCuttingProxy } from "./cutting-proxy.ts";

const countWithKey =
  (uniqueKey: string): Decide<number> =>
  (head) => ({ ...count(head), uniqueKeys: [uniqueKey] });

const countWithAttribute: Decide<number> = (head) => {
  const decision = count(head);
  return { ...decision, attributes: [{ key: "count", value: Buffer.from(`${decision.state}`) }] };
};

const countWithReceipt: Decide<number> = (head) => {
  const decision = count(head);
  const receipt = { owner: "o", name: `${decision.state}`, contentOf: () => new Uint8Array(1) };
  return { ...decision, receipt };
};

const contentFrom = ({ version }: Pick<Head<unknown>, "version">) => Buffer.of(version);

/** The end of a transaction on the wire. */
const commit = "commit\0";

/**
 * Clients that change `streams` streams, each `perStream` times, one after another. What is
 * unavailable was not stored, so they try again.
 *
 * @param heads What was acknowledged, so far.
 */
async function changeAll(
  stores: readonly EventStore[],
  streams: number,
  perStream: number,
  heads: Head<number>[] = [],
): Promise<Head<number>[]> {
  const change = async (store: EventStore, stream: string): Promise<Head<number>> => {
    try {
      return await store.change(stream, "org", count);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      await pause(10);
      return change(store, stream);
    }
  };
  const client = async (store: EventStore, stream: string) => {
    for (const _ of Array(perStream)) heads.push(await change(store, stream));
  };
  await Promise.all(
    stores.flatMap((store) =>
      Array.from({ length: streams }, (_, index) => client(store, `s${index}`)),
    ),
  );
  return heads;
}

describe("two nodes on one database", () => {
  test("lose no change of a stream that both change", async () => {
    const url = await newPostgresDatabase();
    const stores = [await openStore(url), await openStore(url)] as const;
    const heads = await changeAll(stores, 5, 60);
    expect(heads.every(({ version, state }) => version === state)).toBe(true);
    for (const stream of ["s0", "s1", "s2", "s3", "s4"]) await expectWhole(stores[0], stream, 120);
  });

  test("decide no change more than four times, however often both change a stream", async () => {
    const url = await newPostgresDatabase();
    const stores = [await openStore(url), await openStore(url)];
    const decisions: number[] = [];
    const client = async (store: EventStore, node: number, stream: string) => {
      for (const round of Array(40).keys()) {
        const name = `${node} ${stream} ${round}`;
        let decided = 0;
        const head = await store.change<number>(stream, "org", (head) => {
          decided += 1;
          const receipt = { owner: "o", name, contentOf: contentFrom };
          return { ...countWithAttribute(head), receipt };
        });
        decisions.push(decided);
        expect(await store.receipts.find({ owner: "o", name })).toEqual(contentFrom(head));
      }
    };
    const streams = ["s0", "s1", "s2", "s3", "s4"];
    await Promise.all(
      stores.flatMap((store, node) => streams.map((stream) => client(store, node, stream))),
    );
    expect(Math.max(...decisions)).toBeLessThanOrEqual(4);
    for (const stream of streams) {
      await expectWhole(stores[0] as EventStore, stream, 80);
      const counted = await stores[1]?.readAttributes(stream, "org", ["count"]);
      expect(counted?.map(({ value }) => String(Buffer.from(value)))).toEqual(["80"]);
    }
  });

  test("see at once what the other one has acknowledged", async () => {
    const url = await newPostgresDatabase();
    const [one, other] = [await openStore(url), await openStore(url)];
    for (const version of Array.from({ length: 50 }, (_, index) => index + 1)) {
      const uniqueKey = `key-${version}`;
      await one.change("s", "org", countWithKey(uniqueKey));
      expect(await other.load("s", "org")).toMatchObject({ version });
      expect(await other.locate(uniqueKey)).toEqual({ stream: "s", organization: "org" });
    }
  });

  test("give a unique key that both want to one of them", async () => {
    const url = await newPostgresDatabase();
    const stores = [await openStore(url), await openStore(url)];
    for (const round of Array(20).keys()) {
      const results = await Promise.allSettled(
        stores.map((store, node) =>
          store.change(`s-${round}-${node}`, "org", countWithKey(`key-${round}`)),
        ),
      );
      expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      expect(results.find(({ status }) => status === "rejected")).toMatchObject({
        reason: { name: "UniqueKeyTakenError" },
      });
    }
  });

  test("never let two streams hold one name while both rename them at random", async () => {
    const url = await newPostgresDatabase();
    const stores = [await openStore(url), await openStore(url)];
    const streams = Array.from({ length: 12 }, (_, index) => `s${index}`);
    const names = Array.from({ length: 16 }, (_, index) => `name-${index}`);
    const held = new Map<string, string>();
    for (const [index, stream] of streams.entries()) {
      const name = names[index] as string;
      await stores[0]?.change(stream, "org", countWithKey(name));
      held.set(stream, name);
    }
    const client = async (store: EventStore, stream: string) => {
      for (const _ of Array(20)) {
        const name = names[Math.floor(Math.random() * names.length)] as string;
        try {
          await store.change(stream, "org", countWithKey(name));
          held.set(stream, name);
          expect(await store.locate(name)).toEqual({ stream, organization: "org" });
        } catch (error) {
          expect(error).toMatchObject({ name: "UniqueKeyTakenError" });
        }
      }
    };
    await Promise.all(
      streams.map((stream, index) => client(stores[index % 2] as EventStore, stream)),
    );
    const located = await Promise.all(names.map((name) => stores[0]?.locate(name)));
    for (const [index, name] of names.entries()) {
      const holder = [...held].find(([, each]) => each === name)?.[0];
      expect(located[index]?.stream).toBe(holder);
    }
    expect(new Set(held.values()).size).toBe(streams.length);
  });
});

describe("a connection that is lost during a commit", () => {
  async function openBehindProxy(settings: Readonly<Record<string, string>> = {}) {
    const url = await newPostgresDatabase();
    const proxy = await startCuttingProxy(Number(new URL(url).port));
    onTestFinished(() => proxy.close());
    const behind = new URL(urlWith(url, settings));
    behind.port = String(proxy.port);
    const retries: RetryReason[] = [];
    return { url, proxy, retries, store: await openStore(behind.href, retries) };
  }

  type Change = { name: string; before: number; decide: Decide<number>; events: number };
  const changes: readonly Change[] = [
    { name: "the first change of a stream", before: 0, decide: count, events: 1 },
    { name: "a further change of a stream", before: 1, decide: count, events: 1 },
    { name: "a change with a unique key", before: 0, decide: countWithKey("name"), events: 1 },
    { name: "a change with another unique key", before: 1, decide: countWithKey("n"), events: 1 },
    { name: "a change with an attribute", before: 1, decide: countWithAttribute, events: 1 },
    { name: "a change with a receipt", before: 1, decide: countWithReceipt, events: 1 },
    { name: "a first change with two events", before: 0, decide: countTwice, events: 2 },
    { name: "a further change with two events", before: 1, decide: countTwice, events: 2 },
  ];
  const cuts: readonly Cut[] = ["request", "answer", "late"];

  test.for(cuts.flatMap((cut) => changes.map((change) => ({ cut, ...change }))))(
    "F12: stores $name once (lost: $cut)",
    async ({ cut, before, decide, events }) => {
      const { proxy, store, retries } = await openBehindProxy();
      for (const _ of Array(before)) await store.change("s", "org", countWithKey("before"));
      const wasCut = proxy.cutNext(commit, cut);
      const head = store.change("s", "org", decide);
      await wasCut;
      expect(await head).toMatchObject({ version: before + events, state: before + events });
      expect(retries).toEqual(["ambiguous"]);
      await proxy.deliver();
      await expectWhole(store, "s", before + events);
      const [attribute] = await store.readAttributes("s", "org", ["count"]);
      const counted = attribute && Number(Buffer.from(attribute.value).toString());
      expect(counted).toBe(decide === countWithAttribute ? before + events : undefined);
      expect(await store.change("s", "org", decide)).toMatchObject({
        version: before + 2 * events,
      });
    },
  );

  test.for(cuts)(
    "F12: stores a change of unique keys once (lost: %s, before the commit)",
    async (cut) => {
      const { proxy, store, retries } = await openBehindProxy();
      for (const mark of ["claims", "append"]) {
        await store.change("s", "org", countWithKey("before"));
        const wasCut = proxy.cutNext(mark, cut);
        const head = store.change("s", "org", countWithKey(`after-${mark}`));
        await wasCut;
        await head;
        await proxy.deliver();
        expect(await store.locate("before")).toBeUndefined();
        expect(await store.locate(`after-${mark}`)).toMatchObject({ stream: "s" });
      }
      expect(retries).toEqual(["refused", "refused"]);
      await expectWhole(store, "s", 4);
    },
  );

  test.for(cuts)(
    "F12: gives a unique key to one of those that race for it (lost: %s)",
    async (cut) => {
      const { url, proxy, store } = await openBehindProxy();
      const wasCut = proxy.cutNext(commit, cut);
      // They use the same connection.
      const streams = ["c", "a", "e"];
      const racers = streams.map((stream) => store.change(stream, "org", countWithKey("same")));
      await wasCut;
      const outcomes = await Promise.allSettled(racers);
      await proxy.deliver();
      const winners = streams.filter((_, place) => outcomes[place]?.status === "fulfilled");
      expect(outcomes.filter(({ status }) => status === "rejected")).toEqual(
        Array(2).fill({ status: "rejected", reason: expect.any(UniqueKeyTakenError) }),
      );
      expect(await query(url, "select stream from heads")).toEqual(
        winners.map((stream) => ({ stream })),
      );
      expect(await store.locate("same")).toEqual({ stream: winners[0], organization: "org" });
    },
  );

  test.for(cuts)(
    "F12: a unique key that is taken meanwhile leaves only its own change open (lost: %s)",
    async (cut) => {
      const { url, proxy, store } = await openBehindProxy();
      const other = await openStore(url);
      await store.change("c", "org", count);
      const wasCut = proxy.cutNext(commit, cut);
      // They use the same connection.
      const others = ["a", "c"].map((stream) => store.change(stream, "org", count));
      const wanting = store.change("e", "org", countWithKey("same"));
      await wasCut;
      const holder = await other
        .change("holder", "org", countWithKey("same"))
        .catch(() => undefined);
      expect(await Promise.all(others)).toMatchObject([{ version: 1 }, { version: 2 }]);
      const [outcome] = await Promise.allSettled([wanting]);
      await proxy.deliver();
      const head = await other.load("e", "org");
      // Only who is told that the key is taken can rely on it. Whoever has it has been told so, or does not know.
      if (holder === undefined) expect([outcome.status, head?.version]).toEqual(["fulfilled", 1]);
      else expect([outcome, head]).toMatchObject([{ reason: expect.any(Error) }, undefined]);
      for (const [stream, changes] of [
        ["a", 1],
        ["c", 2],
      ] as const) {
        await expectWhole(store, stream, changes);
      }
    },
  );

  test.for(cuts)("F12: tells the truth when another node writes, too (lost: %s)", async (cut) => {
    const { url, proxy, store } = await openBehindProxy();
    const other = await openStore(url);
    await store.change("s", "org", count);
    const wasCut = proxy.cutNext("append", cut);
    const head = store.change("s", "org", count);
    await wasCut;
    const others = await Promise.all(
      Array.from({ length: 20 }, () => other.change("s", "org", count)),
    );
    await proxy.deliver();
    const versions = [...others, await head].map(({ version }) => version);
    expect(versions.sort((a, b) => a - b)).toEqual(Array.from({ length: 21 }, (_, i) => i + 2));
    await expectWhole(store, "s", 22);
  });

  test.for(
    (["request", "answer", "late"] as const).flatMap((cut) =>
      [
        { severity: "PANIC", code: "58030", text: "could not fdatasync file" },
        { severity: "PANIK", code: "53100", text: "konnte Datei nicht schreiben" },
        { severity: "FATAL", code: "57P02", text: "terminating connection" },
        { severity: "致命错误", code: "42P01", text: "a code of an ordinary error" },
      ].map((farewell) => ({ cut, ...farewell })),
    ),
  )(
    "C3: stores a change once whose backend ends with $severity $code (lost: $cut)",
    async ({ cut, severity, code, text }) => {
      const { proxy, store, retries } = await openBehindProxy();
      await store.change("s", "org", count);
      const wasCut = proxy.cutNext("append", cut, errorResponse(severity, code, text));
      const head = store.change("s", "org", count);
      await wasCut;
      expect(await head).toMatchObject({ version: 2, state: 2 });
      expect(retries).toEqual(["ambiguous"]);
      await proxy.deliver();
      await expectWhole(store, "s", 2);
    },
  );

  test("F12: stores a change once whose answer the network swallows", async () => {
    const { proxy, store, retries } = await openBehindProxy({ query_timeout: "2000" });
    await store.change("s", "org", count);
    const wasCut = proxy.cutNext("append", "silence");
    const head = store.change("s", "org", count);
    await wasCut;
    expect(await head).toMatchObject({ version: 2, state: 2 });
    expect(retries).toContain("ambiguous");
    await expectWhole(store, "s", 2);
  });

  test("stores every change once under load, again and again", async () => {
    const { proxy, store } = await openBehindProxy();
    const heads: Head<number>[] = [];
    const all = changeAll([store], 20, 30, heads);
    for (const [round, cut] of [...cuts, ...cuts].entries()) {
      await expect.poll(() => heads.length, { interval: 1 }).toBeGreaterThan(round * 60);
      await proxy.cutNext("append", cut);
      await proxy.deliver();
    }
    await all;
    expect(heads).toHaveLength(600);
    for (const index of Array(20).keys()) await expectWhole(store, `s${index}`, 30);
  });

  const bump: DecideAll<number> = (heads) => ({ decisions: heads.map((head) => count(head)) });
  const both = ["a", "b"].map((stream) => ({ stream, organization: "org" }));

  /** The statement that is lost of a joint change. */
  const marks = ["begin", "lock-tips", "append", commit];
  test.for(
    (["request", "answer", "late"] as const).flatMap((cut) => marks.map((mark) => ({ cut, mark }))),
  )("F12: stores a joint change once (lost: $cut of $mark)", async ({ cut, mark }) => {
    const { proxy, store } = await openBehindProxy();
    for (const { stream } of both) await store.change(stream, "org", count);
    await store.changeAll(both, bump);
    const wasCut = proxy.cutNext(mark, cut);
    const heads = store.changeAll(both, bump);
    await wasCut;
    expect((await heads).map(({ version, state }) => [version, state])).toEqual([
      [3, 3],
      [3, 3],
    ]);
    await proxy.deliver();
    for (const { stream } of both) await expectWhole(store, stream, 3);
    expect(await store.changeAll(both, bump)).toMatchObject([{ version: 4 }, { version: 4 }]);
  });

  test.for(["request", "answer", "late"] as const)(
    "F12: a joint change tells the truth when another node writes, too (lost: %s)",
    async (cut) => {
      const { url, proxy, store } = await openBehindProxy();
      const other = await openStore(url);
      for (const { stream } of both) await store.change(stream, "org", count);
      await store.changeAll(both, bump);
      const wasCut = proxy.cutNext(commit, cut);
      const heads = store.changeAll(both, bump);
      await wasCut;
      const others = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          index % 2 === 0 ? other.changeAll(both, bump) : other.change("a", "org", count),
        ),
      );
      expect(others).toHaveLength(20);
      expect(await heads).toHaveLength(2);
      await proxy.deliver();
      await expectWhole(store, "a", 23);
      await expectWhole(store, "b", 13);
    },
  );

  test("F12: a joint change is unknown if no primary can be asked in time", async () => {
    const { url, proxy, store } = await openBehindProxy();
    for (const { stream } of both) await store.change(stream, "org", count);
    await store.changeAll(both, bump);
    const wasCut = proxy.cutNext(commit, "answer");
    const heads = store.changeAll(both, bump);
    await wasCut;
    proxy.refuse();
    await expect(heads).rejects.toMatchObject({ name: "OutcomeUnknownError" });
    await expectWhole(await openStore(url), "b", 3);
  });

  test("F12: is unknown if no primary can be asked in time, and later changes are unavailable", async () => {
    const { url, proxy, store } = await openBehindProxy();
    const wasCut = proxy.cutNext(commit, "answer");
    const change = store.change("s", "org", count);
    await wasCut;
    proxy.refuse();
    await expect(change).rejects.toMatchObject({ name: "OutcomeUnknownError" });
    await expect(store.change("s", "org", count)).rejects.toMatchObject({
      name: "StoreUnavailableError",
    });
    await expectWhole(await openStore(url), "s", 1);
  });
});

describe("a server", () => {
  test("that ends connections under load costs no change", async () => {
    const url = await newPostgresDatabase();
    const store = await openStore(url);
    const heads: Head<number>[] = [];
    const all = changeAll([store], 20, 40, heads);
    let ended = 0;
    for (const round of Array(6).keys()) {
      await expect.poll(() => heads.length, { interval: 1 }).toBeGreaterThan(round * 100);
      const rows = await query(
        url,
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'giraffe' and datname = current_database()`,
      );
      ended += rows.length;
    }
    await all;
    expect(ended).toBeGreaterThan(0);
    for (const index of Array(20).keys()) await expectWhole(store, `s${index}`, 40);
  });

  test("that is down is unavailable, and loses nothing when it comes back", async () => {
    const server = await startPostgres();
    onTestFinished(() => server.close());
    const store = await openStore(await server.createDatabase());
    await store.change("s", "org", count);
    await server.stop();
    for (const work of [
      () => store.change("s", "org", count),
      () => store.load("s", "org"),
      () => store.locate("name"),
      () => store.ping(),
    ]) {
      await expect(work()).rejects.toMatchObject({ name: "StoreUnavailableError" });
    }
    await server.start();
    await expect.poll(() => store.ping().then(() => "up", String)).toBe("up");
    await expect
      .poll(() => store.change("s", "org", count).then(({ version }) => version, String))
      .toBe(2);
    await expectWhole(store, "s", 2);
  });

  test.for([{ setting: "synchronous_commit=off" }, { setting: "fsync=off" }])(
    "F2: that runs with $setting is refused",
    async ({ setting }) => {
      const server = await startPostgres([setting]);
      onTestFinished(() => server.close());
      await expect(openPostgres(server.url("postgres"))).rejects.toThrow(
        `PostgreSQL runs with ${setting.replace("=", " = ")} and may lose what it has acknowledged`,
      );
    },
  );
});
