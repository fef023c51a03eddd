import { DatabaseSync } from "node:sqlite";

/** Rejects that do not go into their file yet. Kept in a temporary file, which may become as large as theirs. */
export type HeldRejects = {
  add(text: string): void;
  /** In the order in which they came. They are not held any more. */
  take(): Generator<string>;
  clear(): void;
  close(): void;
};

/** Held in memory, in KiB; the rest is in a file that SQLite removes when it is closed. */
const cacheKib = 8_192;

/** An empty one. There may be as many rejects as the input has lines, so they are not kept in memory. */
export function createHeldRejects(): HeldRejects {
  const db = new DatabaseSync("");
  db.exec(`pragma cache_size = -${cacheKib}; pragma journal_mode = off; pragma synchronous = off;
    create table rejects (text text);
    begin`);
  const insert = db.prepare("insert into rejects values (?)");
  const select = db.prepare("select text from rejects order by rowid");
  const clear = () => db.exec("delete from rejects");
  return {
    add: (text) => void insert.run(text),
    *take() {
      for (const { text } of select.iterate()) yield String(text);
      clear();
    },
    clear,
    close: () => db.close(),
  };
}
