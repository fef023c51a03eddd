/** Keys of an earlier process. A server remembers the keys that it has seen lately, and this one has seen none. */

import { randomUUID } from "node:crypto";
import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { object, text } from "../../support/api/json.ts";
import { gigi, methods as v1 } from "../../support/api/setting.ts";
import { methods as v2 } from "../../support/api/user-setting.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { anyCaller, callWithKey, type Keyed, requestOf } from "./calls.ts";

/** As every user is at first. */
const added = object(requestOf(v1.importHumanUser, "").profile);
const profile = (userId: string, nickName: string) => ({ userId, ...gigi, nickName });
const ofV2 = (userId: string, givenName: string) => ({
  userId,
  profile: { givenName, familyName: gigi.lastName },
});

type Call = (
  method: DescMethodUnary,
  request: JsonObject,
) => Promise<{ readonly reply: { readonly code: number } }>;

const updated = (call: Call, userId: string) =>
  call(v1.updateHumanProfile, profile(userId, "other"));
const removed = (call: Call, userId: string) => call(v2.deleteUser, { userId });

const cases: readonly {
  readonly name: string;
  readonly method: DescMethodUnary;
  readonly request: (userId: string) => JsonObject;
  /** The code of the first answer. */
  readonly first: number;
  /** What happens to the user after it. */
  readonly since?: readonly (typeof updated)[];
}[] = [
  {
    name: "was done, and would be done again",
    method: v1.updateHumanProfile,
    request: (userId) => profile(userId, "first"),
    first: 0,
    since: [updated],
  },
  {
    name: "was done, and would be refused",
    method: v1.updateHumanProfile,
    request: (userId) => profile(userId, "first"),
    first: 0,
  },
  {
    name: "was done, and would not find the user",
    method: v2.setEmail,
    request: (userId) => ({ userId, email: "a@a.example" }),
    first: 0,
    since: [removed],
  },
  {
    name: "was refused, and would be done",
    method: v1.updateHumanProfile,
    request: (userId) => ({ userId, ...added }) as JsonObject,
    first: 9,
    since: [updated],
  },
  {
    name: "was refused, and would be refused for something else",
    method: v1.updateHumanProfile,
    request: (userId) => ({ userId, ...added }) as JsonObject,
    first: 9,
    since: [removed],
  },
  {
    name: "changed nothing, and would change something",
    method: v2.updateHumanUser,
    request: (userId) => ofV2(userId, gigi.firstName),
    first: 0,
    since: [(call, userId) => call(v2.updateHumanUser, ofV2(userId, "Other"))],
  },
  {
    name: "changed something, and would change nothing",
    method: v2.updateHumanUser,
    request: (userId) => ofV2(userId, "Other"),
    first: 0,
  },
  {
    name: "added a user, whose name is taken now",
    method: v1.addHumanUser,
    request: () => requestOf(v1.addHumanUser, ""),
    first: 0,
  },
];

let after: TestServer;
const made = new Map<string, { readonly repeat: Keyed; readonly reply: unknown }>();

beforeAll(async () => {
  const before = await startServer([]);
  const token = before.adminToken;
  const call = (method: DescMethodUnary, request: JsonObject, key: string = randomUUID()) =>
    callWithKey(before.url, anyCaller, { method, request, key, token });
  for (const { name, method, request, first, since } of cases) {
    const { reply: imported } = await call(v1.importHumanUser, requestOf(v1.importHumanUser, ""));
    const userId = text(imported.body?.userId);
    const repeat = { method, request: request(userId), key: randomUUID(), token };
    const { reply } = await callWithKey(before.url, anyCaller, repeat);
    expect([name, reply.code]).toEqual([name, first]);
    for (const change of since ?? []) expect((await change(call, userId)).reply.code).toBe(0);
    made.set(name, { repeat, reply });
  }
  await before.stop();
  after = await startServer([], before.folder, before.database);
});
afterAll(() => after.close());

test.for(cases)("a call before a restart that $name is answered as it was", async ({ name }) => {
  const { repeat, reply } = made.get(name) ?? expect.fail(name);
  expect(await callWithKey(after.url, anyCaller, repeat)).toEqual({ isReplayed: true, reply });
  expect(await callWithKey(after.url, anyCaller, repeat)).toEqual({ isReplayed: true, reply });
});

test("a key before a restart is refused with another request", async () => {
  const { repeat } = made.get(cases[0]?.name ?? "") ?? expect.fail("no case");
  const request = { ...repeat.request, nickName: "another" };
  const { reply, isReplayed } = await callWithKey(after.url, anyCaller, { ...repeat, request });
  expect(reply).toMatchObject({ code: 3, message: expect.stringContaining("another request") });
  expect(isReplayed).toBe(false);
});

test("a call before a restart is answered as it was, though if-match is required now", async () => {
  await after.stop();
  after = await startServer(["--require-if-match"], after.folder, after.database);
  for (const { repeat, reply } of made.values())
    expect(await callWithKey(after.url, anyCaller, repeat)).toEqual({ isReplayed: true, reply });
});
