import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { openPostgres } from "../../../src/store/postgres/database.ts";
import { keySpace } from "../../../src/store/postgres/keys/key-space.ts";
import { dialect as postgres } from "../../../src/store/postgres/search.ts";
import type { KeyComparison } from "../../../src/store/search/comparison-sql.ts";
import type { Dialect } from "../../../src/store/search/condition-sql.ts";
import {
  attributeAmongStatement,
  attributeStatement,
  countStatement,
  pageStatement,
  type SearchStatement,
  streamsOfAnyStatement,
  streamsStatement,
} from "../../../src/store/search/search-sql.ts";
import type { AttributeQuery, Query, Search, SearchScope } from "../../../src/store/search.ts";
import { dialect as sqlite } from "../../../src/store/sqlite/search.ts";
import { migrate } from "../../../src/store/sqlite/upgrade/migrate.ts";
import { query } from "../../support/postgres.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";

const has = (
  method: (KeyComparison & { kind: "text" })["method"],
  ignoreCase: boolean,
): KeyComparison => ({ kind: "text", key: "a", method, text: "Gi", ignoreCase });
const everything: Query = { kind: "and", queries: [] };
const isActive: Query = {
  ...({ kind: "text", method: "equals" } as const),
  ...{ key: "state", text: "active", ignoreCase: true },
};

type Row = {
  readonly name: string;
  readonly statement: (dialect: Dialect) => SearchStatement;
  /** The columns by which the index is entered, behind those that all statements have. */
  readonly by: "" | "folded=" | "folded>";
  /** Whether the index is one of the heads. */
  readonly isOfHeads?: boolean;
};

const page = (query: Query, order: Partial<Search> = {}) => {
  const list = { query, sortBy: "a", ascending: true, offset: 0, limit: 100, ...order };
  return (dialect: Dialect) => pageStatement(dialect, "org", list);
};

const collecting = (dialect: Dialect) => ({ ...dialect, collectsStatuses: true });

const rows: readonly Row[] = [
  ...[true, false].flatMap((ignoreCase): Row[] => [
    {
      name: `equals, any case: ${ignoreCase}`,
      statement: (dialect) => streamsStatement(dialect, "org", has("equals", ignoreCase), 1_001),
      by: "folded=",
    },
    {
      name: `begins, any case: ${ignoreCase}`,
      statement: (dialect) =>
        streamsStatement(dialect, "org", has("starts-with", ignoreCase), 1_001),
      by: "folded>",
    },
    {
      name: `how many begin, any case: ${ignoreCase}`,
      statement: (dialect) => countStatement(dialect, "org", has("starts-with", ignoreCase)),
      by: "folded>",
    },
  ]),
  {
    name: "one of some",
    statement: (dialect) =>
      streamsStatement(dialect, "org", { kind: "one-of", key: "a", texts: ["x", "y"] }, 1_001),
    by: "folded=",
  },
  {
    name: "what equals one of two texts of two keys",
    statement: (dialect) =>
      streamsOfAnyStatement(
        dialect,
        "org",
        [has("equals", true), { ...has("equals", false), key: "b" }],
        1_001,
      ),
    by: "folded=",
  },
  { name: "all by a key", statement: page(everything), by: "" },
  {
    name: "all by a key, the last first",
    statement: page(everything, { ascending: false }),
    by: "",
  },
  {
    name: "all by id",
    statement: page(everything, { sortBy: undefined }),
    by: "",
    isOfHeads: true,
  },
  {
    name: "all by their creation, the last first",
    statement: page(everything, { sortBy: "createdAt", ascending: false }),
    by: "",
    isOfHeads: true,
  },
  {
    name: "all of one status by id",
    statement: page({ ...has("equals", true), key: "state" }, { sortBy: undefined }),
    by: "",
    isOfHeads: true,
  },
  {
    name: "all of one status by their creation",
    statement: page(isActive, { sortBy: "createdAt" }),
    by: "",
    isOfHeads: true,
  },
  { name: "those that begin, in order", statement: page(has("starts-with", true)), by: "folded>" },
  {
    name: "those of the common status that begin, where the others are few",
    statement: (dialect) =>
      page({ kind: "and", queries: [isActive, has("starts-with", true)] })(collecting(dialect)),
    by: "folded>",
  },
  {
    name: "how many there are",
    statement: (dialect) => countStatement(dialect, "org", everything),
    by: "",
    isOfHeads: true,
  },
];

const value = Buffer.from("value");
const attributes = [
  { name: "a key", key: "key", value: undefined, by: "key", columns: ["organization", "key"] },
  {
    name: "a key and a value",
    key: "key",
    value,
    by: "value",
    columns: ["organization", "digest", "key"],
  },
  { name: "a value", key: undefined, value, by: "value", columns: ["organization", "digest"] },
] as const;

const everywhere = { everyOrganization: true } as const;
const byKey = { kind: "attribute", key: "key", value: undefined } as const;
const byValue = { kind: "attribute", key: undefined, value } as const;

/** Statements with queries of attributes that many streams may have, in one organization and in all. */
const frequent = ([byKey, byValue] as const).flatMap((query: AttributeQuery) =>
  (["org", ["org", "zoo"], everywhere] satisfies SearchScope[]).flatMap((owners) => {
    const name = `${query.key === undefined ? "a value" : "a key"} in ${JSON.stringify(owners)}`;
    return [
      {
        name: `${name}: who has it`,
        statement: (dialect: Dialect) => attributeStatement(dialect, owners, query, 1_001),
      },
      {
        name: `${name}: who of some`,
        statement: (dialect: Dialect) => attributeAmongStatement(dialect, query, ["a"]),
      },
      {
        name: `${name}: how many`,
        statement: (dialect: Dialect) => countStatement(dialect, owners, query),
      },
    ];
  }),
);

const isLocked: Query = { ...isActive, text: "locked" };
const states: readonly { readonly name: string; readonly query: Query }[] = [
  { name: "the common status", query: isActive },
  { name: "another status", query: isLocked },
  { name: "all but another status", query: { kind: "not", query: isLocked } },
];

describe("on SQLite", () => {
  const db = new DatabaseSync(":memory:");
  migrate(db, () => undefined);

  test.for(frequent)("an index finds $name", ({ statement }) => {
    const { text, values } = statement(sqlite);
    const plan = db
      .prepare(`explain query plan ${text}`)
      .all(...(values as SQLInputValue[]))
      .map(({ detail }) => String(detail));
    expect(
      plan.filter((detail) =>
        /^SCAN (?!json_each|o$|search_spaces$|k USING COVERING INDEX heads_by_)/.test(detail),
      ),
    ).toEqual([]);
    expect(plan).toContainEqual(
      expect.stringMatching(/^SEARCH a USING .*INDEX \S+ \(\w+=\? AND \w+=\?/),
    );
  });

  test.for(attributes)("an index finds streams with $name", ({ key, value, by, columns }) => {
    const query = { kind: "attribute", key, value } as const;
    const { text, values } = attributeStatement(sqlite, "org", query, 1_001);
    const plan = db
      .prepare(`explain query plan ${text}`)
      .all(...(values as SQLInputValue[]))
      .map(({ detail }) => String(detail));
    const place = columns.map((column) => `${column}=?`).join(" AND ");
    expect(plan[0]).toEqual(`SEARCH a USING COVERING INDEX attributes_by_${by} (${place})`);
  });

  test.for(states)("collects few streams once for $name", ({ query }) => {
    const { text, values } = page(query)(collecting(sqlite));
    const plan = db
      .prepare(`explain query plan ${text}`)
      .all(...(values as SQLInputValue[]))
      .map(({ detail }) => String(detail));
    expect(plan).toContainEqual(expect.stringMatching(/^SEARCH o USING .*INDEX heads_by_status/));
    expect(plan.filter((detail) => /CORRELATED|^SCAN/.test(detail))).toEqual([]);
  });

  test.for(rows)("an index finds $name", ({ statement, by, isOfHeads }) => {
    const { text, values } = statement(sqlite);
    const plan = db
      .prepare(`explain query plan ${text}`)
      .all(...(values as SQLInputValue[]))
      .map(({ detail }) => String(detail));
    const index = isOfHeads
      ? "COVERING INDEX heads_by_\\w+ \\(organization=\\?"
      : `PRIMARY KEY \\(space=\\?${by === "" ? "\\)" : ` AND ${by}`}`;
    expect(plan).toContainEqual(expect.stringMatching(new RegExp(`^SEARCH k USING ${index}`)));
    expect(plan.filter((detail) => /^SCAN (?!json_each)|TEMP B-TREE/.test(detail))).toEqual([]);
  });
});

describe("on PostgreSQL", async () => {
  const url = await newPostgresDatabase();
  const database = await openPostgres(url);
  // A table that is nearly empty is sorted.
  await query(
    url,
    `insert into search_keys (space, folded, stream)
     select ${keySpace("org", "a")} + n % 5, 'text ' || n, n from generate_series(1, 10000) as n`,
  );
  await query(
    url,
    `insert into heads
       (stream, organization, version, change, created_at, changed_at, state, status)
     select n, 'org' || left('abcd', (n % 5)::int), 1, gen_random_uuid(), n, n, '{}', 'active'
     from generate_series(1, 10000) as n`,
  );
  await query(url, "analyze search_keys, heads");

  test.for(attributes)("an index finds streams with $name", async ({ key, value, by, columns }) => {
    const query = { kind: "attribute", key, value } as const;
    const { text, values } = attributeStatement(postgres, "org", query, 1_001);
    const plan = await database.scan({ text: `explain (costs off) ${text}`, values });
    const lines = plan.map((row) => String(row["QUERY PLAN"])).join("\n");
    expect(lines).toMatch(
      new RegExp(`Index (?:Only )?Scan using attributes_by_${by} on attributes`),
    );
    const condition = columns.map((column) => `\\(${column} = .*\\)`).join(" AND ");
    expect(lines).toMatch(new RegExp(`Index Cond: \\(?${condition}`));
    expect(lines).not.toContain("Seq Scan");
  });

  test.for<{ owners: SearchScope }>([
    { owners: "org" },
    { owners: ["org", "zoo"] },
    { owners: everywhere },
  ])(
    "looks up one row for each text that is compared with its case: $owners",
    async ({ owners }) => {
      const { text, values } = streamsStatement(postgres, owners, has("contains", false), 1_001);
      const plan = await database.scan({ text: `explain (costs off) ${text}`, values });
      const lookUps = plan.filter((line) =>
        /Index Cond: \(\(space = k\.space\) AND \(folded = k\.folded\) AND \(stream = k\.stream\)\)/.test(
          String(line["QUERY PLAN"]),
        ),
      );
      expect(lookUps).toHaveLength(2);
    },
  );

  test.for(states)("collects few streams once for $name", async ({ query }) => {
    const { text, values } = page(query)(collecting(postgres));
    const plan = await database.scan({ text: `explain (costs off) ${text}`, values });
    const lines = plan.map((row) => String(row["QUERY PLAN"])).join("\n");
    expect(lines).toContain("hashed SubPlan");
    expect(lines).toMatch(/Scan (?:using|on) heads_by_status/);
  });

  test.for(rows)("an index finds $name", async ({ statement, by, isOfHeads }) => {
    const { text, values } = statement(postgres);
    const plan = await database.scan({ text: `explain (costs off) ${text}`, values });
    const lines = plan.map((row) => String(row["QUERY PLAN"]));
    const condition = lines.find((line) => line.includes("Index Cond:"));
    expect(condition).toMatch(isOfHeads ? /\(organization >?= / : /\(space = /);
    expect(condition?.includes("(folded >")).toBe(by === "folded>");
    expect(condition?.includes("(folded =")).toBe(by === "folded=");
    expect(lines.filter((line) => /Seq Scan|Sort/.test(line))).toEqual([]);
  });
});
