import { expect, onTestFinished, test } from "vitest";
import { startGiraffe } from "../../support/child.ts";
import { freePort } from "../../support/free-port.ts";
import { query } from "../../support/postgres.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { callRest, createPlace, profileUrl } from "../serving.ts";
import { workersOf } from "./workers-of.ts";

test("a start on SQLite that fails when the database is open ends, and leaves it to others", async () => {
  const place = createPlace();
  // What is registered as OpenTelemetry cannot be used.
  const broken = `globalThis[Symbol.for("opentelemetry.js.api.1")] = {
    get version() { throw new Error("tracing is broken"); },
  }`;
  const program = startGiraffe(
    ["serve", "--demo", "--listen", "127.0.0.1:0", "--database", place.database],
    { preload: `data:text/javascript,${encodeURIComponent(broken)}` },
  );
  onTestFinished(() => program.kill("SIGKILL"));
  const ended = await program.ended;
  expect(ended).toEqual({ code: 1, stdout: "", stderr: "giraffe: tracing is broken\n" });
  const server = await place.serve();
  expect((await callRest("GET", profileUrl(server), place.token())).status).toBe(200);
});

test("a start on PostgreSQL that fails when the database is open ends", async () => {
  const place = createPlace(await newPostgresDatabase());
  const first = await place.serve("--workers", "1");
  first.kill("SIGTERM");
  await first.ended;
  await query(place.database, "alter table lost_claims rename to hidden");
  const program = startGiraffe([
    "serve",
    "--workers",
    "1",
    "--listen",
    "127.0.0.1:0",
    "--database",
    place.database,
  ]);
  onTestFinished(() => program.kill("SIGKILL"));
  const { code, stderr } = await program.ended;
  expect(stderr).toMatch(/^giraffe: .*lost_claims.*\n$/);
  expect(code).toBe(1);
});

test("a worker that cannot start ends, and others are started until one can", async () => {
  const place = createPlace(await newPostgresDatabase());
  const listen = `127.0.0.1:${await freePort()}`;
  const server = await place.serve("--demo", "--workers", "2", "--listen", listen);
  await query(place.database, "alter table lost_claims rename to hidden");
  for (const pid of workersOf(server.pid)) process.kill(pid, "SIGKILL");
  // More than there are workers: those that replace a dead one are replaced, too.
  await server.until("stderr", /(?:"code":1,.*a worker died[\s\S]*){3}/);
  await query(place.database, "alter table hidden rename to lost_claims");
  const read = () => callRest("GET", profileUrl(server), place.token());
  await expect.poll(() => read().catch(() => undefined)).toMatchObject({ status: 200 });
  server.kill("SIGTERM");
  expect((await server.ended).code).toBe(0);
});
