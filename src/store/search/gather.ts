import type { Row } from "../sql/rows.ts";
import type { SqlStatement } from "../sql/sql.ts";

/** How the answer of all tables is made of the answers of their parts. */
export type Gathering =
  /** Any rows, at most so many. */
  | { readonly kind: "any"; readonly limit: number }
  /** The sums of the last column, for each value of the first one; if there is only one column, of all rows. */
  | { readonly kind: "sum" }
  /** The least value of the first column, and the greatest of the second one; null if there is none. */
  | { readonly kind: "ends" }
  /** The rows of a page, in the order of the columns. */
  | {
      readonly kind: "page";
      /** The statement for the first rows of a part. As many as come before the end of the page are always enough. */
      readonly firstOf: (rows: number) => SqlStatement;
      readonly ascending: boolean;
      readonly offset: number;
      readonly limit: number;
    };

/** A statement for each part of tables that are distributed by the stream. */
export type PartStatement = {
  /** On a part, which has the tables under their names. */
  readonly statement: SqlStatement;
  /** The columns of its rows, in order. */
  readonly columns: readonly string[];
  readonly gathering: Gathering;
};

/** A row: the texts of its values, in the order of the columns. */
type Texts = readonly (string | null)[];

/**
 * The rows of the whole, of the rows of each part.
 *
 * @param asked How many rows each part was asked for, if it was asked for the first ones.
 * @returns `undefined` if a part may have more rows of the page than it was asked for.
 */
export function gathered(
  { columns, gathering }: Pick<PartStatement, "columns" | "gathering">,
  parts: readonly (readonly Texts[])[],
  asked = Number.POSITIVE_INFINITY,
): Row[] | undefined {
  return rowsOf(gathering, parts, asked)?.map((row) => rowFromTexts(row, columns));
}

/** More than a part should have of a page, because the rows of a page may stand unevenly. */
const reserve = { share: 1.5, rows: 10 };

/** How many rows of a part are asked for first, so that parts need not give all rows that could be on a page. */
export function firstRows(end: number, parts: number): number {
  return Math.min(end, Math.ceil((end / parts) * reserve.share) + reserve.rows);
}

/** A row by the names of its columns. */
export function rowFromTexts(texts: Texts, columns: readonly string[]): Row {
  const row: Record<string, unknown> = {};
  for (const [place, column] of columns.entries()) row[column] = texts[place];
  return row;
}

function rowsOf(
  gathering: Gathering,
  parts: readonly (readonly Texts[])[],
  asked: number,
): readonly Texts[] | undefined {
  switch (gathering.kind) {
    case "any":
      return parts.flat().slice(0, gathering.limit);
    case "sum":
      return sums(parts.flat());
    case "ends":
      return [ends(parts.flat())];
    case "page":
      return page(parts, gathering, asked);
  }
}

function sums(rows: readonly Texts[]): Texts[] {
  const totals = new Map<string | undefined, number>();
  for (const row of rows) {
    const value = row.length === 1 ? undefined : String(row[0]);
    totals.set(value, (totals.get(value) ?? 0) + Number(row.at(-1)));
  }
  return [...totals].map(([value, total]) =>
    value === undefined ? [String(total)] : [value, String(total)],
  );
}

function ends(rows: readonly Texts[]): Texts {
  const known = (place: number) =>
    rows
      .map((row) => row[place] ?? null)
      .filter((text) => text !== null)
      .sort(byCodePoints);
  return [known(0)[0] ?? null, known(1).at(-1) ?? null];
}

/** Each part is in order, so the next row of the page is the first one of a part. */
function page(
  parts: readonly (readonly Texts[])[],
  { ascending, offset, limit }: Gathering & { kind: "page" },
  asked: number,
): Texts[] | undefined {
  const sign = ascending ? 1 : -1;
  const rows: Texts[] = [];
  const next = parts.map(() => 0);
  while (rows.length < offset + limit) {
    let first = -1;
    let least: Texts | undefined;
    for (const [place, part] of parts.entries()) {
      const row = part[next[place] ?? 0];
      if (row === undefined && part.length === asked && asked < offset + limit) return undefined;
      if (row === undefined) continue;
      if (least !== undefined && sign * compared(row, least) >= 0) continue;
      first = place;
      least = row;
    }
    if (least === undefined) break;
    rows.push(least);
    next[first] = (next[first] ?? 0) + 1;
  }
  return rows.slice(offset);
}

function compared(a: Texts, b: Texts): number {
  for (const [place, text] of a.entries()) {
    const difference = byCodePoints(String(text), String(b[place]));
    if (difference !== 0) return difference;
  }
  return 0;
}

const firstSurrogate = 0xd800;
const firstAfterSurrogates = 0xe000;

/**
 * Texts by their code points, which is also the order of their bytes. JavaScript compares the halves of characters
 * outside the basic plane, which are less than some characters within it.
 */
function byCodePoints(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  let place = 0;
  while (place < length && a.charCodeAt(place) === b.charCodeAt(place)) place += 1;
  if (place === length) return a.length - b.length;
  return rank(a.charCodeAt(place)) - rank(b.charCodeAt(place));
}

/** Halves of characters outside the basic plane come behind all others. */
function rank(unit: number): number {
  const isHalf = unit >= firstSurrogate && unit < firstAfterSurrogates;
  return isHalf ? unit + 0x10000 : unit;
}
