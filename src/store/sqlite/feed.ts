import { type Feed, maxFeedEvents } from "../feed.ts";
import { feedColumns, feedPage } from "../sql/feed-rows.ts";
import type { Sqlite } from "./database.ts";
import { withStoreErrors } from "./sqlite-error.ts";

/** The feed of a SQLite database: transactions follow one another, so the log is in the order of their commits. */
export function createSqliteFeed(database: Sqlite): Feed {
  const db = database.acquire();
  const select = db.prepare(
    `select ${feedColumns} from events e cross join heads h on h.stream = e.stream
     where e.position > ? order by e.position limit ?`,
  );
  let isClosed = false;
  return {
    async read(after, limit) {
      return withStoreErrors(() => feedPage(select.iterate(after, Math.min(limit, maxFeedEvents))));
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      database.release();
    },
  };
}
