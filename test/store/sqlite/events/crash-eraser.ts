/**
 * A program to be killed: fills the database PATH with COUNT streams of many events, prints "filled", and then erases
 * them, all at once. It prints a line with the name of each one that was erased.
 */

import { openSqlite } from "../../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../../src/store/sqlite/event-store.ts";

const [path = ":memory:", count = "0"] = process.argv.slice(2);
const streams = Array.from({ length: Number(count) }, (_, index) => `s${index}`);
const store = createSqliteEventStore({
  database: openSqlite(path),
  now: () => Date.now() * 1_000,
});

const event = { type: "written", data: { text: "secret" }, creator: "me" };
await Promise.all(
  streams.map((stream) =>
    store.change(stream, "org", () => ({
      events: Array(100).fill(event),
      state: "secret",
      attributes: [{ key: "text", value: Buffer.from("secret") }],
      receipt: { owner: "me", name: stream, contentOf: () => Buffer.from("secret") },
    })),
  ),
);
process.stdout.write("filled\n");
for (const stream of streams) {
  await store.change(stream, "org", () => ({
    events: [{ ...event, type: "erased", data: {} }],
    state: "",
    attributes: "remove-all",
    erases: true,
  }));
  process.stdout.write(`${stream}\n`);
}
await store.close();
