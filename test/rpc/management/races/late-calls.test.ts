import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CallOptions, callers, closeCallers } from "../../../support/api/callers.ts";
import { list, text } from "../../../support/api/json.ts";
import { gigi, type Method, methods } from "../../../support/api/setting.ts";
import { scrape } from "../../../support/scrape.ts";
import { startServer, type TestServer } from "../../../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer([]);
});
afterAll(async () => {
  closeCallers();
  await server.close();
});

async function call(method: Method, request: JsonObject, headers: CallOptions["headers"] = {}) {
  const options = { token: server.adminToken, headers };
  const reply = await callers[0]?.call(server.url, method, request, options);
  if (reply === undefined) throw new Error("no caller");
  return reply;
}

async function addUser(userName: string): Promise<string> {
  const request = { userName, profile: gigi, email: { email: "gigi@giraffe.example" } };
  return text((await call(methods.importHumanUser, request)).body?.userId);
}

const update = (userId: string, headers?: CallOptions["headers"]) =>
  call(methods.updateHumanProfile, { userId, ...gigi, nickName: "late" }, headers);

const changesOf = async (userId: string) =>
  list((await call(methods.listUserChanges, { userId })).body?.result).length;

test("an update whose client has gone is dropped while it waits for the database", async () => {
  const [first, late, left, last] = (await Promise.all(
    ["first", "late", "left", "last"].map(addUser),
  )) as [string, string, string, string];
  const other = new DatabaseSync(join(server.folder, "giraffe.db"));
  other.exec("begin immediate");

  // The database is busy with this update; later ones wait for it.
  const answer = update(first);
  await call(methods.getHumanProfile, { userId: first });
  expect(await update(late, { "grpc-timeout": "50m" })).toMatchObject({ code: 4 });
  const client = new AbortController();
  const gone = fetch(`${server.url}/management/v1/users/${left}/profile`, {
    method: "PUT",
    headers: { authorization: `Bearer ${server.adminToken}` },
    body: JSON.stringify({ ...gigi, nickName: "late" }),
    signal: client.signal,
  });
  // It is there, beside the first one, and decided by the time that a later call is answered.
  await expect.poll(async () => (await scrape(server.url)).giraffe_calls_in_flight).toBe(2);
  await call(methods.getHumanProfile, { userId: left });
  client.abort();
  await expect(gone).rejects.toThrow("aborted");
  await expect.poll(() => server.records.map(({ code }) => code)).toContain("canceled");

  other.exec("rollback");
  other.close();
  expect(await answer).toMatchObject({ code: 0 });
  expect(await update(last)).toMatchObject({ code: 0 });
  expect(await Promise.all([first, late, left, last].map(changesOf))).toEqual([2, 1, 1, 2]);
});

test("F21: an update whose deadline passes while the event loop is blocked is dropped", async () => {
  const [first, late] = (await Promise.all(["stalled", "expired"].map(addUser))) as [
    string,
    string,
  ];
  const other = new DatabaseSync(join(server.folder, "giraffe.db"));
  other.exec("begin immediate");

  // The database is busy with this update; later ones wait for it.
  const answer = update(first);
  await call(methods.getHumanProfile, { userId: first });
  const expired = update(late, { "grpc-timeout": "1S" });
  await call(methods.getHumanProfile, { userId: late });
  other.exec("rollback");
  other.close();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);

  expect(await expired).toMatchObject({ code: 4 });
  expect(await answer).toMatchObject({ code: 0 });
  expect(await Promise.all([first, late].map(changesOf))).toEqual([2, 1]);
});
