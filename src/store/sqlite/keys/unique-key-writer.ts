import type { DatabaseSync } from "node:sqlite";

/** Which stream holds which unique keys. Each key has one stream at most. */
export interface UniqueKeyWriter {
  /**
   * Give keys to a stream.
   *
   * @returns Whether no other stream holds one of them. If one does, the stream may have got some of the others.
   */
  hold(stream: string, names: ReadonlySet<string>): boolean;
  areFreeFor(stream: string, names: ReadonlySet<string>): boolean;
  /** Take all keys of a stream away. */
  release(stream: string): void;
  /** Give a stream these keys instead of all that it holds. They must be free. */
  replace(stream: string, names: ReadonlySet<string>): void;
}

/** Prepare to write unique keys on a connection. */
export function createUniqueKeyWriter(db: DatabaseSync): UniqueKeyWriter {
  const isTaken = db.prepare("select 1 from claims where name = ? and stream <> ?");
  const releaseAll = db.prepare("delete from claims where stream = ?");
  const insert = db.prepare(
    "insert into claims (name, stream) values (?, ?) on conflict (name) do nothing",
  );

  function hold(stream: string, names: ReadonlySet<string>): boolean {
    for (const name of names) if (insert.run(name, stream).changes === 0) return false;
    return true;
  }

  function release(stream: string): void {
    releaseAll.run(stream);
  }

  return {
    hold,
    areFreeFor: (stream, names) =>
      ![...names].some((name) => isTaken.get(name, stream) !== undefined),
    release,
    replace(stream, names) {
      release(stream);
      hold(stream, names);
    },
  };
}
