/**
 * A program to be killed: changes streams of the database PATH from 32 clients at once, COUNT
 * changes in all, and prints a line "STREAM VERSION TAG" for each event of a change that was acknowledged. Every
 * third change has two events. Each sets the attribute "tag" of its stream. Every tenth changes five streams at once.
 */

import { randomUUID } from "node:crypto";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../src/store/sqlite/event-store.ts";

const [path = ":memory:", count = "0"] = process.argv.slice(2);
const streams = ["hot", "hot", "hot", ...Array.from({ length: 20 }, (_, index) => `s${index}`)];
const store = createSqliteEventStore({
  database: openSqlite(path),
  now: () => Date.now() * 1000,
});

let left = Number(count);
/** Members of a joint change. */
const size = 5;
const missing = new Error("a member is missing");

async function changeTogether(first: number): Promise<void> {
  const members = Array.from({ length: size }, (_, place) => ({
    stream: `s${(first + 3 * place) % 20}`,
    organization: "org",
  }));
  const tag = randomUUID();
  const decision = {
    events: [{ type: "changed", data: { tag, count: 1, members: size }, creator: "me" }],
    state: tag,
    attributes: [{ key: "tag", value: Buffer.from(tag) }],
  };
  try {
    const heads = await store.changeAll(members, (before) => {
      if (before.includes(undefined)) throw missing;
      return { decisions: members.map(() => decision) };
    });
    const lines = members.map(({ stream }, place) => `${stream} ${heads[place]?.version} ${tag}\n`);
    process.stdout.write(lines.join(""));
  } catch (error) {
    if (error !== missing) throw error;
  }
}

async function client(): Promise<void> {
  for (; left > 0; left -= 1) {
    if (left % 10 === 0) {
      await changeTogether(left / 10);
      continue;
    }
    const stream = streams[left % streams.length] ?? "hot";
    const tag = randomUUID();
    const count = left % 3 === 0 ? 2 : 1;
    const { version } = await store.change(stream, "org", () => ({
      events: Array(count).fill({ type: "changed", data: { tag, count }, creator: "me" }),
      state: tag,
      attributes: [{ key: "tag", value: Buffer.from(tag) }],
    }));
    const versions = [version - 1, version].slice(-count);
    process.stdout.write(versions.map((each) => `${stream} ${each} ${tag}\n`).join(""));
  }
}

await Promise.all(Array.from({ length: 32 }, client));
await store.close();
