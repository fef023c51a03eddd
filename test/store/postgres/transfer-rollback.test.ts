import { expect, onTestFinished, test } from "vitest";
import type { Connection } from "../../../src/store/postgres/connection/connection.ts";
import { openPostgres, type Postgres } from "../../../src/store/postgres/database.ts";
import { createPostgresTransfer } from "../../../src/store/postgres/transfer.ts";
import { OvertakenError } from "../../../src/store/transfer.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";

const decisions = [{ events: [{ type: "said", data: {}, creator: "me" }], state: "a" }];
const stream = { stream: "s", organization: "org", decisions };
const progress = { source: "s", lines: 1, digest: "d" };
const lines = { kind: "next", tried: [1], rejected: [], isAnew: false, progress } as const;

/** Transfers whose connections end at each rollback. */
async function open(query: (connection: Connection) => Connection["query"]) {
  const database = await openPostgres(await newPostgresDatabase());
  const link: Postgres["link"] = () => {
    const whole = database.link();
    return {
      ...whole,
      async get() {
        const connection = await whole.get();
        return {
          ...connection,
          query(statement) {
            if (statement.text === "rollback") connection.destroy();
            return query(connection)(statement);
          },
        };
      },
    };
  };
  const transfer = createPostgresTransfer({
    database: { ...database, link },
    now: () => Date.now() * 1_000,
  });
  onTestFinished(() => transfer.close());
  transfer.prepare([stream]);
  return transfer;
}

test("a batch that was overtaken says so, also if the connection ends at the rollback", async () => {
  const transfer = await open(({ query }) => query);
  const known = { ...progress, digest: "another" };
  await expect(transfer.write({ ...lines, known })).rejects.toThrow(OvertakenError);
});

test("a batch is tried again after a deadlock, also if the connection ends at the rollback", async () => {
  let isFirst = true;
  const transfer = await open((connection) => (statement) => {
    if (!isFirst || !statement.text.includes("into imports")) return connection.query(statement);
    isFirst = false;
    // As if other transactions had the locks that it wants.
    return connection.query({
      text: "do $$ begin raise exception 'deadlock' using errcode = '40P01'; end $$",
    });
  });
  expect(await transfer.write({ ...lines, known: undefined })).toEqual(["stored"]);
  expect(isFirst).toBe(false);
});
