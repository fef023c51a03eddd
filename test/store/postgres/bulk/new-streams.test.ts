import { expect, onTestFinished, test } from "vitest";
import { appendPieces, createPieces } from "../../../../src/store/postgres/bulk/pieces.ts";
import { openPostgres } from "../../../../src/store/postgres/database.ts";
import { keySpace } from "../../../../src/store/postgres/keys/key-space.ts";
import { query } from "../../../support/postgres.ts";
import { newPostgresDatabase } from "../../../support/postgres-database.ts";
import { added } from "../append/committing.ts";

test("new streams replace search keys that the index has without a stream", async () => {
  const url = await newPostgresDatabase();
  const database = await openPostgres(url);
  database.acquire();
  const link = database.link();
  onTestFinished(async () => {
    await link.close();
    await database.release();
  });
  const space = keySpace("org", "name");
  await query(
    url,
    `insert into search_keys (space, folded, stream, text) values (${space}, 'gi', 'b', 'GI')`,
  );
  const streams = ["a", "b", "c"].map((stream) =>
    added(stream, { keys: [["name", undefined, "gi", `Gi`]] }),
  );
  const connection = await link.get();
  const sent: string[] = [];
  const watched = {
    ...connection,
    run: (statements: Parameters<typeof connection.run>[0]) => {
      sent.push(...statements.map(({ name }) => name ?? ""));
      return connection.run(statements);
    },
  };
  await connection.query({ text: "begin" });
  const pieces = createPieces(true);
  for (const row of streams) pieces.add(row);
  const results = await appendPieces(watched, pieces.take());
  expect(results).toEqual(["appended", "appended", "appended"]);
  await connection.query({ text: "commit" });
  expect(sent).toContain("at-once-undo");
  const stored = await query(url, "select stream, folded, text from search_keys order by stream");
  expect(stored).toEqual(["a", "b", "c"].map((stream) => ({ stream, folded: "gi", text: "Gi" })));
  expect(await query(url, "select stream from heads order by stream")).toHaveLength(3);
});
