import { chmodSync, closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { BulkError } from "../../bulk-error.ts";
import { isTold } from "../../fields.ts";
import { lossesOf, takenEvent } from "./event-types.ts";
import type { LogEvent } from "./log-event.ts";

/** Keeps the events that have been read of a log, in a file, so that reading can be resumed. */
export type EventSpool = {
  /**
   * Add events and note how far the log has been read, in one transaction. An event that is there already counts
   * once.
   *
   * @returns How many are new.
   */
  add(events: readonly LogEvent[], readUpTo: string): number;
  /** As `add` noted it last; `undefined`: nothing has been read. */
  readUpTo(): string | undefined;
  /** In the order of kind, aggregate and sequence. */
  groups(): AsyncGenerator<readonly LogEvent[]>;
  count(): number;
  close(): void;
};

/** Events that are handed on together. */
const groupSize = 1_000;

/** An event that is longer is not kept, in characters of JSON. A value of metadata takes 666,668. */
const maxEventLength = 1_048_576;

/** Of the file, in pages of 4 KiB: 256 GiB. It has no hashes and no codes, so it is smaller than the log. */
const maxPages = 67_108_864;

/**
 * Open a file of events, or create it. Its owner alone can read it. No secret gets into it: of an event that is
 * not taken, only its type is kept, and only the last one of a user.
 *
 * @param source Where the events are from. A file has those of one source.
 * @throws BulkError if it is no such file, or has the events of another source.
 */
export function openEventSpool(file: string, source: string): EventSpool {
  const db = open(file);
  checkSource(db, file, source);
  const insert = db.prepare(
    "insert into events (kind, aggregate, sequence, silent, event) values (?, ?, ?, ?, ?) on conflict do nothing",
  );
  const removeSilent = db.prepare(
    "delete from events where kind = ? and aggregate = ? and sequence < ? and silent = 1",
  );
  const note = db.prepare("insert or replace into notes (name, text) values ('read up to', ?)");
  const noted = db.prepare("select text from notes where name = 'read up to'");
  const select = db.prepare("select event from events order by kind, aggregate, sequence");
  const count = db.prepare("select count(*) as count from events");

  function addOne(event: LogEvent): number {
    const { kept, isSilent } = withoutSecrets(event);
    const { kind, aggregate, sequence } = event;
    const text = JSON.stringify(kept);
    if (text.length > maxEventLength) {
      throw new BulkError(`an event of the log has more than ${maxEventLength} characters`);
    }
    const row = [kind, aggregate, sequence, isSilent ? 1 : 0, text] as const;
    const added = Number(insert.run(...row).changes);
    if (added > 0 && isSilent) removeSilent.run(kind, aggregate, sequence);
    return added;
  }

  return {
    add(events, readUpTo) {
      db.exec("begin immediate");
      try {
        let added = 0;
        for (const event of events) added += addOne(event);
        note.run(readUpTo);
        db.exec("commit");
        return added;
      } catch (error) {
        if (db.isTransaction) db.exec("rollback");
        throw error instanceof BulkError ? error : cannotKeep(file, error);
      }
    },
    readUpTo() {
      const row = noted.get();
      return row && String(row.text);
    },
    async *groups() {
      let group: LogEvent[] = [];
      for (const row of select.iterate()) {
        group.push(JSON.parse(String(row.event)));
        if (group.length < groupSize) continue;
        yield group;
        group = [];
      }
      yield group;
    },
    count: () => Number(count.get()?.count),
    close: () => db.close(),
  };
}

function open(file: string): DatabaseSync {
  try {
    closeSync(openSync(file, "a", 0o600));
    chmodSync(file, 0o600);
    const db = new DatabaseSync(file);
    db.exec(`pragma max_page_count = ${maxPages}`);
    db.exec(`create table if not exists notes (name text primary key, text text not null) strict;
      create table if not exists events (
        kind text not null, aggregate text not null, sequence integer not null,
        silent integer not null, event text not null,
        primary key (kind, aggregate, sequence)) strict`);
    return db;
  } catch (error) {
    throw cannotKeep(file, error);
  }
}

function cannotKeep(file: string, error: unknown): BulkError {
  const reason = error instanceof Error ? error.message : String(error);
  return new BulkError(`cannot keep events in ${file}: ${reason}`, { cause: error });
}

function checkSource(db: DatabaseSync, file: string, source: string): void {
  const known = db.prepare("select text from notes where name = 'source'").get();
  if (known === undefined) {
    db.prepare("insert into notes (name, text) values ('source', ?)").run(source);
  } else if (known.text !== source) {
    db.close();
    throw new BulkError(`${file} has the events of ${known.text}, not of ${source}`);
  }
}

/** Of what is not taken it is enough to know that it is there. */
function withoutSecrets(event: LogEvent): { readonly kept: LogEvent; readonly isSilent: boolean } {
  const { kind, type, payload } = event;
  if (kind !== "user") return { kept: { ...event, payload: onlyName(payload) }, isSilent: false };
  const taken = takenEvent(type, payload);
  const isSilent =
    taken === undefined &&
    lossesOf(type, payload).length === 0 &&
    !type.startsWith("user.machine.");
  const told: JsonObject = {};
  const data = (taken?.data ?? {}) as Readonly<Record<string, JsonValue>>;
  for (const [name, value] of Object.entries(payload)) {
    // A list or an object is no text of a person, and may be nested too deep to be written.
    if (Object.hasOwn(data, name) && typeof value !== "object") told[name] = value;
    else if (isTold(value)) told[name] = true;
  }
  return { kept: { ...event, payload: told }, isSilent };
}

function onlyName({ name }: JsonObject): JsonObject {
  return typeof name === "string" ? { name } : {};
}
