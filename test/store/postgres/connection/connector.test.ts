import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectToPrimary } from "../../../../src/store/postgres/connection/connector.ts";
import { query } from "../../../support/postgres.ts";
import { newPostgresDatabase } from "../../../support/postgres-database.ts";

describe("connectToPrimary", () => {
  /** Accepts, and never says a word. */
  const silent = createServer();
  /** Ends every connection at once. */
  const broken = createServer((socket) => socket.destroy());
  const hosts: Record<string, string> = {};
  let writable: string;
  let readOnly: string;

  beforeAll(async () => {
    writable = await newPostgresDatabase();
    readOnly = await newPostgresDatabase();
    const name = new URL(readOnly).pathname.slice(1);
    await query(writable, `alter database ${name} set default_transaction_read_only = on`);
    for (const [kind, server] of Object.entries({ silent, broken })) {
      await once(server.listen(0, "127.0.0.1"), "listening");
      const address = server.address();
      hosts[kind] = typeof address === "object" ? `127.0.0.1:${address?.port}` : "";
    }
    hosts.closed = "127.0.0.1:1";
    hosts.primary = new URL(writable).host;
  });
  afterAll(() => {
    silent.close();
    broken.close();
  });

  /** The database of `writable`, by way of these hosts. */
  const through = (...kinds: string[]) =>
    writable.replace(String(hosts.primary), kinds.map((kind) => hosts[kind]).join(","));

  test.for([
    { name: "the only host", kinds: ["primary"] },
    { name: "the next when the first refuses", kinds: ["closed", "primary"] },
    { name: "the next when the first hangs up", kinds: ["broken", "primary"] },
    { name: "the next when the first says nothing", kinds: ["silent", "primary"] },
    { name: "the first that is one", kinds: ["primary", "closed"] },
  ])("takes $name", async ({ kinds }) => {
    const connection = await connectToPrimary(through(...kinds));
    expect(connection.isOpen()).toBe(true);
    expect(await connection.query({ text: "select 1 as one" })).toEqual([{ one: 1 }]);
    await connection.close();
    expect(connection.isOpen()).toBe(false);
  });

  test("names the reason for each host, and no password", async () => {
    const url = through("closed", "broken").replace("://giraffe@", "://giraffe:hunter2@");
    const failure = await connectToPrimary(url).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      name: "StoreUnavailableError",
      message: expect.stringMatching(/no primary .*127\.0\.0\.1:1: .*ECONNREFUSED.*; 127\./),
    });
    expect(String(failure)).not.toContain("hunter2");
  });

  test("F18: skips a server that is read-only", async () => {
    await expect(connectToPrimary(readOnly)).rejects.toThrow("so it is not the primary");
  });

  test("uses the index, and compiles nothing", async () => {
    const connection = await connectToPrimary(writable);
    const text =
      "select current_setting('enable_seqscan') as seqscan, current_setting('jit') as jit";
    expect(await connection.query({ text })).toEqual([{ seqscan: "off", jit: "off" }]);
    await connection.close();
  });

  test("F15: survives the end of an idle connection", async () => {
    const connection = await connectToPrimary(writable);
    const [row] = await connection.query({ text: "select pg_backend_pid() as pid" });
    await query(writable, `select pg_terminate_backend(${row?.pid}, 5000)`);
    await expect.poll(() => connection.isOpen()).toBe(false);
    await expect(connection.query({ text: "select 1" })).rejects.toThrow("not queryable");
  });

  const warn = "do $$ begin raise warning 'might not have been replicated'; end $$";

  test("C5: ignores a warning on a connection that does not write", async () => {
    const connection = await connectToPrimary(writable);
    expect(await connection.query({ text: warn })).toEqual([]);
    expect(connection.isOpen()).toBe(true);
    await connection.close();
  });

  test.for([
    { name: "", query: "" },
    {
      name: ", also where warnings are kept back",
      query: "?options=-c%20client_min_messages%3Derror",
    },
  ])(
    "C5: fails after a warning to a write, because the standbys may not have the commit$name",
    async ({ query }) => {
      const connection = await connectToPrimary(writable + query, { writes: true });
      await expect(connection.query({ text: warn })).rejects.toMatchObject({
        name: "CommitWarningError",
      });
      expect(connection.isOpen()).toBe(false);
    },
  );
});
