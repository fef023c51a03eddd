/** What a database is, read without changing it. */
export type DatabaseStatus = {
  /** The database program and its version, such as `SQLite 3.53.4`. */
  readonly engine: string;
  /** 0: nothing of ours is there. */
  readonly schemaVersion: number;
  readonly organizations: number;
  /** Streams whose state is counted; see `StateMark`. */
  readonly users: number;
};

/** A piece of the JSON of a state. Streams are counted if their state contains it. */
export type StateMark = string;
