import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import type { AppendRow } from "../../../../src/store/change/append-row.ts";
import { createCommit } from "../../../../src/store/postgres/append/commit.ts";
import type { Link } from "../../../../src/store/postgres/connection/link.ts";
import type { PipelineError } from "../../../../src/store/postgres/connection/pipeline.ts";
import { openPostgres } from "../../../../src/store/postgres/database.ts";
import { query } from "../../../support/postgres.ts";
import { newPostgresDatabase } from "../../../support/postgres-database.ts";

/** Commits batches to a new database, and counts what was sent in one go. */
export async function open() {
  const url = await newPostgresDatabase();
  const database = await openPostgres(url);
  const link = database.link();
  onTestFinished(async () => {
    await link.close();
    await database.release();
  });
  const sent: string[][] = [];
  const errors: PipelineError[] = [];
  let lost: string | undefined;
  const watched: Link = {
    ...link,
    async get() {
      const connection = await link.get();
      return {
        ...connection,
        run(statements) {
          sent.push(statements.map(({ name }) => name ?? ""));
          if (lost !== undefined && statements[0]?.name === lost) connection.destroy();
          return connection.run(statements).catch((error) => {
            errors.push(error);
            throw error;
          });
        },
      };
    },
  };
  const commit = createCommit(watched, () => {}, database.isCluster);
  /** Everything that is stored, in order, without the ids of changes. */
  const stored = async () => {
    const texts = {
      heads: "select stream || ' ' || version as row from heads",
      events: "select stream || ' ' || version as row from events",
      claims: "select name || ' ' || stream as row from claims",
      receipts: "select name || ' ' || stream as row from receipts",
      counts: `select organization || ' ' || status || ' ' || sum(total) as row from head_counts
        group by organization, status having sum(total) <> 0`,
    };
    const found: Record<string, unknown[]> = {};
    for (const [table, text] of Object.entries(texts)) {
      found[table] = (await query(url, text)).map(({ row }) => row).sort();
    }
    return found;
  };
  /** Lose the connection when such a statement comes first. */
  const lose = (name: string) => {
    lost = name;
  };
  /** The search keys, without their spaces. */
  const keys = async () =>
    (await query(url, "select stream || ' ' || folded as row from search_keys"))
      .map(({ row }) => row)
      .sort();
  return { commit, sent, errors, lose, stored, keys };
}

type Wanted = Partial<AppendRow> & Pick<AppendRow, "stream">;

/** A change of a stream, with one event. */
export function row(wanted: Wanted): AppendRow {
  return {
    organization: "org",
    version: 1,
    change: randomUUID(),
    after: undefined,
    events: ["set", "{}", "me"],
    createdAt: 1,
    changedAt: 1,
    state: "{}",
    uniqueKeys: undefined,
    keys: [],
    status: "active",
    ...wanted,
  };
}

/** A new stream that is counted. */
export const added = (stream: string, wanted: Partial<AppendRow> = {}) =>
  row({ stream, uniqueKeys: [], heldKeys: [], statusBefore: null, ...wanted });

/** A change of a stream that is there. */
export const next = (before: AppendRow, wanted: Partial<AppendRow> = {}) =>
  row({ stream: before.stream, version: 2, after: before.change, ...wanted });
