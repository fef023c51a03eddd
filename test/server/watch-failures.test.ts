import { describe, expect, test } from "vitest";
import { watchFailures } from "../../src/server/watch-failures.ts";
import {
  type EventStore,
  OutcomeUnknownError,
  StoreOverloadedError,
  StoreUnavailableError,
  UniqueKeyTakenError,
} from "../../src/store/event-store.ts";
import type { Search } from "../../src/store/search.ts";

const operations = {
  change: (store) => store.change("s", "org", () => ({ events: [event], state: 1 })),
  changeAll: (store) =>
    store.changeAll([{ stream: "s", organization: "org" }], () => ({ decisions: [] })),
  load: (store) => store.load("s", "org"),
  loadOnInstance: (store) => store.loadOnInstance("s"),
  outlineAttributes: (store) => store.outlineAttributes("s", "org"),
  findAttributes: (store) => store.findAttributes("s", "org", ["key"], true),
  readAttributes: (store) => store.readAttributes("s", "org", ["key"]),
  history: (store) => store.history("s", "org", { after: 0, limit: 1, ascending: true }),
  outlineHistory: (store) =>
    store.outlineHistory("s", "org", { after: 0, limit: 1, ascending: true }),
  search: (store) => store.search("org", everything),
  locate: (store) => store.locate("name"),
  beginReceipt: (store) => store.receipts.begin({ owner: "me", name: "first" }, true),
  findReceipt: (store) => store.receipts.find({ owner: "me", name: "first" }),
  keepReceipt: (store) => store.receipts.keep({ owner: "me", name: "1", content: bytes }, "s"),
  ping: (store) => store.ping(),
} satisfies Record<string, (store: EventStore) => Promise<unknown>>;
const bytes = new Uint8Array();
const everything: Search = {
  query: { kind: "and", queries: [] },
  sortBy: undefined,
  ascending: true,
  offset: 0,
  limit: 1,
};
const event = { type: "counted", data: {}, creator: "me" };

/** A store whose every operation has the same result. */
function answering(answer: () => Promise<never>): EventStore {
  const all = {
    change: answer,
    changeAll: answer,
    load: answer,
    loadOnInstance: answer,
    outlineAttributes: answer,
    findAttributes: answer,
    readAttributes: answer,
    history: answer,
    outlineHistory: answer,
    search: answer,
    locate: answer,
    ping: answer,
  };
  const receipts = { begin: answer, find: answer, keep: answer };
  return { ...all, receipts, close: async () => {} };
}

describe("watchFailures", () => {
  const errors = [
    { error: new StoreUnavailableError("down"), want: "unavailable" },
    { error: new StoreOverloadedError("full", 1_000), want: "overloaded" },
    { error: new OutcomeUnknownError("?"), want: "unknown" },
    { error: new UniqueKeyTakenError("taken"), want: undefined },
    { error: new RangeError("a bug, or the caller's fault"), want: undefined },
  ];
  const rows = Object.entries(operations).flatMap(([name, call]) =>
    errors.map(({ error, want }) => ({ name, call, error, want })),
  );
  test.for(rows)("tells of $name: $error.name is $want", async ({ name, call, error, want }) => {
    const told: string[][] = [];
    const store = watchFailures(
      answering(() => Promise.reject(error)),
      (operation, kind) => told.push([operation, kind]),
    );
    await expect(call(store)).rejects.toBe(error);
    expect(told).toEqual(want === undefined ? [] : [[name, want]]);
  });
});
