/** What a statement may be given beside its text. */
export type Value = string | number | readonly string[];

/** A piece of SQL that carries what is inserted between its texts: other pieces, and values. */
export type Sql = {
  /** One more than is inserted. */
  readonly texts: readonly string[];
  readonly inserted: readonly (Sql | Value)[];
};

/** What an engine is given to run. */
export type SqlStatement = { readonly text: string; readonly values: Value[] };

/** Write SQL. What is inserted and is no SQL is a value: no text that a caller sent becomes SQL. */
export function sql(texts: TemplateStringsArray, ...inserted: readonly (Sql | Value)[]): Sql {
  return { texts, inserted };
}

/** SQL as it is. Never pass a text that a caller sent. */
export function raw(text: string): Sql {
  return { texts: [text], inserted: [] };
}

/** @param separator SQL, to be written between each two pieces. */
export function joined(pieces: readonly Sql[], separator: string): Sql {
  const texts = pieces.map((_, place) => (place === 0 ? "" : separator));
  return { texts: [...texts, ""], inserted: pieces };
}

/**
 * The whole statement. Only here do values get their numbers: in the order of the text, whatever order
 * its pieces were made in.
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
