import { describe, expect, test } from "vitest";
import { distribute, placements } from "../../../../src/store/postgres/cluster/distribute.ts";
import type { Connection } from "../../../../src/store/postgres/connection/connection.ts";
import { query } from "../../../support/postgres.ts";
import { newPostgresDatabase } from "../../../support/postgres-database.ts";
import { newCatalogue } from "./catalogue.ts";
import { openingOf } from "./opening.ts";

test("every table has its place in a cluster, and none is named that does not exist", async () => {
  const url = await newPostgresDatabase();
  expect(await openingOf(url)).toBe("opened");
  const tables = await query(
    url,
    "select table_name as name from information_schema.tables where table_schema = 'public'",
  );
  expect(Object.keys(placements).sort()).toEqual(tables.map(({ name }) => name).sort());
});

describe("the first start on a cluster", () => {
  test("distributes every table, and the next start leaves them alone", async () => {
    const url = await newCatalogue();
    expect(await openingOf(url)).toBe("opened");
    const calls =
      "select logicalrelid::text as name, called from pg_dist_partition order by ordinal";
    const made = await query(url, calls);
    expect(made.map(({ name }) => name)).toEqual(Object.keys(placements));
    expect(made.filter(({ called }) => called !== "everywhere")).toEqual([
      { name: "heads", called: "stream none 4" },
      { name: "events", called: "stream heads" },
      { name: "search_keys", called: "stream heads" },
      { name: "attributes", called: "stream heads" },
      { name: "head_counts", called: "stream heads" },
      { name: "claims", called: "name none 4" },
      { name: "receipts", called: "name none 4" },
    ]);
    expect(await openingOf(url)).toBe("opened");
    expect(await query(url, calls)).toEqual(made);
  });

  test("goes on where another one was cut off", async () => {
    const url = await newCatalogue();
    await openingOf(url);
    const left = "'tokens', 'events', 'receipts'";
    const undo = `delete from pg_dist_partition where logicalrelid::text in (${left})`;
    await query(url, undo);
    // The catalogue may list it already because of a reference.
    await query(
      url,
      "insert into pg_dist_partition (logicalrelid, partmethod, repmodel) values ('tokens', 'n', 's')",
    );
    expect(await openingOf(url)).toBe("opened");
    const [row] = await query(
      url,
      `select count(*)::int as tables from pg_dist_partition
       where logicalrelid::text in (${left}) and called is not null`,
    );
    expect(row?.tables).toBe(3);
  });

  test("is not needed where Citus knows no nodes", async () => {
    const url = await newCatalogue();
    await query(url, "delete from pg_dist_node");
    expect(await openingOf(url)).toBe("opened");
    expect(await query(url, "select from pg_dist_partition")).toEqual([]);
  });
});

test("what refused a table is told of, also if the connection ends at the rollback", async () => {
  let isOpen = true;
  const connection: Partial<Connection> = {
    isOpen: () => isOpen,
    destroy() {
      isOpen = false;
    },
    async query({ text }) {
      if (text.includes("create_reference_table")) throw new Error("no such node");
      if (text === "rollback") throw new Error("Connection terminated unexpectedly");
      return text.includes("pg_dist_partition") ? [{ name: "imports" }] : [];
    },
  };
  const opening = distribute(connection as Connection, { isCoordinator: true, nodes: 2 });
  await expect(opening).rejects.toThrow("no such node");
  expect(isOpen).toBe(false);
});

test("a worker opens a database only when it is distributed", async () => {
  const url = await newCatalogue();
  await openingOf(url);
  await query(url, "update pg_dist_local_group set groupid = 2");
  expect(await openingOf(url)).toBe("opened");
  await query(url, "delete from pg_dist_partition where logicalrelid::text = 'claims'");
  expect(await openingOf(url)).toMatch(/only the coordinator of Citus/);
});
