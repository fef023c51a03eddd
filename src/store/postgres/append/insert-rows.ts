import type { PipelineStatement } from "../connection/pipeline.ts";
import type { WireValue } from "../connection/wire-values.ts";
import { failingIf, type Kind, kindOf } from "./append-text.ts";

/** A table that rows are inserted into by their values, and the columns with their types. */
type Target = {
  readonly table: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly returning: readonly string[];
  /** The columns that no two rows have equal, and the column that a strict insert fails on. */
  readonly strict?: { readonly key: readonly string[]; readonly failing: string };
};

const targets = {
  heads: {
    table: "heads",
    columns: {
      stream: "text",
      organization: "text",
      version: "bigint",
      change: "uuid",
      created_at: "bigint",
      changed_at: "bigint",
      state: "text",
      status: "text",
    },
    returning: ["stream"],
    strict: { key: ["stream"], failing: "version" },
  },
  counts: {
    table: "head_counts",
    columns: {
      organization: "text",
      status: "text",
      stream: "text",
      change: "uuid",
      total: "bigint",
    },
    returning: ["stream"],
  },
  claims: {
    table: "claims",
    columns: { name: "text", stream: "text" },
    returning: ["name", "stream"],
    strict: { key: ["name"], failing: "stream" },
  },
  receipts: {
    table: "receipts",
    columns: { owner: "text", name: "text", stream: "text", at: "bigint", content: "bytea" },
    returning: ["owner", "name"],
    strict: { key: ["owner", "name"], failing: "at" },
  },
} as const satisfies Record<string, Target>;

/** A table of `insertRows`. */
export type Into = keyof typeof targets;
/** A table of `insertStrictly`. */
export type StrictInto = Exclude<Into, "counts">;

/** Rows of one insert, at most; the protocol has room for 65,535 values. */
const maxInsertRows = 128;

/**
 * Insert rows that may be there, in as few statements as there is room for. The statements' rows are those that were
 * not there.
 */
export function insertRows(
  into: Into,
  rows: readonly (readonly WireValue[])[],
): PipelineStatement[] {
  const statements: PipelineStatement[] = [];
  for (let from = 0; from < rows.length; from += maxInsertRows) {
    const part = rows.slice(from, from + maxInsertRows);
    const size = sizeFor(part.length);
    // A row that stands twice in the statement is inserted once: the second one finds the first.
    const repeated = Array.from({ length: size - part.length }, () => part[0] ?? []);
    statements.push({ ...insertKind(into, size), values: [...part, ...repeated].flat() });
  }
  return statements;
}

/**
 * Insert rows that are not there. If one is there, its statement fails as `failingIf` says: an ordinary insert would
 * write the name that is taken into the server's log.
 */
export function insertStrictly(
  into: StrictInto,
  rows: readonly (readonly WireValue[])[],
): PipelineStatement[] {
  const statements: PipelineStatement[] = [];
  for (let from = 0; from < rows.length; ) {
    const size = sizeWithin(Math.min(rows.length - from, maxInsertRows));
    const values = rows.slice(from, from + size).flat();
    statements.push({ ...strictKind(into, size), values });
    from += size;
  }
  return statements;
}

/** The next of 1, 2, 3, 4, 6, 8, 12, …, so that few statements are prepared, and few rows are repeated. */
function sizeFor(rows: number): number {
  const size = sizeWithin(rows);
  if (size === rows) return size;
  return isPower(size) ? 1.5 * size : (size / 3) * 4;
}

/** The largest of 1, 2, 3, 4, 6, 8, 12, … that is not more. */
function sizeWithin(rows: number): number {
  let power = 1;
  while (2 * power <= rows) power *= 2;
  return power > 1 && 1.5 * power <= rows ? 1.5 * power : power;
}

const isPower = (number: number) => Number.isInteger(Math.log2(number));

/**
 * It lists all values, because an insert of rows that the server makes from a list would first gather them on the
 * coordinator of a distributed engine.
 */
function insertKind(into: Into, rows: number): Kind {
  return kindOf(`insert-${into}-${rows}`, () => {
    const { returning } = targets[into];
    return `${insertText(into, rows)} on conflict do nothing returning ${returning.join(", ")}`;
  });
}

function strictKind(into: StrictInto, rows: number): Kind {
  return kindOf(`insert-${into}-strictly-${rows}`, () => {
    const { table, strict } = targets[into];
    const [column] = strict.key;
    const value = failingIf(`${table}.${column} = excluded.${column}`);
    return `${insertText(into, rows)}
      on conflict (${strict.key.join(", ")}) do update set ${strict.failing} = ${value}`;
  });
}

function insertText(into: Into, rows: number): string {
  const { table, columns } = targets[into];
  const types = Object.values(columns);
  const lines = Array.from({ length: rows }, (_, row) => {
    const values = types.map((type, place) => `$${row * types.length + place + 1}::${type}`);
    return `(${values.join(", ")})`;
  });
  return `insert into ${table} (${Object.keys(columns).join(", ")}) values ${lines.join(", ")}`;
}
