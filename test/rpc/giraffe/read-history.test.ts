import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { valuesAfter } from "../../../src/domain/field-values.ts";
import type { HumanEvent } from "../../../src/domain/human-state.ts";
import {
  type HistoryRequest,
  maxEventsLookedAt,
  maxPageText,
  readHistory,
} from "../../../src/rpc/giraffe/read-history.ts";
import { noVersion } from "../../../src/store/events.ts";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../src/store/sqlite/event-store.ts";

let clock = 0;
const store = createSqliteEventStore({
  database: openSqlite(":memory:"),
  now: () => {
    clock += 1;
    return clock;
  },
});
afterAll(() => store.close());

const added: HumanEvent = {
  type: "user.human.added",
  data: {
    ...{ userName: "gigi", email: "g@g.example", isEmailVerified: true, phone: "" },
    ...{ isPhoneVerified: false, firstName: "Gigi", lastName: "Giraffe", nickName: "" },
    ...{ displayName: "Gigi Giraffe", preferredLanguage: "und", gender: 0 },
  },
};
const profile = (data: object): HumanEvent => ({ type: "user.human.profile.changed", data });
const metadata = (key: string, value: string | undefined): HumanEvent =>
  value === undefined
    ? { type: "user.metadata.removed", data: { key } }
    : { type: "user.metadata.set", data: { key, value } };

let users = 0;
/** A user with these events after the first one, one change each. The editors are "a" and "b" in turn. */
async function userWith(events: readonly HumanEvent[]): Promise<string> {
  users += 1;
  const userId = `user-${users}`;
  for (let from = 0; from <= events.length; from += 500) {
    const some = [added, ...events].slice(from, from + 500);
    const decided = some.map((event, at) => ({ ...event, creator: "ab"[(from + at) % 2] ?? "" }));
    await store.change(userId, "org", () => ({ events: decided, state: {} }));
  }
  return userId;
}

const everything: HistoryRequest = {
  ...{ beside: 0, ascending: false, limit: 100, fields: new Set(), editor: "" },
  ...{ since: 0, until: noVersion },
};
const read = async (userId: string, request: Partial<HistoryRequest> = {}) => {
  const place = { store, userId, organization: "org", signal: new AbortController().signal };
  const { changes, next } = await readHistory(place, { ...everything, ...request });
  return {
    next,
    changes: changes.map(({ event, differences }) => ({
      version: event.version,
      differences: differences.map(({ field, before, after, isBeforeUnknown }) =>
        [field, isBeforeUnknown ? "unknown" : (before ?? null), after ?? null].join(" "),
      ),
    })),
  };
};

/** All changes by a fold over all events. */
function folded(events: readonly HumanEvent[], { fields, editor, ascending }: HistoryRequest) {
  const values = new Map<string, string | undefined>();
  const changes = [added, ...events].map((event, at) => {
    const differences = valuesAfter(event).flatMap(([field, after]) => {
      const before = values.get(field);
      values.set(field, after);
      return before === after ? [] : [{ field, text: `${field} ${before ?? ""} ${after ?? ""}` }];
    });
    return { version: at + 1, creator: "ab"[at % 2], differences };
  });
  const wanted = changes.filter(
    ({ creator, differences }) =>
      (editor === "" || editor === creator) &&
      (fields.size === 0 || differences.some(({ field }) => fields.has(field))),
  );
  const found = wanted.map(({ version, differences }) => ({
    version,
    differences: differences.map(({ text }) => text),
  }));
  return ascending ? found : found.toReversed();
}

const anyEvent: fc.Arbitrary<HumanEvent> = fc.oneof(
  fc
    .record(
      { nickName: fc.constantFrom("", "a", "b"), gender: fc.constantFrom(0, 1, 2) },
      { requiredKeys: [] },
    )
    .map(profile),
  fc
    .tuple(fc.constantFrom("k", "l"), fc.constantFrom("YQ==", "Yg==", undefined))
    .map(([key, value]) => metadata(key, value)),
  fc.constantFrom<HumanEvent>(
    { type: "user.human.email.changed", data: { email: "x@g.example" } },
    { type: "user.human.email.verified", data: {} },
    { type: "user.human.phone.changed", data: { phone: "+411" } },
    { type: "user.human.phone.verified", data: {} },
    { type: "user.human.phone.removed", data: {} },
    { type: "user.username.changed", data: { userName: "other" } },
    { type: "user.locked", data: {} },
    { type: "user.unlocked", data: {} },
    { type: "user.deactivated", data: {} },
    { type: "user.reactivated", data: {} },
  ),
);

describe("readHistory", () => {
  test("gives on its pages what a fold over all events gives, for every filter and direction", async () => {
    const requests = fc.record({
      ascending: fc.boolean(),
      limit: fc.integer({ min: 1, max: 12 }),
      editor: fc.constantFrom("", "a", "b", "c"),
      fields: fc
        .subarray(["profile.nick_name", "email.is_verified", "metadata.k", "state"])
        .map((names) => new Set(names)),
    });
    const events = fc.array(anyEvent, { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(events, requests, async (events, request) => {
        const userId = await userWith(events);
        const found: { version: number; differences: string[] }[] = [];
        for (let beside = 0; ; ) {
          const { changes, next } = await read(userId, { ...request, beside });
          expect(changes.length).toBeLessThanOrEqual(request.limit);
          found.push(...changes);
          // The handler knows the last version, and does not send a `next` that leads nowhere.
          if (next === 0) break;
          beside = next;
          if (!request.ascending && next === 1) break;
        }
        expect(found).toEqual(folded(events, { ...everything, ...request }));
      }),
      { numRuns: 150 },
    );
  });

  const nicks = (count: number) =>
    Array.from({ length: count }, (_, at) => profile({ nickName: `nick ${at}` }));

  test("does not look through a whole history for a value before, and says so", async () => {
    const many = maxEventsLookedAt + 1_000;
    const userId = await userWith([...nicks(many), profile({ firstName: "Okapi" })]);
    const { changes, next } = await read(userId, { limit: 1 });
    expect(changes).toEqual([
      { version: many + 2, differences: ["profile.first_name unknown Okapi"] },
    ]);
    // Whoever wants to know asks for earlier changes of that field.
    const fields = new Set(["profile.first_name"]);
    const first = await read(userId, { fields, beside: next });
    expect(first).toEqual({ changes: [], next: expect.any(Number) });
    const second = await read(userId, { fields, beside: first.next });
    expect(second.changes).toMatchObject([{ version: 1 }]);
    expect(second.changes[0]?.differences).toContain("profile.first_name  Gigi");
  });

  test("finds values before a page that has the oldest first", async () => {
    const userId = await userWith([...nicks(300), profile({ firstName: "Okapi" })]);
    expect(await read(userId, { ascending: true, beside: 301 })).toMatchObject({
      changes: [{ version: 302, differences: ["profile.first_name Gigi Okapi"] }],
    });
  });

  test("reads as much of a long history as of a short one", async () => {
    const userId = await userWith(nicks(20_000));
    const reads: number[] = [];
    const counting = {
      history: async (...args: Parameters<typeof store.history>) => {
        const events = await store.history(...args);
        reads.push(events.length);
        return events;
      },
    };
    const place = {
      store: counting,
      userId,
      organization: "org",
      signal: AbortSignal.timeout(9e6),
    };
    await readHistory(place, { ...everything, limit: 100 });
    expect(reads.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(300);
  });

  test("ends a page before its values are too long for an answer", async () => {
    const value = "A".repeat(660_000);
    const events = Array.from({ length: 9 }, (_, at) => metadata("k", `${value}${at}`));
    const userId = await userWith(events);
    const seen: number[] = [];
    for (let beside = 0; ; ) {
      const { changes, next } = await read(userId, { beside });
      const length = JSON.stringify(changes).length;
      expect(length).toBeLessThan(4 * maxPageText);
      seen.push(...changes.map(({ version }) => version));
      if (next <= 1) break;
      beside = next;
    }
    expect(seen).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  test.for([false, true])(
    "values before have no more room than those after; ascending: %s",
    async (ascending) => {
      const long = "A".repeat(maxPageText / 2);
      const keys = ["k1", "k2", "k3", "k4"];
      const values = keys.map((key) => metadata(key, long));
      const userId = await userWith([...values, ...keys.map((key) => metadata(key, "YQ=="))]);
      const { changes } = await read(userId, { ascending, beside: ascending ? 5 : 0, limit: 4 });
      const isKnown = changes.map(({ version, differences: [difference = ""] }) => {
        const [, before] = difference.split(" ");
        return [version, before === long || before];
      });
      expect(isKnown).toEqual(
        ascending
          ? [
              [6, "unknown"],
              [7, "unknown"],
              [8, true],
              [9, true],
            ]
          : [
              [9, true],
              [8, true],
              [7, "unknown"],
              [6, "unknown"],
            ],
      );
    },
  );

  test("filters by time: the first moment counts, the last one does not", async () => {
    const userId = await userWith([]);
    for (const event of nicks(5))
      await store.change(userId, "org", () => ({
        events: [{ ...event, creator: "a" }],
        state: {},
      }));
    const events = await store.history(userId, "org", { after: 0, limit: 9, ascending: true });
    const at = (version: number) => events[version - 1]?.at ?? 0;
    const versions = async (request: Partial<HistoryRequest>) => {
      const { changes, next } = await read(userId, request);
      return [...changes.map(({ version }) => version), `next ${next}`];
    };
    const times = { since: at(2), until: at(5) };
    expect(await versions(times)).toEqual([4, 3, 2, "next 0"]);
    expect(await versions({ ...times, ascending: true })).toEqual([2, 3, 4, "next 0"]);
    expect(await versions({ ...times, limit: 2 })).toEqual([4, 3, "next 3"]);
    expect(await versions({ ...times, limit: 2, beside: 3 })).toEqual([2, "next 0"]);
    const { changes } = await read(userId, times);
    expect(changes.at(-1)?.differences).toEqual(["profile.nick_name  nick 0"]);
  });

  test("finds what is within times that do not grow with the versions, as in an imported history", async () => {
    const minute = 60_000_000;
    const day = 1_440 * minute;
    const minutes = [0, 10, 20, 15, 30];
    const userId = await userWith(nicks(minutes.length));
    const events = await store.history(userId, "org", { after: 0, limit: 9, ascending: true });
    const moved = events.map((event, place) => ({
      ...event,
      at: day + (minutes[place] ?? 40) * minute,
    }));
    const imported = {
      history: async (
        ...[, , { after, before = noVersion, ascending }]: Parameters<typeof store.history>
      ) => {
        const some = moved.filter(({ version }) => version > after && version < before);
        return ascending ? some : some.toReversed();
      },
    } as Pick<typeof store, "history">;
    const place = {
      store: imported,
      userId,
      organization: "org",
      signal: new AbortController().signal,
    };
    const versions = async (request: Partial<HistoryRequest>) => {
      const { changes } = await readHistory(place, { ...everything, ...request });
      return changes.map(({ event }) => event.version);
    };
    const since = day + 18 * minute;
    expect(await versions({ since })).toEqual([6, 5, 3]);
    expect(await versions({ since, ascending: true })).toEqual([3, 5, 6]);
    expect(await versions({ until: since })).toEqual([4, 2, 1]);
    expect(await versions({ until: since, ascending: true })).toEqual([1, 2, 4]);
  });
});
