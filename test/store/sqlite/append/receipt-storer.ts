/**
 * A program to be killed: stores changes with receipts in the database PATH without end, 64 at once, and prints the name
 * of each receipt that is stored. It begins with the number FIRST.
 */

import { openSqlite } from "../../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../../src/store/sqlite/event-store.ts";

const [path = ":memory:", first = "0"] = process.argv.slice(2);
const store = createSqliteEventStore({
  database: openSqlite(path),
  now: () => Date.now() * 1_000,
});

let next = Number(first);
await Promise.all(
  Array.from({ length: 64 }, async () => {
    for (;;) {
      const name = `n${next}`;
      next += 1;
      await store.change(`stream of ${name}`, "org", () => ({
        events: [{ type: "written", data: {}, creator: "me" }],
        state: "",
        receipt: { owner: "me", name, contentOf: () => name },
      }));
      process.stdout.write(`${name}\n`);
    }
  }),
);
