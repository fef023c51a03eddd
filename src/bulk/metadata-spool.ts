import { DatabaseSync } from "node:sqlite";

/** Metadata that is met before, or long after, the users whom it belongs to. Kept in a temporary file. */
export type MetadataSpool = {
  /** @param value In base64. What was said of the same key before is forgotten. */
  add(user: string, key: string, value: string): void;
  /** In the order of the keys. */
  of(user: string): readonly { readonly key: string; readonly value: string }[];
  close(): void;
};

/** Held in memory, in KiB; the rest is in a file that SQLite removes when it is closed. */
const cacheKib = 32_768;

export function createMetadataSpool(): MetadataSpool {
  const db = new DatabaseSync("");
  db.exec(`pragma cache_size = -${cacheKib}; pragma journal_mode = off; pragma synchronous = off;
    create table metadata (user text, key text, value text, primary key (user, key)) without rowid;
    begin`);
  const insert = db.prepare("insert or replace into metadata values (?, ?, ?)");
  const select = db.prepare("select key, value from metadata where user = ? order by key");
  let isEmpty = true;
  return {
    add(user, key, value) {
      isEmpty = false;
      insert.run(user, key, value);
    },
    of(user) {
      if (isEmpty) return [];
      return select.all(user).map(({ key, value }) => ({ key: String(key), value: String(value) }));
    },
    close: () => db.close(),
  };
}
