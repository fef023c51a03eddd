import { setTimeout as pause } from "node:timers/promises";
import { afterAll, inject } from "vitest";
import { createDatabase, query } from "./postgres.ts";
import { type PreparedServer, readPreparation } from "./postgres-preparation.ts";

/** Databases of this test file on a prepared server, and what is done to each at the end. */
const made: { readonly name: string; readonly finish: PreparedServer["finish"] }[] = [];

// On a server that the run has started, databases stay until that ends.
afterAll(async () => {
  for (const { name, finish } of made.splice(0)) await finishAll(finish, name);
});

/** An empty database on the server that all test files share. */
export async function newPostgresDatabase(): Promise<string> {
  const answer = await fetch(inject("postgresDoor"));
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  const url = await createDatabase(text);
  const prepared = readPreparation();
  if (prepared !== undefined) {
    const name = new URL(url).pathname.slice(1);
    await runAll(prepared.create, name);
    made.push({ name, finish: prepared.finish });
  }
  return url;
}

/** Servers of several nodes may still be at work in a database for a moment. */
const attempts = 10;

async function finishAll(steps: PreparedServer["finish"], name: string): Promise<void> {
  for (let left = attempts; left > 0; left -= 1) {
    try {
      return await runAll(steps, name);
    } catch (error) {
      if (left === 1) throw error;
      await pause(200);
    }
  }
}

async function runAll(steps: PreparedServer["create"], name: string): Promise<void> {
  for (const { url, sql } of steps) await query(withName(url, name), withName(sql, name));
}

const withName = (text: string, name: string) => text.replaceAll("{database}", name);
