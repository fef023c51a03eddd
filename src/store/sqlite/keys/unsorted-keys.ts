import type { DatabaseSync } from "node:sqlite";
import { lowerCase } from "../../../text/lower-case.ts";
import type { KeysOf, Micros } from "../../event-store.ts";
import { hasRow } from "../../search/head-keys.ts";
import type { NewStream } from "../../transfer.ts";
import { createInsert } from "./insert-rows.ts";
import { createSpaces } from "./spaces.ts";

/** The search keys of a new stream, to be sorted later. Sent between threads. */
type UnsortedKeys = {
  readonly organization: string;
  readonly stream: string;
  /** JSON: texts by name. */
  readonly texts: string;
  /** JSON: texts in lower case by name. `null`: all texts are ASCII, and SQLite lower-cases them. */
  readonly folded: string | null;
};

/** The unsorted keys of a batch of new streams. */
export type UnsortedBatch = {
  /** The names of all keys. */
  readonly names: readonly string[];
  /** For each stream; `undefined` if it is not new, or if searches must not find it. */
  readonly streams: readonly (UnsortedKeys | undefined)[];
};

/** @param now When the streams are created that do not say when they were. */
export function unsortedBatch(
  streams: readonly NewStream[],
  now: Micros,
  keysOf: KeysOf<unknown>,
): UnsortedBatch {
  const names = new Set<string>();
  const keysOfStreams = streams.map(({ stream, organization, decisions, after, past }) => {
    if (after !== undefined) return undefined;
    const createdAt = past?.head.createdAt ?? now;
    const all = keysOf({ state: decisions.at(-1)?.state, createdAt });
    if (all === undefined) return undefined;
    const keys: Record<string, string> = {};
    for (const name in all) {
      const text = all[name];
      if (text === undefined || !hasRow(name, text)) continue;
      keys[name] = text;
      names.add(name);
    }
    const texts = JSON.stringify(keys);
    return { organization, stream, texts, folded: foldedOf(texts, keys) };
  });
  return { names: [...names], streams: keysOfStreams };
}

const ascii = /^[\0-\x7f]*$/;

function foldedOf(texts: string, keys: Readonly<Record<string, string>>): string | null {
  if (ascii.test(texts)) return null;
  return JSON.stringify(
    Object.fromEntries(Object.entries(keys).map(([name, text]) => [name, lowerCase(text)])),
  );
}

/**
 * Prepare to keep the keys of many new streams unsorted, and to write them in the order of the index later.
 *
 * The keys of a batch are spread over the whole index, so writing them at once would write nearly a page for
 * each key. The keys of a hundred thousand streams share pages, so sorting and writing them together takes a
 * third of the time.
 *
 * Searches do not find unsorted keys. Every other change of a stream, and every start of a server, sorts
 * first, so unsorted keys are always those of the latest heads. Call everything within a transaction.
 */
export function createUnsortedKeys(db: DatabaseSync): {
  /** @param isStored For each stream. */
  add(batch: UnsortedBatch, isStored: readonly boolean[]): void;
  isEmpty(): boolean;
  /** Number of streams with unsorted keys. Takes longer than `isEmpty`. */
  count(): number;
  /** Write all unsorted keys to the index. A hundred thousand streams take about a second. */
  sort(): void;
} {
  const spaces = createSpaces(db);
  const insert = createInsert(
    db,
    "unsorted_keys (organization, stream, texts, folded)",
    "?, ?, jsonb(?), jsonb(?)",
  );
  // All rows are deleted together, so their ids have no gaps.
  const selectCount = db.prepare(
    `select (select max(id) from unsorted_keys) - (select min(id) from unsorted_keys) + 1 as count`,
  );
  const selectAny = db.prepare("select 1 from unsorted_keys limit 1");
  const selectSpaces = db.prepare(
    `select id, name, organization from search_spaces
     where organization in (select distinct organization from unsorted_keys)`,
  );
  // The limits keep SQLite from merging the inner queries with the outer one, which would read each text
  // three times. An error takes back the whole transaction; see `createInsert`.
  const sortOne = db.prepare(
    `insert or rollback into search_keys (space, folded, stream, text)
     select :space, folded, stream, nullif(text, folded) from (
       select stream, text, ifnull(folded ->> :name, lower(text)) as folded from (
         select stream, folded, texts ->> :name as text from unsorted_keys
         where organization = :organization limit -1) limit -1)
     where text is not null order by folded, stream`,
  );
  const clear = db.prepare("delete from unsorted_keys");

  return {
    add({ names, streams }, isStored) {
      const spaceOf = spaces();
      for (const organization of new Set(streams.map((each) => each?.organization))) {
        if (organization === undefined) continue;
        for (const name of names) spaceOf(organization, name);
      }
      insert(
        streams.flatMap((keys, index) =>
          keys === undefined || !isStored[index]
            ? []
            : [[keys.organization, keys.stream, keys.texts, keys.folded]],
        ),
      );
    },

    isEmpty: () => selectAny.get() === undefined,

    count: () => Number(selectCount.get()?.count ?? 0),

    sort() {
      for (const { id, name, organization } of selectSpaces.all()) {
        sortOne.run({
          space: id ?? null,
          name: name ?? null,
          organization: organization ?? null,
        });
      }
      clear.run();
    },
  };
}
