/** The tests of repeats on PostgreSQL, and those of two servers on one database. */

import { randomUUID } from "node:crypto";
import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Caller, callers } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { gigi, methods, useDatabases } from "../../support/api/setting.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { callWithKey, requestOf } from "./calls.ts";

useDatabases(newPostgresDatabase);

describe("on PostgreSQL", async () => {
  await import("./repeats.test.ts");
  await import("./pairs.test.ts");
});

describe("two servers on one database", () => {
  async function start() {
    const first = await startServer([], undefined, await newPostgresDatabase());
    const second = await startServer([], first.folder, first.database);
    onTestFinished(async () => {
      await second.close();
      await first.close();
    });
    const servers = [first, second];
    const token = first.adminToken;
    /** By the next server and the next protocol in turn. */
    const call = (turn: number, method: DescMethodUnary, request: JsonObject, key: string) => {
      const { url } = servers[turn % servers.length] as TestServer;
      const caller = callers[turn % callers.length] as Caller;
      return callWithKey(url, caller, { method, request, key, token });
    };
    return { call };
  }

  test("give one change and one answer for each key that many calls have at once", async () => {
    const { call } = await start();
    const request = requestOf(methods.importHumanUser, "");
    const added = await call(0, methods.importHumanUser, request, randomUUID());
    const userId = text(added.reply.body?.userId);
    const keys = Array.from({ length: 20 }, () => randomUUID());
    const answers = await Promise.all(
      Array.from({ length: 10 * keys.length }, async (_, turn) => {
        const place = turn % keys.length;
        const key = text(keys[place]);
        const profile = { userId, ...gigi, nickName: `n${place}` };
        // Both servers get each key, because the number of keys is even.
        const by = turn + Math.trunc(turn / keys.length);
        const { reply } = await call(by, methods.updateHumanProfile, profile, key);
        return [key, JSON.stringify([reply.code, reply.message, reply.body])] as const;
      }),
    );
    const ofKeys = keys.map(
      (key) => new Set(answers.filter(([of]) => of === key).map(([, a]) => a)),
    );
    expect(ofKeys.map((all) => all.size)).toEqual(keys.map(() => 1));
    const sequences = ofKeys.map((all) => {
      const [code, , body] = JSON.parse(text([...all][0]));
      expect(code).toBe(0);
      return Number(object(object(body).details).sequence);
    });
    expect(sequences.sort((a, b) => a - b)).toEqual(keys.map((_, index) => index + 2));
  });

  test("give one user for each key that many calls have at once", async () => {
    const { call } = await start();
    for (let round = 0; round < 5; round += 1) {
      const [request, key] = [requestOf(methods.addHumanUser, ""), randomUUID()];
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, turn) => call(turn, methods.addHumanUser, request, key)),
      );
      const bodies = new Set(answers.map(({ reply }) => JSON.stringify(reply.body)));
      expect([...bodies]).toEqual([expect.stringContaining('"userId"')]);
      const queries = [{ userNameQuery: { userName: text(request.userName) } }];
      const { reply } = await call(round, methods.listUsers, { queries }, key);
      expect(list(reply.body?.result)).toHaveLength(1);
    }
  });
});
