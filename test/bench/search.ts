import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { HumanState } from "../../src/domain/human-state.ts";
import { type SearchKeyName, searchKeys } from "../../src/domain/search-keys.ts";
import type { EventStore, KeysOf } from "../../src/store/event-store.ts";
import { openPostgres, type Postgres } from "../../src/store/postgres/database.ts";
import { createPostgresEventStore } from "../../src/store/postgres/event-store.ts";
import { dialect as postgresDialect } from "../../src/store/postgres/search.ts";
import type { Dialect } from "../../src/store/search/condition-sql.ts";
import { createSearch } from "../../src/store/search/search-heads.ts";
import type { SearchStatement } from "../../src/store/search/search-sql.ts";
import type { Query, Search } from "../../src/store/search.ts";
import type { Row } from "../../src/store/sql/rows.ts";
import { raw, sql } from "../../src/store/sql/sql.ts";
import { openSqlite } from "../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../src/store/sqlite/event-store.ts";
import { dialect as sqliteDialect } from "../../src/store/sqlite/search.ts";
import { query, startPostgres } from "../support/postgres.ts";
import { align } from "./measure/report.ts";
import { benchFolder, fill } from "./server.ts";
import { organization, userId } from "./users.ts";

// Long because of one table: every kind of search that is measured.

export type SearchSettings = { readonly rounds: number; readonly users: number };

/** In each round, each kind of search runs at least so many times, and at least for so long. */
const leastSearches = 3;
const roundMs = 150;

/** Users in no order. One in a hundred is locked, and a thousand share a last name. */
function searchedLine(index: number, users: number): string {
  const place = (index * 7_368_787) % users;
  return `${JSON.stringify({
    userId: userId(index),
    userName: emailOf(place),
    email: { email: emailOf(place) },
    profile: {
      firstName: `First ${place}`,
      lastName: lastNameOf(place, users),
      displayName: `User ${place}`,
    },
    state: place % 100 === 0 ? "USER_STATE_LOCKED" : "USER_STATE_ACTIVE",
  })}\n`;
}

const emailOf = (place: number) => `user-${place}@giraffe.example`;
const lastNameOf = (place: number, users: number) =>
  `Last ${place % Math.max(1, Math.floor(users / 1_000))}`;

type Method = (Query & { kind: "text" })["method"];

const has = (key: SearchKeyName, method: Method, text: string, ignoreCase = false): Query => ({
  kind: "text",
  key,
  method,
  text,
  ignoreCase,
});
const and = (...queries: Query[]): Query => ({ kind: "and", queries });
const or = (...queries: Query[]): Query => ({ kind: "or", queries });
const not = (query: Query): Query => ({ kind: "not", query });
const isActive = has("state", "equals", "active", true);
const isLocked = has("state", "equals", "locked", true);

type Kind = {
  readonly name: string;
  /** Part of the list; by display name, from the first on, unless it says so. */
  readonly list: (place: number, users: number) => Partial<Search>;
};

const sorts: readonly (SearchKeyName | undefined)[] = [
  ...(["userName", "firstName", "lastName", "displayName", "email", "createdAt"] as const),
  undefined,
];

const textKeys = [
  "displayName",
  "firstName",
  "lastName",
  "nickName",
  "userName",
  "email",
] as const satisfies readonly SearchKeyName[];

const kinds: readonly Kind[] = [
  {
    name: "user name equals",
    list: (place) => ({ query: has("userName", "equals", emailOf(place)) }),
  },
  {
    name: "e-mail equals, any case",
    list: (place) => ({ query: has("email", "equals", emailOf(place).toUpperCase(), true) }),
  },
  {
    name: "last name equals",
    list: (place, users) => ({ query: has("lastName", "equals", lastNameOf(place, users)) }),
  },
  {
    name: "e-mail is one of 100",
    list: (place, users) => {
      const texts = Array.from({ length: 100 }, (_, index) => emailOf((place + index) % users));
      return { query: { kind: "one-of", key: "email", texts } };
    },
  },
  {
    name: "first name begins, few",
    list: (place) => ({ query: has("firstName", "starts-with", `first ${place}`, true) }),
  },
  {
    name: "display name begins, a ninth",
    list: (place) => ({ query: has("displayName", "starts-with", `User ${1 + (place % 9)}`) }),
  },
  ...sorts.flatMap((sortBy): Kind[] => [
    { name: `by ${sortBy ?? "id"}, first page`, list: () => ({ sortBy }) },
    {
      name: `by ${sortBy ?? "id"}, last page`,
      list: (_, users) => ({ sortBy, offset: users - 100 }),
    },
  ]),
  { name: "locked", list: () => ({ query: isLocked }) },
  { name: "active", list: () => ({ query: isActive }) },
  { name: "locked, by last name", list: () => ({ query: isLocked, sortBy: "lastName" }) },
  {
    name: "not locked, by last name",
    list: () => ({ query: not(isLocked), sortBy: "lastName" }),
  },
  { name: "machines", list: () => ({ query: or() }) },
  {
    name: "and: active, display name begins, by last name",
    list: (place) => ({
      query: and(isActive, has("displayName", "starts-with", `User ${1 + (place % 9)}`)),
      sortBy: "lastName",
    }),
  },
  {
    name: "and: not locked, display name begins",
    list: (place) => ({
      query: and(not(isLocked), has("displayName", "starts-with", `User ${1 + (place % 9)}`)),
    }),
  },
  {
    name: "and: last name, locked",
    list: (place, users) => ({
      query: and(has("lastName", "equals", lastNameOf(place, users)), isLocked),
    }),
  },
  {
    name: "or: user name, e-mail",
    list: (place) => ({
      query: or(
        has("userName", "equals", emailOf(place)),
        has("email", "equals", emailOf(place + 1)),
      ),
    }),
  },
  {
    name: "not: last name",
    list: (place, users) => ({
      query: not(has("lastName", "equals", lastNameOf(place, users))),
    }),
  },
  {
    name: "e-mail contains, few",
    list: (place) => ({ query: has("email", "contains", `-${place}@`) }),
  },
  {
    name: "display name contains, many",
    list: (place) => ({ query: has("displayName", "contains", `${place % 10}`, true) }),
  },
  {
    name: "first name ends",
    list: (place) => ({ query: has("firstName", "ends-with", ` ${place}`) }),
  },
  {
    name: "the console's, for a word",
    list: (place) => ({
      query: and(or(...textKeys.map((key) => has(key, "contains", `${place}@`, true)))),
    }),
  },
];

function searchOf({ list }: Kind, place: number, users: number): Search {
  const everything: Query = and();
  const first = { query: everything, sortBy: "displayName", ascending: true, offset: 0 };
  return { ...first, limit: 100, ...list(place, users) };
}

type Engine = {
  readonly name: string;
  readonly store: EventStore;
  /** Rows of the index that a search looks at. */
  readonly rowsRead: (search: Search) => Promise<number>;
};

type Figure = {
  readonly name: string;
  readonly found: number;
  readonly rowsRead: number;
  readonly searches: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

/** Searches through the event store alone, of each kind, each for other users than the one before. */
export async function benchSearch({ rounds, users }: SearchSettings): Promise<object> {
  const folder = benchFolder();
  const postgres = await startPostgres();
  const now = () => Date.now() * 1_000;
  try {
    const file = join(folder, "users.db");
    const url = await postgres.createDatabase();
    const line = (index: number) => searchedLine(index, users);
    await fill(`sqlite:${file}`, folder, users, line);
    await fill(url, folder, users, line);
    // As autovacuum does in its own time. A statement of ours may not take that long.
    await query(url, "vacuum analyze");
    const database = await openPostgres(url, searchKeys);
    const engines: Engine[] = [
      {
        name: "SQLite",
        store: createSqliteEventStore({ database: openSqlite(file, searchKeys), now }),
        rowsRead: countOnSqlite(file),
      },
      {
        name: "PostgreSQL",
        store: createPostgresEventStore({ database, now }),
        rowsRead: countOnPostgres(database),
      },
    ];
    const figures: Record<string, readonly Figure[]> = {};
    for (const engine of engines) {
      const found = await measure(engine, rounds, users);
      figures[engine.name] = found;
      process.stdout.write(`\n${engine.name}\n${tableOf(found)}\n`);
      await engine.store.close();
    }
    return figures;
  } finally {
    await postgres.close();
  }
}

async function measure(
  { name, store, rowsRead }: Engine,
  rounds: number,
  users: number,
): Promise<Figure[]> {
  const times = new Map(kinds.map((kind) => [kind, [] as number[]]));
  let place = 0;
  const next = () => {
    place = (place + 104_729) % users;
    return place;
  };
  for (let round = 0; round < rounds; round += 1) {
    for (const [kind, each] of times) {
      const until = performance.now() + roundMs;
      for (let count = 0; count < leastSearches || performance.now() < until; count += 1) {
        const began = performance.now();
        await store.search(organization, searchOf(kind, next(), users)).catch((error: unknown) => {
          throw new Error(`${name}: ${kind.name}`, { cause: error });
        });
        each.push(performance.now() - began);
      }
    }
  }
  const figures: Figure[] = [];
  for (const [kind, each] of times) {
    const search = searchOf(kind, next(), users);
    const sorted = each.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
    figures.push({
      name: kind.name,
      found: (await store.search(organization, search)).total,
      rowsRead: await rowsRead(search),
      searches: each.length,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
    });
  }
  return figures;
}

function tableOf(figures: readonly Figure[]): string {
  const whole = (figure: number) => figure.toLocaleString("en");
  const rows = figures.map(({ name, found, rowsRead, searches, p50Ms, p99Ms }) => {
    const cells = [found, rowsRead, searches].map(whole);
    return [name, ...cells, p50Ms.toFixed(2), p99Ms.toFixed(2)];
  });
  const heads = ["", "found", "rows read", "searches", "p50, ms", "p99, ms"];
  return align([heads, ...rows]).join("\n");
}

/** The searches of a store, without the heads, which are read by their ids. */
function searchBy(dialect: Dialect, run: (statement: SearchStatement) => Promise<readonly Row[]>) {
  return createSearch({
    dialect,
    lookUp: run,
    scan: run,
    load: async () => [],
    keysOf: searchKeys as KeysOf<unknown>,
  });
}

/** A function of ours is called for every row that the index leads to. */
function countOnSqlite(file: string): Engine["rowsRead"] {
  const db = new DatabaseSync(file, { readOnly: true });
  let seen = 0;
  db.function("seen", { varargs: true }, () => {
    seen += 1;
    return 1;
  });
  const counting: Dialect = {
    ...sqliteDialect,
    isOfKey: (alias, ...names) =>
      sql`${sqliteDialect.isOfKey(alias, ...names)} and seen(${raw(alias)}.stream)`,
  };
  const search = searchBy(counting, async ({ text, values }) =>
    db.prepare(text).all(...(values as SQLInputValue[])),
  );
  return async (wanted) => {
    seen = 0;
    await search<HumanState>(organization, wanted);
    return seen;
  };
}

type PlanNode = {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly PlanNode[];
};

/** The server tells what it did. */
function countOnPostgres(database: Postgres): Engine["rowsRead"] {
  let seen = 0;
  const search = searchBy(postgresDialect, async ({ text, values }) => {
    const [row] = await database.scan({
      text: `explain (analyze, timing off, format json) ${text}`,
      values,
    });
    const plans = row?.["QUERY PLAN"] as readonly { readonly Plan: PlanNode }[];
    for (const { Plan } of plans) seen += rowsOf(Plan);
    return database.scan({ text, values });
  });
  return async (wanted) => {
    seen = 0;
    await search<HumanState>(organization, wanted);
    return Math.round(seen);
  };
}

function rowsOf(node: PlanNode): number {
  const inside = (node.Plans ?? []).reduce((sum, each) => sum + rowsOf(each), 0);
  if (node["Relation Name"] !== "search_keys") return inside;
  return (
    inside + (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0)) * node["Actual Loops"]
  );
}
