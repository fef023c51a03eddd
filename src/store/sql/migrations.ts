import { readFileSync } from "node:fs";

/** One step of the schema. Both engines have a file of this name in their folder `migrations`. */
export type Migration = {
  readonly file: string;
  /** Whether the step then writes the search keys and the unique keys of all heads. */
  readonly writesKeys: boolean;
};

/** In order; append only. Number n leads from version n - 1 of the schema to version n. */
export const migrations: readonly Migration[] = [
  { file: "001.sql", writesKeys: false },
  { file: "002.sql", writesKeys: false },
  // Its index is filled by step 4.
  { file: "003.sql", writesKeys: false },
  { file: "004.sql", writesKeys: true },
  { file: "005.sql", writesKeys: false },
  { file: "006.sql", writesKeys: false },
];

/** @param engine The module beside the engine's folder `migrations`, as `import.meta.url`. */
export function migrationText({ file }: Migration, engine: string): string {
  return readFileSync(new URL(`migrations/${file}`, engine), "utf8");
}

/** @throws Error if a database of this version was written by a newer program. */
export function assertKnownVersion(version: number): void {
  if (version <= migrations.length) return;
  throw new Error(
    `the database has schema version ${version}, but this version of Giraffe knows only ` +
      `up to ${migrations.length}: run the newer Giraffe that wrote it`,
  );
}
