import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { migrations } from "../../../../src/store/sql/migrations.ts";
import { openSqlite } from "../../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../../src/store/sqlite/event-store.ts";
import { startProgram } from "../../../support/child.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-killed-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The last version whose events had no order. */
const older = 10;
const streams = 4_000;
const perStream = 5;

/** A database of that version with many streams; every event names its stream and version. */
function makeOlder(file: string): void {
  copyFileSync(fileURLToPath(new URL("../../fixtures/sqlite-10.db", import.meta.url)), file);
  const db = new DatabaseSync(file);
  db.exec(`
    with recursive n (n) as (select 0 union all select n + 1 from n where n < ${streams * perStream - 1})
    insert into events (stream, version, change, type, data, creator, at)
    select 's' || (n % ${streams}), 1 + n / ${streams}, 'c', 't', json_object('n', n), 'me', n from n;
    insert into heads (stream, organization, version, change, created_at, changed_at, state)
    select stream, 'org', max(version), 'c', 0, 0, '{}' from events where creator = 'me' group by stream;`);
  db.close();
}

test("C9: a migration that is killed leaves the database as it was, and the next start finishes it", async () => {
  const file = join(folder, "giraffe.db");
  makeOlder(file);
  const door = new URL("../../../../src/store/sqlite/database.ts", import.meta.url).href;
  const program = `const { openSqlite } = await import(${JSON.stringify(door)});
    console.log("begins"); openSqlite(process.argv[1]).acquire(); console.log("done"); setInterval(() => {}, 1000);`;
  for (const afterMs of [5, 20, 50, 100, 200]) {
    const child = startProgram(process.execPath, ["--input-type=module", "-e", program, file]);
    await child.until("stdout", /begins/);
    await pause(afterMs);
    child.kill("SIGKILL");
    const { stdout } = await child.ended;
    const db = new DatabaseSync(file);
    const version = Number(db.prepare("pragma user_version").get()?.user_version);
    const isDone = version === migrations.length;
    expect(isDone || version === older).toBe(true);
    if (stdout.includes("done")) expect(isDone).toBe(true);
    expect(db.prepare("select count(*) as events from events where creator = 'me'").get()).toEqual({
      events: streams * perStream,
    });
    expect(db.prepare("pragma integrity_check").get()).toEqual({ integrity_check: "ok" });
    db.close();
  }
  const store = createSqliteEventStore({ database: openSqlite(file), now: () => 1 });
  for (let stream = 0; stream < streams; stream += 97) {
    const range = { after: 0, limit: 10, ascending: true };
    const events = await store.history(`s${stream}`, "org", range);
    expect(events.map(({ version, data }) => [version, data])).toEqual(
      Array.from({ length: perStream }, (_, place) => [place + 1, { n: stream + place * streams }]),
    );
  }
  await store.close();
});
