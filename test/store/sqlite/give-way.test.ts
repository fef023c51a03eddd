import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { createGiveWay, restMs } from "../../../src/store/sqlite/thread/give-way.ts";

/** Two connections to one database, of which the first gives way. */
function open() {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-give-way-"));
  const [own, other] = [0, 1].map(() => new DatabaseSync(join(folder, "giraffe.db"))) as [
    DatabaseSync,
    DatabaseSync,
  ];
  onTestFinished(() => {
    own.close();
    other.close();
    rmSync(folder, { recursive: true });
  });
  own.exec("pragma journal_mode = wal; create table said (text)");
  const rests: number[] = [];
  const giveWay = createGiveWay(own, async (ms) => {
    rests.push(ms);
  });
  const say = (db: DatabaseSync) => db.exec("insert into said values ('Hello')");
  const logPages = () => own.prepare("pragma wal_autocheckpoint").get()?.wal_autocheckpoint;
  return { own, other, giveWay, rests, say, logPages };
}

test("C11: without other writers it does not pause, and lets the log grow", async () => {
  const { own, giveWay, rests, say, logPages } = open();
  say(own);
  await giveWay.pause();
  expect(giveWay.isAlone()).toBe(true);
  expect(rests).toEqual([]);
  expect(logPages()).toBe(32_768);
});

test("C11: beside other writers it pauses before each batch, and keeps the log short", async () => {
  const { own, other, giveWay, rests, say, logPages } = open();
  say(other);
  await giveWay.pause();
  say(own);
  await giveWay.pause();
  expect(giveWay.isAlone()).toBe(false);
  expect(rests).toEqual([restMs, restMs]);
  expect(logPages()).toBe(1_000);
});
