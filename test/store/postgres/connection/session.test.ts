import { Client } from "pg";
import { expect, onTestFinished, test, vi } from "vitest";
import { connectToPrimary } from "../../../../src/store/postgres/connection/connector.ts";
import { newPostgresDatabase } from "../../../support/postgres-database.ts";

/** Timers alone stand still, so that no test waits for them. */
function stopTimers(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
}

test("a connection whose server hangs is closed after some seconds", async () => {
  const connection = await connectToPrimary(await newPostgresDatabase());
  const [row] = await connection.query({ text: "select pg_backend_pid() as pid" });
  const pid = Number(row?.pid);
  process.kill(pid, "SIGSTOP");
  onTestFinished(() => void process.kill(pid, "SIGCONT"));
  stopTimers();
  const closed = connection.close();
  await vi.advanceTimersByTimeAsync(3_000);
  await closed;
});

test("a connection is closed after the answers to all statements that were sent, however long they take", async () => {
  const url = await newPostgresDatabase();
  const holder = new Client({ connectionString: url });
  await holder.connect();
  onTestFinished(() => holder.end());
  await holder.query("select pg_advisory_lock(1)");
  const connection = await connectToPrimary(url, { pipeline: true });
  stopTimers();
  const answer = connection.query({ text: "select 1 as one from pg_advisory_xact_lock(1)" });
  const closed = connection.close();
  await vi.advanceTimersByTimeAsync(10_000);
  await holder.query("select pg_advisory_unlock(1)");
  expect(await answer).toEqual([{ one: 1 }]);
  await closed;
});
