import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { openPostgres } from "../../../src/store/postgres/database.ts";
import { createPostgresTransfer } from "../../../src/store/postgres/transfer.ts";
import type { Progress } from "../../../src/store/transfer.ts";
import { query } from "../../support/postgres.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";

const decisions = [{ events: [{ type: "said", data: {}, creator: "me" }], state: "a" }];

/** Notes each statement that removes rows of the numbers. */
const noteRemovals = `
  create table removals (at timestamptz default clock_timestamp());
  create function note_removal() returns trigger language plpgsql
    as $$ begin insert into removals default values; return null; end $$;
  create trigger note_removals after delete on head_counts
    for each statement execute function note_removal()`;

test("the rows that count the streams of a transfer are few, and replaced when it is complete", async () => {
  const url = await newPostgresDatabase();
  const database = await openPostgres(url, () => ({ state: "active" }));
  await query(url, noteRemovals);
  const transfer = createPostgresTransfer({ database, now: () => Date.now() * 1_000 });
  let known: Progress | undefined;
  for (let lines = 1_300; lines <= 3_900; lines += 1_300) {
    const progress = { source: "s", lines, digest: "d" };
    transfer.prepare(
      Array.from({ length: 1_300 }, () => ({
        ...{ stream: randomUUID(), organization: "org", decisions },
      })),
    );
    await transfer.write({
      ...{ kind: "next", tried: [], rejected: [], isAnew: false },
      ...{ progress, known },
    });
    known = progress;
  }
  await transfer.complete();
  const totals = await query(url, "select total::int from head_counts");
  expect(totals).toEqual([{ total: 3_900 }]);
  expect(await query(url, "select from removals")).toHaveLength(1);
  await transfer.close();
});
