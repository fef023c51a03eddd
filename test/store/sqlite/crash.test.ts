import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import type { StoredEvent } from "../../../src/store/events.ts";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../src/store/sqlite/event-store.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-crash-"));
afterAll(() => rmSync(folder, { recursive: true }));

const program = fileURLToPath(new URL("crash-writer.ts", import.meta.url));
const streams = ["hot", ...Array.from({ length: 20 }, (_, index) => `s${index}`)];

/** Run the writer, kill it when so many changes are acknowledged, and return what it printed. */
async function acknowledged(file: string, changes: number, killAfter: number): Promise<string[]> {
  const child: ChildProcess = spawn(process.execPath, [program, file, `${changes}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const lines: string[] = [];
  if (child.stdout === null) throw new Error("no output");
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === killAfter) child.kill("SIGKILL");
  }
  await exited;
  return lines.filter((line) => line.split(" ")[2]?.length === 36);
}

/** Every event as "STREAM VERSION TAG", after a look at versions and heads. */
async function stored(file: string): Promise<string[]> {
  const store = createSqliteEventStore({ database: openSqlite(file), now: () => 0 });
  const found: string[] = [];
  const joint = new Map<string, number>();
  for (const stream of streams) {
    const range = { after: 0, limit: 1_000_000, ascending: true };
    const events = await store.history(stream, "org", range);
    expect(events.map(({ version }) => version)).toEqual(events.map((_, index) => index + 1));
    expectWholeChanges(events);
    for (const { data } of events) {
      const { tag, members } = data as { tag: string; members?: number };
      if (members !== undefined) joint.set(tag, (joint.get(tag) ?? 0) + 1);
    }
    const tags = events.map(({ data }) => (data as { tag: string }).tag);
    const head = await store.load(stream, "org");
    const [attribute] = await store.readAttributes(stream, "org", ["tag"]);
    expect(attribute && Buffer.from(attribute.value).toString()).toBe(head?.state);
    expect([head?.version ?? 0, head?.state]).toEqual([events.length, tags.at(-1)]);
    tags.forEach((tag, index) => {
      found.push(`${stream} ${index + 1} ${tag}`);
    });
  }
  // Of a joint change every member is stored, or none.
  expect(joint.size).toBeGreaterThan(0);
  expect(new Set(joint.values())).toEqual(new Set([5]));
  await store.close();
  return found;
}

/** Of a change with two events either both are stored, or none. */
function expectWholeChanges(events: readonly StoredEvent[]): void {
  const of = ({ data }: StoredEvent) => data as { tag: string; count: number };
  const counts = new Map<string, number>();
  for (const { tag } of events.map(of)) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  for (const { tag, count } of events.map(of)) expect([tag, counts.get(tag)]).toEqual([tag, count]);
}

describe("a SQLite event store", () => {
  test("has all acknowledged changes, and no gap, after it was killed several times", async () => {
    const file = join(folder, "killed.db");
    const lines: string[] = [];
    for (const _ of Array(6)) {
      const killAfter = 500 + Math.floor(Math.random() * 3000);
      lines.push(...(await acknowledged(file, 1_000_000, killAfter)));
      const found = new Set(await stored(file));
      expect(lines.filter((line) => !found.has(line))).toEqual([]);
    }
    expect(lines.length).toBeGreaterThanOrEqual(6);
  });

  test("loses no update when two processes write the same streams at once", async () => {
    const file = join(folder, "shared.db");
    const lines = await Promise.all([
      acknowledged(file, 1500, Number.POSITIVE_INFINITY),
      acknowledged(file, 1500, Number.POSITIVE_INFINITY),
    ]);
    const found = await stored(file);
    expect(lines.flat().sort()).toEqual(found.sort());
    expect(found.length).toBeGreaterThanOrEqual(3000);
  });
});
