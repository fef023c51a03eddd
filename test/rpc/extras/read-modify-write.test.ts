/** Why there is `if-match`: many clients that read a user, change what they have read, and write it. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Caller, callers, closeCallers, type Reply } from "../../support/api/callers.ts";
import { object, text } from "../../support/api/json.ts";
import { gigi, methods } from "../../support/api/setting.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { startServer, type TestServer } from "../../support/server.ts";

let servers: [TestServer, TestServer];
beforeAll(async () => {
  const database = await newPostgresDatabase();
  const first = await startServer([], undefined, database);
  servers = [first, await startServer([], first.folder, database)];
});
afterAll(async () => {
  closeCallers();
  await servers[1].stop();
  await servers[0].close();
});

const clients = 100;

/** Adds one to the number in the nick name of the user, over the protocol and the server of this client. */
async function increment(
  client: number,
  userId: string,
  write: (seen: Reply) => Record<string, string>,
) {
  const caller = callers[client % callers.length] as Caller;
  const { url, adminToken: token } = servers[client % 2] as TestServer;
  const seen = await caller.call(url, methods.getHumanProfile, { userId }, { token });
  const nickName = String(Number(object(seen.body?.profile).nickName) + 1);
  const request = { userId, ...gigi, nickName };
  return caller.call(url, methods.updateHumanProfile, request, { token, headers: write(seen) });
}

const eachClient = (work: (client: number) => Promise<void>) =>
  Promise.all(Array.from({ length: clients }, (_, client) => work(client)));

async function call(method: (typeof methods)[keyof typeof methods], request: object) {
  const { url, adminToken: token } = servers[0];
  const { body } = await (callers[0] as Caller).call(url, method, { ...request }, { token });
  return object(body);
}

let users = 0;
async function addCounter(): Promise<string> {
  users += 1;
  const userName = `counter-${users}`;
  const profile = { ...gigi, nickName: "0" };
  const email = { email: "counter@giraffe.example" };
  return text((await call(methods.importHumanUser, { userName, profile, email })).userId);
}

const countOf = async (userId: string) =>
  Number(object((await call(methods.getHumanProfile, { userId })).profile).nickName);

describe(`${clients} clients that read, modify and write one user over two servers on PostgreSQL`, () => {
  test("lose nothing with if-match, if they read again after a mismatch", async () => {
    const userId = await addCounter();
    let mismatches = 0;
    await eachClient(async (client) => {
      for (;;) {
        const reply = await increment(client, userId, ({ headers }) => ({
          "if-match": headers.get("etag") ?? "no etag",
        }));
        if (reply.code === 0) return;
        expect(reply.code, reply.message).toBe(10);
        mismatches += 1;
      }
    });
    expect(await countOf(userId)).toBe(clients);
    expect(mismatches).toBeGreaterThan(0);
  });

  test("lose increments without it, although every one is acknowledged or changes nothing", async () => {
    const userId = await addCounter();
    await eachClient(async (client) => {
      const reply = await increment(client, userId, () => ({}));
      // 9: somebody else has stored the same number meanwhile.
      expect([0, 9]).toContain(reply.code);
    });
    expect(await countOf(userId)).toBeLessThan(clients);
  });
});
