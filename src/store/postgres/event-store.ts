import type { AppendResult, Tip } from "../append.ts";
import { type AppendRow, rowFromAppend } from "../append-row.ts";
import type { EventStore, Head, HistoryRange, Micros, StoredEvent } from "../event-store.ts";
import { createGroupCommit, type GroupCommit } from "../group-commit.ts";
import { createStreamQueue } from "../stream-queue.ts";
import type { Row } from "./connection.ts";
import type { Postgres } from "./database.ts";
import { createWriter } from "./writer.ts";

const selectTips = {
  name: "select_tips",
  text: `
    select stream, organization, version, change, created_at, changed_at, state
    from heads where stream = any($1::text[])`,
};
const selectHead = {
  name: "select_head",
  text: `
    select organization, version, created_at, changed_at, state
    from heads where stream = $1::text and organization = $2::text`,
};
const selectHistory = (order: "asc" | "desc") => ({
  name: `select_history_${order}`,
  text: `
    select version, type, data, creator, at from events
    where stream = $1::text and version > $3::bigint
      and exists (select from heads where stream = $1::text and organization = $2::text)
    order by version ${order} limit $4::bigint`,
});
const selectOldestFirst = selectHistory("asc");
const selectNewestFirst = selectHistory("desc");
const selectClaim = {
  name: "select_claim",
  text: `
    select stream, organization from claims join heads using (stream) where name = $1::text`,
};
const selectAnything = { name: "select_anything", text: "select from heads limit 1" };

/** Connections that commit at the same time: while one waits for the disk, the other's batch forms. */
const writerCount = 2;

/**
 * An event store in a PostgreSQL database, for any number of nodes at once.
 *
 * Each stream belongs to one of two writers, which commit in parallel. The heads of changes that
 * arrive together are read together.
 */
export function createPostgresEventStore(options: {
  database: Postgres;
  now: () => Micros;
}): EventStore {
  const { database, now } = options;
  database.acquire();
  const writers = Array.from({ length: writerCount }, () => createWriter(database.connector));
  const commits = writers.map(({ write }) => createGroupCommit(write));
  const tips = createGroupCommit(async (streams: readonly string[]) => {
    const rows = await database.read(selectTips, [streams]);
    const found = new Map(rows.map((row) => [row.stream, tipFromRow(row)]));
    return streams.map((stream) => found.get(stream));
  });
  const queue = createStreamQueue({
    load: (stream) => tips.add(stream, stream),
    async append(append, signal) {
      return commitsOf(commits, append.stream).add(rowFromAppend(append), append.stream, signal);
    },
    now,
  });

  async function close(): Promise<void> {
    await queue.close();
    await Promise.all([...commits, tips].map((group) => group.close()));
    await Promise.all(writers.map((writer) => writer.close()));
    await database.release();
  }
  let closing: Promise<void> | undefined;

  return {
    change: queue.change,

    async load<State>(stream: string, organization: string) {
      const [row] = await database.read(selectHead, [stream, organization]);
      return row && (headFromRow(row) as Head<State>);
    },

    async history(stream: string, organization: string, range: HistoryRange) {
      const rows = await database.read(range.ascending ? selectOldestFirst : selectNewestFirst, [
        stream,
        organization,
        range.after,
        range.limit,
      ]);
      return rows.map(eventFromRow);
    },

    async locate(claim: string) {
      const [row] = await database.read(selectClaim, [claim]);
      return row && { stream: String(row.stream), organization: String(row.organization) };
    },

    async ping() {
      await database.read(selectAnything);
    },

    close() {
      closing ??= close();
      return closing;
    },
  };
}

type Commits = GroupCommit<AppendRow, AppendResult>;

/** Always the same one for a stream, so that its appends take effect in order. */
function commitsOf(commits: readonly Commits[], stream: string): Commits {
  let hash = 0;
  for (let index = 0; index < stream.length; index += 1) {
    hash = (hash * 31 + stream.charCodeAt(index)) >>> 0;
  }
  return commits[hash % commits.length] as Commits;
}

function tipFromRow(row: Row): Tip {
  return { head: headFromRow(row), change: String(row.change) };
}

function headFromRow(row: Row): Head<unknown> {
  return {
    version: Number(row.version),
    organization: String(row.organization),
    createdAt: Number(row.created_at),
    changedAt: Number(row.changed_at),
    state: JSON.parse(String(row.state)),
  };
}

function eventFromRow(row: Row): StoredEvent {
  return {
    version: Number(row.version),
    type: String(row.type),
    data: JSON.parse(String(row.data)),
    creator: String(row.creator),
    at: Number(row.at),
  };
}
