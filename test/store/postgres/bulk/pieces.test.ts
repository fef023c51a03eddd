import { expect, onTestFinished, test } from "vitest";
import { appendPieces, createPieces } from "../../../../src/store/postgres/bulk/pieces.ts";
import { openPostgres } from "../../../../src/store/postgres/database.ts";
import { keySpace } from "../../../../src/store/postgres/keys/key-space.ts";
import { query } from "../../../support/postgres.ts";
import { newPostgresDatabase } from "../../../support/postgres-database.ts";
import { added } from "../append/committing.ts";

/** Appends rows to a new database, and notes what was sent in one go. */
async function open() {
  const url = await newPostgresDatabase();
  const database = await openPostgres(url);
  database.acquire();
  const link = database.link();
  onTestFinished(async () => {
    await link.close();
    await database.release();
  });
  const connection = await link.get();
  const sent: string[][] = [];
  const watched = {
    ...connection,
    run(statements: Parameters<typeof connection.run>[0]) {
      sent.push(statements.map(({ name }) => name ?? ""));
      return connection.run(statements);
    },
  };
  async function append(rows: readonly ReturnType<typeof added>[], mayBeAtOnce = true) {
    const pieces = createPieces(mayBeAtOnce);
    for (const row of rows) pieces.add(row);
    await connection.query({ text: "begin" });
    const results = await appendPieces(watched, pieces.take());
    await connection.query({ text: "commit" });
    return results;
  }
  const heads = async () => Number((await query(url, "select count(*) from heads"))[0]?.count);
  return { url, append, heads, sent };
}

const many = (count: number) =>
  Array.from({ length: count }, (_, index) => added(`s${index}`, { uniqueKeys: [`k${index}`] }));

test("the new streams of a batch are sent in one go", async () => {
  const { append, heads, sent } = await open();
  const results = await append(many(1_300));
  expect(results).toEqual(Array(1_300).fill("appended"));
  expect(await heads()).toBe(1_300);
  expect(sent).toHaveLength(1);
  expect(sent[0]?.filter((name) => name === "insert-new-heads")).toHaveLength(3);
});

test.for([
  ["in the first piece", 3],
  ["in the second piece", 700],
  ["in the last piece", 1_299],
] as const)("a name that is taken %s leaves the streams around it alone", async ([, place]) => {
  const { append, heads, sent } = await open();
  await append([added("there", { uniqueKeys: [`k${place}`] })]);
  sent.length = 0;
  const results = await append(many(1_300));
  expect(results.map((result) => result === "appended")).toEqual(
    results.map((_, index) => index !== place),
  );
  expect(results[place]).toBe("unique-key-taken");
  expect(await heads()).toBe(1_300);
  expect(sent[1]).toEqual(["at-once-undo"]);
});

test("a stream that a batch has twice is stored once", async () => {
  const { append, heads, sent } = await open();
  const rows = many(600);
  const results = await append([...rows, added("s7"), added("s599"), added("s599")]);
  expect(results).toEqual([...rows.map(() => "appended"), ...Array(3).fill("conflict")]);
  expect(await heads()).toBe(600);
  expect(sent[0]).toContain("insert-new-heads");
});

test("nothing is sent at once where it may not be", async () => {
  const { append, sent } = await open();
  expect(await append(many(200), false)).toEqual(Array(200).fill("appended"));
  expect(sent.flat()).not.toContain("at-once-begin");
});

test("new streams replace search keys that the index has without a stream", async () => {
  const { url, append, heads, sent } = await open();
  const space = keySpace("org", "name");
  await query(
    url,
    `insert into search_keys (space, folded, stream, text) values (${space}, 'gi', 'b', 'GI')`,
  );
  const streams = ["a", "b", "c"].map((stream) =>
    added(stream, { keys: [["name", undefined, "gi", "Gi"]] }),
  );
  expect(await append(streams)).toEqual(["appended", "appended", "appended"]);
  expect(sent[1]).toEqual(["at-once-undo"]);
  const stored = await query(url, "select stream, folded, text from search_keys order by stream");
  expect(stored).toEqual(["a", "b", "c"].map((stream) => ({ stream, folded: "gi", text: "Gi" })));
  expect(await heads()).toBe(3);
});
