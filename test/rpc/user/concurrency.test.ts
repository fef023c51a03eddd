/** Both versions of the API write one user at once. */

import { randomUUID } from "node:crypto";
import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Caller, callers } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { methods as v1 } from "../../support/api/setting.ts";
import { methods, startUserSetting, type UserSetting } from "../../support/api/user-setting.ts";

let setting: UserSetting;
beforeAll(async () => {
  setting = await startUserSetting();
});
afterAll(() => setting.close());

const writers = 200;

type Write = {
  readonly method: DescMethodUnary;
  readonly request: (userId: string, text: string) => JsonObject;
  /** The events of one such change, where nobody else writes. */
  readonly events: number;
};

const profile = { firstName: "Gigi", lastName: "Giraffe", displayName: "Gigi" };
const writes: readonly Write[] = [
  {
    method: v1.updateHumanProfile,
    request: (userId, nickName) => ({ userId, ...profile, nickName }),
    events: 1,
  },
  {
    method: methods.updateUser,
    request: (userId, nickName) => ({ userId, human: { profile: { nickName } } }),
    events: 1,
  },
  {
    method: methods.updateHumanUser,
    request: (userId, name) => ({ userId, username: name, email: { email: `${name}@b.example` } }),
    events: 2,
  },
  {
    method: v1.updateHumanEmail,
    request: (userId, name) => ({ userId, email: `${name}@a.example`, isEmailVerified: true }),
    events: 2,
  },
  {
    method: methods.updateUser,
    request: (userId, name) => ({
      userId,
      username: name,
      human: {},
      metadata: [{ key: "last", value: Buffer.from(name).toString("base64") }],
    }),
    events: 2,
  },
  {
    method: v1.setUserMetadata,
    request: (id, name) => ({ id, key: "last", value: Buffer.from(name).toString("base64") }),
    events: 1,
  },
];

describe("200 changes of one user by both versions at once", () => {
  test("are each stored, with sequences of their own, and the last state is the fold of all", async () => {
    const userId = await setting.addUser();
    const calls = Array.from({ length: writers }, (_, index) => {
      const write = writes[index % writes.length] as Write;
      const caller = callers[index % callers.length] as Caller;
      return { write, caller, name: `w${index}-${randomUUID()}` };
    });
    const replies = await Promise.all(
      calls.map(({ write, caller, name }) =>
        setting.callOver(caller, write.method, write.request(userId, name)),
      ),
    );
    expect(replies.filter(({ code }) => code !== 0)).toEqual([]);

    // Every change says something new, so each has its events, and nothing else was written.
    const total = 1 + calls.reduce((sum, { write }) => sum + write.events, 0);
    const { result } = await setting.call(v1.listUserChanges, {
      userId,
      query: { asc: true, limit: 1_000 },
    });
    const sequences = list(result).map((change) => Number(object(change).sequence));
    expect(sequences).toEqual(Array.from({ length: total }, (_, index) => index + 1));

    const stored = calls.flatMap(({ write, name }, index) => {
      const { details } = object(replies[index]?.body);
      const sequence = details === undefined ? 0 : Number(object(details).sequence);
      return sequence === 0 ? [] : [{ write, name, sequence }];
    });
    const answered = stored.map(({ sequence }) => sequence);
    expect(new Set(answered).size).toBe(answered.length);
    expect(Math.max(...answered)).toBeLessThanOrEqual(total);

    const user = await setting.read(userId);
    expect(object(user.details).sequence).toBe(String(total));
    // Both calls that change the address answer their sequences, so the last of them is known.
    const ofAddress: readonly DescMethodUnary[] = [methods.updateHumanUser, v1.updateHumanEmail];
    const [last] = stored
      .filter(({ write }) => ofAddress.includes(write.method))
      .sort((one, other) => other.sequence - one.sequence);
    const isOfV2 = last?.write.method === methods.updateHumanUser;
    expect(object(user.human).email).toEqual(
      isOfV2
        ? { email: `${last?.name}@b.example` }
        : { email: `${last?.name}@a.example`, isVerified: true },
    );
    await expectSameInV1(userId, user);
  });
});

/** Whether v1 shows the user as v2 does, and finds it by its last name. */
async function expectSameInV1(userId: string, user: Record<string, unknown>) {
  const { user: older } = await setting.call(v1.getUserByID, { id: userId });
  const { human, userName } = object(older);
  const { profile: names, email } = object(human);
  const newer = object(user.human);
  expect(userName).toBe(user.username);
  expect(object(newer.profile).nickName).toBe(object(names).nickName);
  expect(object(newer.email).email).toBe(object(email).email);
  const found = await setting.call(v1.listUsers, {
    queries: [{ userNameQuery: { userName: text(user.username) } }],
  });
  expect(list(found.result)).toHaveLength(1);
}
