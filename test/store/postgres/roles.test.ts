import { expect, onTestFinished, test } from "vitest";
import { openPostgres } from "../../../src/store/postgres/database.ts";
import { createPostgresDirectory } from "../../../src/store/postgres/directory.ts";
import { query, startPostgres } from "../../support/postgres.ts";
import { count, expectWhole, openPostgresStore } from "../counting.ts";

test("C12: one role creates the tables in a schema, and another role that may only change rows serves", async () => {
  const server = await startPostgres();
  onTestFinished(() => server.close());
  const admin = server.url("giraffe");
  await query(server.url("postgres"), "create database giraffe");
  for (const text of [
    "revoke all on schema public from public",
    "create role owner login",
    "create role worker login",
    "create schema people authorization owner",
    "alter role worker set search_path = people",
    // What tells servers apart, on which nothing else depends.
    "revoke execute on function pg_control_system() from public",
  ]) {
    await query(admin, text);
  }
  const as = (role: string) => admin.replace("giraffe@", `${role}@`);
  const database = await openPostgres(`${as("owner")}?options=-csearch_path%3Dpeople`);
  const owning = createPostgresDirectory(database);
  await owning.close();
  for (const text of [
    "grant usage on schema people to worker",
    "grant select, insert, update, delete on all tables in schema people to worker",
    "grant usage on all sequences in schema people to worker",
  ]) {
    await query(admin, text);
  }

  const store = await openPostgresStore(as("worker"));
  await store.change("s", "org", count);
  await expectWhole(store, "s", 1);
  const directory = createPostgresDirectory(await openPostgres(as("worker")));
  const organization = { id: "1", name: "Zoo", createdAt: 1 };
  await directory.add({ organizations: [organization] });
  expect(await directory.organizations()).toEqual([organization]);
  await directory.close();
  const tables = "select distinct schemaname from pg_tables where tablename in ('heads', 'events')";
  expect(await query(admin, tables)).toEqual([{ schemaname: "people" }]);
});
