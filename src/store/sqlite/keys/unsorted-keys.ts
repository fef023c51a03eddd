import type { DatabaseSync } from "node:sqlite";
import { lowerCase } from "../../../text/lower-case.ts";
import type { KeysOf, Micros } from "../../event-store.ts";
import { everyStream } from "../../search/key-changes.ts";
import type { NewStream } from "../../transfer.ts";
import { createInsert } from "./insert-rows.ts";
import { createSpaces } from "./spaces.ts";

/** What a new stream is found by, to be put aside; crosses threads. */
type UnsortedKeys = {
  readonly organization: string;
  readonly stream: string;
  /** JSON: texts by name. */
  readonly texts: string;
  /** JSON: folded texts by name. `null`: all texts are ASCII. */
  readonly folded: string | null;
};

export type UnsortedBatch = {
  /** Of all keys that there are. */
  readonly names: readonly string[];
  /** Of each stream; `undefined` if it is not to be found. */
  readonly streams: readonly (UnsortedKeys | undefined)[];
};

export function unsortedBatch(
  streams: readonly NewStream[],
  createdAt: Micros,
  keysOf: KeysOf<unknown>,
): UnsortedBatch {
  const names = new Set([everyStream]);
  const keysOfStreams = streams.map(({ stream, organization, decisions }) => {
    const keys = keysOf({ state: decisions.at(-1)?.state, createdAt });
    if (keys === undefined) return undefined;
    for (const name in keys) names.add(name);
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
 * Prepare to put the keys of many new streams aside, and to write them in the order of the index later.
 *
 * Keys of a batch fall anywhere into the index, so to write them at once writes a page of it for nearly
 * each. A hundred thousand streams share those pages, and SQLite sorts and writes their keys in a
 * third of the time.
 *
 * What is put aside is not found. Whoever else changes streams, or is about to search, sorts first; so
 * the keys that are aside are always those of the latest heads. Call everything within a transaction.
 */
export function createUnsortedKeys(db: DatabaseSync): {
  /** @param isStored Of each stream whether it was. */
  add(batch: UnsortedBatch, isStored: readonly boolean[]): void;
  /** Of how many streams keys are aside. */
  count(): number;
  /** Write all that are aside. A hundred thousand streams take about a second. */
  sort(): void;
} {
  const spaces = createSpaces(db);
  const insert = createInsert(
    db,
    "unsorted_keys (organization, stream, texts, folded)",
    "?, ?, jsonb(?), jsonb(?)",
  );
  // All come and go together, so their numbers have no gaps.
  const selectCount = db.prepare(
    `select (select max(id) from unsorted_keys) - (select min(id) from unsorted_keys) + 1 as count`,
  );
  const selectSpaces = db.prepare(
    `select id, name, organization from search_spaces
     where organization in (select distinct organization from unsorted_keys)`,
  );
  // Without the limits SQLite would put the inner queries into the outer one, and read each text thrice.
  const sortOne = db.prepare(
    `insert into search_keys (space, folded, stream, text)
     select :space, folded, stream, nullif(text, folded) from (
       select stream, text, ifnull(folded ->> :name, lower(text)) as folded from (
         select stream, folded, texts ->> :name as text from unsorted_keys
         where organization = :organization limit -1) limit -1)
     where text is not null order by folded, stream`,
  );
  const sortEvery = db.prepare(
    `insert into search_keys (space, folded, stream)
     select ?, '', stream from unsorted_keys where organization = ? order by stream`,
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

    count: () => Number(selectCount.get()?.count ?? 0),

    sort() {
      for (const { id, name, organization } of selectSpaces.all()) {
        if (name === everyStream) sortEvery.run(id ?? null, organization ?? null);
        else {
          sortOne.run({
            space: id ?? null,
            name: name ?? null,
            organization: organization ?? null,
          });
        }
      }
      clear.run();
    },
  };
}
