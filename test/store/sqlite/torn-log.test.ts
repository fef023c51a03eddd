import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../src/store/sqlite/event-store.ts";
import { createRandom, type Random } from "../../faults/random.ts";
import { count } from "../counting.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-torn-log-"));
afterAll(() => rmSync(folder, { recursive: true }));

const openStore = (file: string) =>
  createSqliteEventStore({ database: openSqlite(file), now: () => 1 });
/** A database whose schema is in the file, and all its changes in the log. */
let file: Buffer;
let log: Buffer;
/** In order, each with the length that the log had when it was acknowledged. */
const acknowledged: { readonly stream: string; readonly version: number; readonly end: number }[] =
  [];

beforeAll(async () => {
  const path = join(folder, "giraffe.db");
  await openStore(path).close();
  // While nobody has it open: to close it again would end SQLite's locks on it.
  file = readFileSync(path);
  const store = openStore(path);
  // As long as it reads, nothing is copied from the log into the file.
  const reader = new DatabaseSync(path, { readOnly: true });
  reader.exec("begin; select * from heads;");
  for (let number = 0; number < 250; number += 1) {
    const stream = `s${number % 17}`;
    const { version } = await store.change(stream, "org", count);
    acknowledged.push({ stream, version, end: statSync(`${path}-wal`).size });
  }
  log = readFileSync(`${path}-wal`);
  reader.close();
  await store.close();
});

const sector = 512;

/** Ways in which a log is less than what was written. */
const damages: readonly { name: string; damage: (log: Buffer, random: Random) => Buffer }[] = [
  { name: "is cut off", damage: (log, random) => log.subarray(0, random.int(log.length)) },
  {
    name: "has one wrong bit",
    damage(log, random) {
      const place = random.int(log.length);
      const damaged = Buffer.from(log);
      damaged.writeUInt8(damaged.readUInt8(place) ^ (1 << random.int(8)), place);
      return damaged;
    },
  },
  {
    name: "has lost a sector",
    damage(log, random) {
      const start = sector * random.int(Math.floor(log.length / sector));
      return Buffer.from(log).fill(0, start, start + sector);
    },
  },
];

const title = "F3: all before the damage is there, and nothing after it, when the log $name";
test.for(damages)(title, ({ name, damage }) => {
  for (let variant = 0; variant < 20; variant += 1) {
    const seed = `${name} ${variant}`;
    const damaged = damage(log, createRandom(seed));
    const damagedAt = firstDifference(log, damaged);
    const whole = acknowledged.filter(({ end }) => end <= damagedAt);
    const versions = new Map(whole.map(({ stream, version }) => [stream, version]));
    expect(contentOf(file, damaged), seed).toEqual({
      integrity: "ok",
      events: whole.map(({ stream, version }) => ({ stream, version })),
      heads: [...versions]
        .map(([stream, version]) => ({ stream, version, state: `${version}` }))
        .sort((a, b) => (a.stream < b.stream ? -1 : 1)),
    });
  }
});

/** The log's length if there is none: a sector may have been zero before. */
function firstDifference(log: Buffer, damaged: Buffer): number {
  for (let start = 0; start < log.length; start += sector) {
    const was = log.subarray(start, start + sector);
    const is = damaged.subarray(start, start + sector);
    if (!was.equals(is)) return start + was.findIndex((byte, index) => byte !== is[index]);
  }
  return log.length;
}

let copies = 0;

/** What a server finds that starts on this file and log; events in the order of their commits. */
function contentOf(file: Buffer, log: Buffer) {
  copies += 1;
  const copy = join(folder, `copy-${copies}`);
  mkdirSync(copy);
  const path = join(copy, "giraffe.db");
  writeFileSync(path, file);
  writeFileSync(`${path}-wal`, log);
  const database = openSqlite(path);
  const db = database.acquire();
  const events = db.prepare("select stream, version from events order by rowid").all();
  const heads = db.prepare("select stream, version, state from heads order by stream").all();
  const integrity = db.prepare("pragma integrity_check").get()?.integrity_check;
  database.release();
  rmSync(copy, { recursive: true });
  return { events, heads, integrity };
}
