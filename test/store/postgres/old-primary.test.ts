import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { EventStore } from "../../../src/store/event-store.ts";
import { createServerMemory } from "../../../src/store/postgres/connection/server-memory.ts";
import { type PostgresServer, query, startPostgres, startStandby } from "../../support/postgres.ts";
import { count, expectWhole, openPostgresStore } from "../counting.ts";

async function start(starting: Promise<PostgresServer>): Promise<PostgresServer> {
  const server = await starting;
  onTestFinished(() => server.close());
  return server;
}

/** Of one database on two servers. */
function urlOf(first: PostgresServer, second: PostgresServer): string {
  return first.url("giraffe").replace(/:(\d+)\//, `:$1,127.0.0.1:${second.port}/`);
}

const changeOf = (store: EventStore) => () =>
  store.change("s", "org", count).then(({ version }) => version, String);

/** Makes a standby the primary, on a timeline of its own. */
async function promote(standby: PostgresServer): Promise<void> {
  expect(await query(standby.url("postgres"), "select pg_promote()")).toEqual([
    { pg_promote: true },
  ]);
}

/** Resolves once a standby has so many events. It may have to connect first. */
async function replicated(standby: PostgresServer, events: number): Promise<void> {
  const seen = () =>
    query(standby.url("giraffe"), "select from events").then(({ length }) => length, String);
  await expect.poll(seen).toBe(events);
}

describe("an old primary that returns after a failover", () => {
  test("C4, F11: is refused, with the reason, by a process that knows the new primary", async () => {
    const old = await start(startPostgres());
    await query(old.url("postgres"), "create database giraffe");
    const next = await start(startStandby(old, "next"));
    const store = await openPostgresStore(urlOf(old, next));
    expect(await changeOf(store)()).toBe(1);
    await replicated(next, 1);

    await old.stop();
    await promote(next);
    await expect.poll(changeOf(store)).toBe(2);
    await next.stop();
    await old.start();
    const refusal = /old primary \(timeline 1, was 2\)/;
    await expect.poll(changeOf(store)).toMatch(refusal);
    await expect(store.load("s", "org")).rejects.toThrow(refusal);
    await expect(store.ping()).rejects.toThrow(refusal);

    await next.start();
    await expect.poll(changeOf(store)).toBe(3);
    await expectWhole(store, "s", 3);
    const started = await openPostgresStore(urlOf(old, next));
    expect(await started.load("s", "org")).toMatchObject({ version: 3 });
    expect(await query(old.url("giraffe"), "select from events")).toHaveLength(1);
  });

  test("C4: loses the connections that were open all the time", async () => {
    const old = await start(startPostgres());
    await query(old.url("postgres"), "create database giraffe");
    const next = await start(startStandby(old, "next"));
    const store = await openPostgresStore(urlOf(old, next));
    // Streams keep to one of two connections that write; these two to different ones.
    for (const stream of ["a", "b"]) await store.change(stream, "org", count);
    await replicated(next, 2);
    await promote(next);
    // The old one lives on, but takes nobody new, and its connections that read break.
    const admin = old.url("giraffe").replace("giraffe@", "admin@");
    await query(old.url("giraffe"), "create role admin superuser login");
    const lines = ["host all admin 127.0.0.1/32 trust", "host all giraffe 127.0.0.1/32 reject"];
    writeFileSync(join(old.data, "pg_hba.conf"), `${lines.join("\n")}\n`);
    await query(admin, "select pg_reload_conf()");
    const connecting = () => query(old.url("giraffe"), "select").then(() => "taken", String);
    await expect.poll(connecting).toMatch(/rejects/);
    const writers = "query like '%insert into heads%'";
    const ofStore = "application_name = 'giraffe' and datname = 'giraffe'";
    const ended = await query(
      admin,
      `select pg_terminate_backend(pid) from pg_stat_activity where ${ofStore} and not ${writers}`,
    );
    expect(ended.length).toBeGreaterThan(0);
    await expect.poll(() => store.ping().then(() => "up", String)).toBe("up");
    for (const stream of ["a", "b"]) {
      expect(await store.change(stream, "org", count)).toMatchObject({ version: 2 });
    }
    expect(await query(next.url("giraffe"), "select from events")).toHaveLength(4);
    expect(await query(admin, "select from events")).toHaveLength(2);
  });
});

test("C4: another database cluster is refused, with the reason", async () => {
  const ours = await start(startPostgres());
  const theirs = await start(startPostgres());
  for (const server of [ours, theirs])
    await query(server.url("postgres"), "create database giraffe");
  const store = await openPostgresStore(urlOf(ours, theirs));
  expect(await changeOf(store)()).toBe(1);
  await ours.stop();
  await expect
    .poll(changeOf(store))
    .toMatch(/another database cluster \(system identifier \d+, was \d+\)/);
  await ours.start();
  await expect.poll(changeOf(store)).toBe(2);
  await expectWhole(store, "s", 2);
});

describe("createServerMemory", () => {
  const identity = (timeline: number, system = "7") => ({ system, timeline, group: 0 });

  test("C4: retires older connections, once", () => {
    const memory = createServerMemory();
    const retired: string[] = [];
    const admit = (timeline: number, name: string) =>
      memory.admit(identity(timeline), () => void retired.push(name));
    admit(1, "a");
    admit(1, "b")();
    admit(1, "c");
    expect(retired).toEqual([]);
    admit(3, "d");
    expect(retired).toEqual(["a", "c"]);
    admit(3, "e");
    expect(() => admit(2, "f")).toThrow(/old primary \(timeline 2, was 3\)/);
    expect(() => memory.admit(identity(4, "8"), () => {})).toThrow(/another database cluster/);
    admit(4, "g");
    expect(retired).toEqual(["a", "c", "d", "e"]);
  });

  test("C4: knows the nodes of a cluster apart", () => {
    const memory = createServerMemory();
    const admit = (timeline: number, system: string, group: number) =>
      memory.admit({ timeline, system, group }, () => {});
    admit(2, "coordinator", 0);
    admit(1, "worker", 1);
    expect(() => admit(1, "coordinator", 0)).toThrow(/old primary \(timeline 1, was 2\)/);
    expect(() => admit(2, "coordinator", 1)).toThrow(/another database cluster/);
    admit(2, "worker", 1);
  });
});
