/** A value of a statement. */
export type Value = string | number | Uint8Array | readonly string[];

/** A piece of SQL: texts, and what is inserted between them, which are other pieces and values. */
export type Sql = {
  /** One more than is inserted. */
  readonly texts: readonly string[];
  readonly inserted: readonly (Sql | Value)[];
};

/** A statement that an engine can run. */
export type SqlStatement = { readonly text: string; readonly values: Value[] };

/** Write SQL. Anything inserted that is not `Sql` becomes a value, so no text from a caller becomes SQL. */
export function sql(texts: TemplateStringsArray, ...inserted: readonly (Sql | Value)[]): Sql {
  return { texts, inserted };
}

/** A text as SQL, unchanged. Never pass a text from a caller. */
export function raw(text: string): Sql {
  return { texts: [text], inserted: [] };
}

/** @param separator SQL, to be written between each two pieces. */
export function joined(pieces: readonly Sql[], separator: string): Sql {
  const texts = pieces.map((_, place) => (place === 0 ? "" : separator));
  return { texts: [...texts, ""], inserted: pieces };
}

/**
 * Put a statement together. Values are numbered only here, in the order of the text, so the order in which
 * the pieces were made does not matter.
 *
 * @param placeholder Stands for the value with this number, from 1.
 */
export function statementFromSql(
  whole: Sql,
  placeholder: (number: number) => string,
): SqlStatement {
  const values: Value[] = [];
  const write = ({ texts, inserted }: Sql): string => {
    let text = texts[0] ?? "";
    for (const [place, piece] of inserted.entries()) {
      text += isSql(piece) ? write(piece) : placeholder(values.push(piece));
      text += texts[place + 1] ?? "";
    }
    return text;
  };
  return { text: write(whole), values };
}

function isSql(piece: Sql | Value): piece is Sql {
  return typeof piece === "object" && "inserted" in piece;
}
