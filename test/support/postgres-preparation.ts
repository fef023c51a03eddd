import { readFileSync } from "node:fs";

type Step = { readonly url: string; readonly sql: string };

/** What a server of several nodes needs beside `create database`. `{database}` stands for the name of the new one. */
export type PreparedServer = {
  /** Run in order, after each `create database`. */
  readonly create: readonly Step[];
  /** Run in order, for each database that a test file has made, at the end of the file. */
  readonly finish: readonly Step[];
};

/** The JSON file that GIRAFFE_TEST_POSTGRES_PREPARE names. A single server needs none. */
export function readPreparation(): PreparedServer | undefined {
  const file = process.env.GIRAFFE_TEST_POSTGRES_PREPARE;
  return file ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}
