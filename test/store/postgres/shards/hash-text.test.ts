import { expect, test } from "vitest";
import { hashText } from "../../../../src/store/postgres/shards/hash-text.ts";
import { query } from "../../../support/postgres.ts";
import { newPostgresDatabase } from "../../../support/postgres-database.ts";

/** Of every length around the twelve bytes that are hashed at once, of one to four bytes a character. */
const texts = ["a", "é", "名", "😀"].flatMap((character) =>
  Array.from({ length: 40 }, (_, length) => `${character.repeat(length)}${length}`),
);

test("a text has the hash that the server gives it", async () => {
  const url = await newPostgresDatabase();
  const listed = texts.map((text, index) => `(${index}, '${text}')`).join(", ");
  const rows = await query(
    url,
    `select hashtext(t) as hash from (values ${listed}, (-1, '')) as l (i, t) order by i`,
  );
  expect(["", ...texts].map(hashText)).toEqual(rows.map(({ hash }) => hash));
});
