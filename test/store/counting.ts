import { expect, onTestFinished } from "vitest";
import type { Decide, EventStore } from "../../src/store/event-store.ts";
import type { RetryReason } from "../../src/store/observer.ts";
import { openPostgres } from "../../src/store/postgres/database.ts";
import { createPostgresEventStore } from "../../src/store/postgres/event-store.ts";

/** The state of a stream is the number of its events. */
export const count: Decide<number> = (head) => ({
  events: [{ type: "counted", data: {}, creator: "me" }],
  state: (head?.state ?? 0) + 1,
});

/** Two events in one change. */
export const countTwice: Decide<number> = (head) => ({
  events: Array(2).fill({ type: "counted", data: {}, creator: "me" }),
  state: (head?.state ?? 0) + 2,
});

/**
 * A store on PostgreSQL that is closed when the test has finished.
 *
 * @param retries Gets the reason of everything that was done again.
 */
export async function openPostgresStore(
  url: string,
  retries: RetryReason[] = [],
): Promise<EventStore> {
  const database = await openPostgres(url);
  const observer = {
    waiting() {},
    committed() {},
    retried: (reason: RetryReason) => void retries.push(reason),
    failed() {},
  };
  const store = createPostgresEventStore({ database, now: () => Date.now() * 1_000, observer });
  onTestFinished(() => store.close());
  return store;
}

/** @param settings Of the connection, as node-postgres calls them; in place of those the store makes. */
export function urlWith(url: string, settings: Readonly<Record<string, string>>): string {
  const changed = new URL(url);
  for (const [name, value] of Object.entries(settings)) changed.searchParams.set(name, value);
  return changed.href;
}

/** Versions and states of all events: nothing lost, nothing twice, each decided on the one before. */
export async function expectWhole(
  store: EventStore,
  stream: string,
  changes: number,
): Promise<void> {
  const range = { after: 0, limit: 100_000, ascending: true };
  const events = await store.history(stream, "org", range);
  expect(events.map(({ version }) => version)).toEqual(
    Array.from({ length: changes }, (_, index) => index + 1),
  );
  expect(await store.load(stream, "org")).toMatchObject({ version: changes, state: changes });
}
