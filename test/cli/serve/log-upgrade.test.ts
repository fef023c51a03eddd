import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { migrations } from "../../../src/store/sql/migrations.ts";
import { root, runProgram, startGiraffe } from "../../support/child.ts";
import { query } from "../../support/postgres.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { createPlace } from "../serving.ts";

const said = "bringing the database up to date: the step to this schema is under way";

describe("C9: a start that migrates many users", () => {
  test("says so every five seconds, also while its thread is busy", async () => {
    const program = `
      import { writeSync } from "node:fs";
      import { logUpgrade } from "./src/cli/serve/log-upgrade.ts";
      const { progress, end } = logUpgrade("info", false);
      const work = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      progress(11, 0);
      work(9_000);
      writeSync(2, '{"msg":"next"}\\n');
      progress(12, 2_000);
      work(9_000);
      await end();
      writeSync(2, '{"msg":"end"}\\n');
      setTimeout(() => {}, 6_000);`;
    const argv = ["--input-type=module", "--eval", program];
    const { stderr } = await runProgram(process.execPath, argv, { cwd: root });
    const lines = stderr
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const places = lines.map(({ msg }) => msg);
    const [next, end] = [places.indexOf("next"), places.indexOf("end")];
    const first = lines.slice(0, next);
    const second = lines.slice(next + 1, end);
    expect([first.length, second.length]).toEqual([expect.any(Number), expect.any(Number)]);
    for (const part of [first, second]) expect(part.length).toBeGreaterThan(0);
    for (const line of first) expect(line).toMatchObject({ schema: 11, msg: said });
    for (const line of first) expect(line).not.toHaveProperty("users");
    for (const line of second) expect(line).toMatchObject({ schema: 12, users: 2_000, msg: said });
    expect(places.slice(end)).toEqual(["end"]);
  });

  test("says so while PostgreSQL works, and no more when it listens", async () => {
    const url = await newPostgresDatabase();
    await query(url, readFileSync(join(root, "test/store/fixtures/postgres-11.sql"), "utf8"));
    const reader = new Client({ connectionString: url });
    await reader.connect();
    onTestFinished(() => reader.end());
    await reader.query("begin; lock table heads in access share mode");
    const { folder } = createPlace();
    const server = startGiraffe([
      ...["serve", "--listen", "127.0.0.1:0", "--workers", "1", "--database", url],
      ...["--admin-token-file", join(folder, "admin.token")],
    ]);
    onTestFinished(() => server.kill("SIGKILL"));
    const [line] = await server.until("stderr", new RegExp(`^.*${said}.*$`, "m"));
    expect(JSON.parse(line)).toMatchObject({ level: 30, schema: 12 });
    await reader.query("rollback");
    await server.until("stderr", /"msg":"listening"/);
    server.kill("SIGTERM");
    const { code, stderr } = await server.ended;
    expect(code).toBe(0);
    expect(stderr.split('"msg":"listening"')[1]).not.toContain(said);
    expect(stderr).toContain(`"schema":${migrations.length},"listeners"`);
  });
});
