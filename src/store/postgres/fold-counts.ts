import { randomUUID } from "node:crypto";
import type { AppendRow } from "../change/append-row.ts";
import type { Row } from "../sql/rows.ts";
import type { Connection } from "./connection/connection.ts";
import type { Link } from "./connection/link.ts";
import { beginReadCommitted } from "./connection/transaction.ts";
import type { Postgres } from "./database.ts";

/**
 * Changes of the numbers of one organization after which its rows are replaced by their sum. Every batch that adds or
 * removes streams has added a row for each status, and a search reads all of them.
 */
const foldedAfter = 500;

/** Organizations whose changes are counted here. Beyond, all are forgotten, and their rows stay until later. */
const maxCounted = 10_000;

/** Replaces the rows of `head_counts` by their sums from time to time, beside the batches. */
export type CountFolder = {
  /** Call it for every row that was stored. */
  stored(row: Pick<AppendRow, "organization" | "status" | "statusBefore">): void;
  /** Replace the rows of organizations whose numbers have changed here. */
  foldAll(): Promise<void>;
  close(): Promise<void>;
};

export function createCountFolder(database: Pick<Postgres, "link" | "shards">): CountFolder {
  // Of folds alone.
  const link = database.link();
  const changes = new Map<string, number>();
  let folding: Promise<void> = Promise.resolve();
  let isClosed = false;

  function fold(organization: string): Promise<void> {
    changes.delete(organization);
    // If it fails, the rows stay, and their sum is the same.
    folding = folding
      .then(() => (isClosed ? undefined : foldOne(link, database, organization)))
      .catch(() => {});
    return folding;
  }

  return {
    stored({ organization, status, statusBefore }) {
      if (statusBefore === undefined || statusBefore === status) return;
      const count = (changes.get(organization) ?? 0) + 1;
      if (changes.size >= maxCounted) changes.clear();
      changes.set(organization, count);
      if (count >= foldedAfter) fold(organization);
    },
    async foldAll() {
      for (const organization of [...changes.keys()]) await fold(organization);
    },
    async close() {
      isClosed = true;
      await folding;
    },
  };
}

/**
 * Two statements, because a distributed engine cannot delete rows everywhere and insert one in the same statement.
 * Rows that are added meanwhile are not seen, and stay. If another server folds the same rows, the second waits and
 * finds none.
 */
async function foldOne(
  link: Link,
  shards: Pick<Postgres, "shards">,
  organization: string,
): Promise<void> {
  const connection = await link.get();
  try {
    await connection.query({ text: beginReadCommitted });
    const rows = await connection.query({
      text: `delete from head_counts where organization = $1
        returning status, stream, total`,
      values: [organization],
    });
    await insertSums(connection, organization, sumsOf(rows, shards));
    await connection.query({ text: "commit" });
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

type Sum = { readonly status: string; readonly stream: string; total: number };

/**
 * A sum stays in the part whose rows it replaces: a search reads part by part, and may see the fold in only some of the
 * parts.
 */
function sumsOf(rows: readonly Row[], { shards }: Pick<Postgres, "shards">): Sum[] {
  const sums = new Map<string, Sum>();
  for (const row of rows) {
    const [status, stream, total] = [String(row.status), String(row.stream), Number(row.total)];
    const key = `${shards.placeOf(stream)?.group}:${status}`;
    const known = sums.get(key);
    if (known === undefined) sums.set(key, { status, stream, total });
    else known.total += total;
  }
  return [...sums.values()];
}

async function insertSums(connection: Connection, organization: string, sums: readonly Sum[]) {
  await connection.query({
    text: `insert into head_counts (organization, status, stream, change, total)
      select $1, status, stream, change, total
      from unnest($2::text[], $3::text[], $4::uuid[], $5::bigint[])
        as s (status, stream, change, total)`,
    values: [
      organization,
      sums.map(({ status }) => status),
      sums.map(({ stream }) => stream),
      sums.map(() => randomUUID()),
      sums.map(({ total }) => total),
    ],
  });
}
