import { readFileSync } from "node:fs";

/** One step of the schema. Both engines have a file of this name in their folder `migrations`. */
export type Migration = {
  readonly file: string;
  /**
   * What of all heads the step then writes. All keys are the search keys and the unique keys; new keys are the search
   * keys that the step brings; a status is by what a head is counted.
   */
  readonly writes: "no keys" | "search keys" | "all keys" | "new keys" | "statuses";
};

/** In order; append only. Number n leads from version n - 1 of the schema to version n. */
export const migrations: readonly Migration[] = [
  { file: "001.sql", writes: "no keys" },
  { file: "002.sql", writes: "no keys" },
  // Its index is filled by step 4.
  { file: "003.sql", writes: "no keys" },
  { file: "004.sql", writes: "all keys" },
  { file: "005.sql", writes: "no keys" },
  { file: "006.sql", writes: "no keys" },
  // People are found by their phone, too.
  { file: "007.sql", writes: "search keys" },
  { file: "008.sql", writes: "no keys" },
  { file: "009.sql", writes: "no keys" },
  { file: "010.sql", writes: "no keys" },
  { file: "011.sql", writes: "no keys" },
  // Heads carry what needs no row in the index.
  { file: "012.sql", writes: "statuses" },
  { file: "013.sql", writes: "no keys" },
  // People are found without regard to accents, too.
  { file: "014.sql", writes: "new keys" },
  // On SQLite, the latest names of receipts wait.
  { file: "015.sql", writes: "no keys" },
];

/** @param folder Where the migrations of the engine are, with a slash at its end. */
export function migrationText({ file }: Migration, folder: URL): string {
  return readFileSync(new URL(file, folder), "utf8");
}

/** @throws Error if a database of this version was written by a newer program. */
export function assertKnownVersion(version: number): void {
  if (version <= migrations.length) return;
  throw new Error(
    `the database has schema version ${version}, but this version of Giraffe knows only ` +
      `up to ${migrations.length}: run the newer Giraffe that wrote it`,
  );
}
