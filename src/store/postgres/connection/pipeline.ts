import type { Client, Connection as Wire } from "pg";
import { type WireValue, WireWriter } from "./wire-values.ts";

/** A statement of a pipeline. It is prepared once per connection, under its name, or each time if it has none. */
export type PipelineStatement = {
  readonly name?: string | undefined;
  readonly text: string;
  readonly values?: readonly WireValue[];
};

/** A row: the texts of its values, in the order of the columns. */
export type TextRow = readonly (string | null)[];

/** The server refused a statement of a pipeline. The cause says why. */
export class PipelineError extends Error {
  override readonly name = "PipelineError";
  /** Which statement it was, from 0. Those behind it did not run. */
  readonly place: number;

  constructor(place: number, cause: Error) {
    super(cause.message, { cause });
    this.place = place;
  }
}

/** Names of the statements that the server of a connection knows, or may know after an error. */
export type Prepared = Map<string, "known" | "unsure">;

type Answer = (error: Error | null, results?: TextRow[][]) => void;

/**
 * Statements that are sent in one write, and answered together. After an error the server skips the rest of them.
 *
 * node-postgres calls it as it calls a query of its own. It knows no statements that are sent together, and it writes
 * each value of an array as quoted text.
 */
class Pipeline {
  callback: Answer;
  readonly #statements: readonly PipelineStatement[];
  readonly #prepared: Prepared;
  readonly #results: TextRow[][] = [];
  #rows: TextRow[] = [];
  #problem: Error | undefined;

  constructor(statements: readonly PipelineStatement[], prepared: Prepared, callback: Answer) {
    this.#statements = statements;
    this.#prepared = prepared;
    this.callback = callback;
  }

  submit({ stream }: Wire): undefined {
    const writer = new WireWriter();
    const sent = new Set<string>();
    for (const statement of this.#statements) {
      const { name } = statement;
      if (name === undefined || !sent.has(name)) this.#prepare(writer, statement);
      if (name !== undefined) sent.add(name);
      execute(writer, statement);
    }
    writer.message("S", () => {});
    stream.write(writer.bytes());
  }

  handleDataRow({ fields }: { readonly fields: TextRow }): void {
    this.#rows.push(fields);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    // A transaction in which a statement failed answers a commit so, and an older error may have been overlooked.
    if (this.#statements[this.#results.length]?.text === "commit" && text !== "COMMIT") {
      this.#problem ??= new Error(`a commit was answered with ${text}`);
    }
    this.#results.push(this.#rows);
    this.#rows = [];
  }

  handleReadyForQuery(): void {
    for (const { name } of this.#statements) {
      if (name !== undefined) this.#prepared.set(name, "known");
    }
    if (this.#problem === undefined) this.callback(null, this.#results);
    else this.callback(this.#problem);
  }

  handleError(error: Error): void {
    const place = this.#results.length;
    for (const [index, { name }] of this.#statements.entries()) {
      if (name === undefined) continue;
      if (index === place || this.#prepared.get(name) !== "known") {
        this.#prepared.set(name, "unsure");
      }
    }
    // What the server sends has a severity; what ends the connection has none.
    this.callback("severity" in error ? new PipelineError(place, error) : error);
  }

  #prepare(writer: WireWriter, { name, text }: PipelineStatement): void {
    const isPrepared = name === undefined ? undefined : this.#prepared.get(name);
    if (isPrepared === "known") return;
    if (isPrepared === "unsure")
      writer.message("C", () => writer.terminated(`S${serverName(name)}`));
    writer.message("P", () => {
      writer.terminated(serverName(name));
      writer.terminated(text);
      writer.int16(0);
    });
  }
}

function execute(writer: WireWriter, { name, values = [] }: PipelineStatement): void {
  writer.message("B", () => writeBind(writer, name, values));
  writer.message("E", () => {
    writer.terminated("");
    writer.int32(0);
  });
}

/** What a statement is called at the server. node-postgres prepares its own on the same connection. */
const serverName = (name: string | undefined) => (name === undefined ? "" : `run/${name}`);

const inText = 0;
const inBinary = 1;

function writeBind(
  writer: WireWriter,
  name: string | undefined,
  values: readonly WireValue[],
): void {
  writer.terminated("");
  writer.terminated(serverName(name));
  writer.int16(values.length);
  for (const value of values) {
    writer.int16(typeof value === "object" && value !== null ? inBinary : inText);
  }
  writer.int16(values.length);
  for (const value of values) writer.value(value);
  // All columns of the answer come as text.
  writer.int16(0);
}

/**
 * Send statements in one write.
 *
 * @returns The rows of each.
 * @throws PipelineError if the server refused one; other errors if the connection was lost.
 */
export function runPipeline(
  client: Client,
  prepared: Prepared,
  statements: readonly PipelineStatement[],
): Promise<readonly TextRow[][]> {
  return new Promise((resolve, reject) => {
    const pipeline = new Pipeline(statements, prepared, (error, results = []) => {
      if (error === null) resolve(results);
      else reject(error);
    });
    client.query(pipeline);
  });
}
