import { expect, test } from "vitest";
import { closeCallers } from "../../support/api/callers.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { linearizable, startNodes } from "./linearizable.ts";

test.for([
  { name: "on SQLite", database: () => undefined, count: 1 },
  { name: "to two servers on one PostgreSQL", database: newPostgresDatabase, count: 2 },
])(
  "concurrent calls $name, with versions and keys and repeats of lost ones, are answered as if they had come one after another",
  async (row) => {
    const nodes = await startNodes(await row.database(), row.count);
    try {
      const tally = await linearizable(nodes, 50, 1);
      // Every kind of answer that the model knows has come.
      expect(Math.min(...Object.values(tally)), JSON.stringify(tally)).toBeGreaterThan(10);
    } finally {
      closeCallers();
      await nodes.close();
    }
  },
);
