import { randomUUID } from "node:crypto";
import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserService } from "../../../gen/giraffe/v1/user_service_pb.ts";
import { callers } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { refused } from "../../support/api/refusals.ts";
import { type As, gigi, methods as v1 } from "../../support/api/setting.ts";
import {
  startUserSetting,
  type UserSetting,
  methods as v2,
} from "../../support/api/user-setting.ts";
import { membershipNotFound, userNotFound, userPermissionMissing } from "../user/refusals.ts";

const { eraseUser, listChanges } = UserService.method;

let setting: UserSetting;
beforeAll(async () => {
  setting = await startUserSetting();
});
afterAll(() => setting.close());

const notFound = userNotFound("QUERY-Dfbg2", "USER_NOT_FOUND");

describe.for(callers)("EraseUser over $name", (caller) => {
  const call = (method: DescMethodUnary, request: JsonObject, as?: As) =>
    setting.callOver(caller, method, request, as);
  const erase = (userId: string, as?: As) => call(eraseUser, { userId }, as);
  const changesOf = async (userId: string) => {
    const { changes } = await setting.call(listChanges, { userId });
    return list(changes).map(object);
  };
  const searched = async (queries: JsonObject[]) =>
    list((await setting.call(v2.listUsers, { queries })).result ?? []).length;

  /** A person with everything that a person can have. */
  const addWhole = async () => {
    const username = `erase-${randomUUID()}`;
    const human = {
      profile: { givenName: "Gigi", familyName: "Giraffe" },
      email: { email: `${username}@giraffe.example`, isVerified: true },
      phone: { phone: "+41441234567" },
    };
    const { own } = setting.organizations;
    const { id } = await setting.call(v2.createUser, { organizationId: own, username, human });
    const userId = text(id);
    const metadata = [{ key: "color", value: "cmVk" }];
    await setting.call(v2.setUserMetadata, { userId, metadata });
    return { userId, username };
  };

  test("leaves the id, and of each change sequence, type, time, editor and request", async () => {
    const { userId, username } = await addWhole();
    const before = await changesOf(userId);
    const { code, body } = await erase(userId, { who: "owner" });
    const details = object(body?.details);
    expect({ code, sequence: details.sequence }).toEqual({ code: 0, sequence: "4" });
    const after = await changesOf(userId);
    expect(after.map(({ eventType, sequence }) => [eventType, sequence])).toEqual([
      ["user.erased", "4"],
      ["user.removed", "3"],
      ["user.metadata.set", "2"],
      ["user.human.added", "1"],
    ]);
    expect(after.slice(2)).toEqual(before.map(({ fields: _, ...change }) => change));
    expect(after[0]).toMatchObject({ time: details.changeDate, message: "User erased" });
    expect(JSON.stringify(after)).not.toContain("Giraffe");
    expect(await searched([{ userNameQuery: { userName: username } }])).toBe(0);
    expect(await searched([{ inUserIdsQuery: { userIds: [userId] } }])).toBe(0);
    const filtered = await call(listChanges, { userId, fields: ["state"] });
    expect(filtered.body).toEqual({});
  });

  test("is found by nothing any more, and its id is not given again", async () => {
    const { userId, username } = await addWhole();
    await erase(userId);
    expect(await call(v1.getUserByID, { id: userId })).toMatchObject({ code: 5 });
    expect(await call(v2.getUserByID, { userId })).toMatchObject({ code: 5 });
    const update = { userId, profile: { givenName: "Back", familyName: "Again" } };
    expect(await call(v2.updateHumanUser, update)).toMatchObject({ code: 5 });
    expect(await call(v1.reactivateUser, { id: userId })).toMatchObject({ code: 5 });
    const human = { profile: { givenName: "G", familyName: "G" }, email: { email: "g@g.example" } };
    const again = { userId, username: randomUUID(), ...human };
    expect(await call(v2.addHumanUser, again)).toMatchObject({ code: 9 });
    // The name is free for somebody else, as after RemoveUser.
    const other = { username, ...human };
    expect(await call(v2.addHumanUser, other)).toMatchObject({ code: 0 });
  });

  test("works for removed users, and a second time", async () => {
    const userId = await setting.addUser();
    await setting.call(v1.removeUser, { id: userId });
    const first = await erase(userId);
    expect(object(first.body?.details).sequence).toBe("3");
    expect(await erase(userId)).toEqual(first);
    expect(await changesOf(userId)).toHaveLength(3);
  });

  test("needs user.delete where the user lives, and does not tell others who is there", async () => {
    const { machine, unknown, foreign } = setting.users;
    const userId = await setting.addUser();
    for (const who of ["viewer", "settings"] as const)
      expect(await erase(userId, { who })).toEqual(refused(caller, userPermissionMissing));
    for (const id of [userId, unknown])
      expect(await erase(id, { who: "outsider" })).toEqual(refused(caller, membershipNotFound));
    expect(await erase(foreign, { who: "editor" })).toEqual(refused(caller, membershipNotFound));
    for (const id of [machine, unknown]) expect(await erase(id)).toEqual(refused(caller, notFound));
    expect(await changesOf(userId)).toHaveLength(1);
    expect(await erase(userId, { who: "editor" })).toMatchObject({ code: 0 });
  });

  test("heeds if-match, also for removed users, and tries without doing", async () => {
    const userId = await setting.addUser();
    const match = (version: string) => ({ headers: { "if-match": version } });
    expect(await erase(userId, match('"2"'))).toMatchObject({ code: 10 });
    const dry = await erase(userId, { headers: { "x-giraffe-validate-only": "true" } });
    expect(dry).toMatchObject({ code: 0 });
    expect(await changesOf(userId)).toHaveLength(1);
    await setting.call(v1.removeUser, { id: userId });
    expect(await erase(userId, match('"1"'))).toMatchObject({ code: 10 });
    expect(await erase(userId, match('"2"'))).toMatchObject({ code: 0 });
    expect(await erase(userId, match('"2"'))).toMatchObject({ code: 10 });
    expect(await erase(userId, match("*"))).toMatchObject({ code: 0 });
    expect(await changesOf(userId)).toHaveLength(3);
  });

  test("forgets the keys of earlier calls, and keeps its own", async () => {
    const userId = await setting.addUser();
    const key = randomUUID();
    const withKey = (name: string) => ({ headers: { "idempotency-key": name } });
    const update = () =>
      call(v1.updateHumanProfile, { userId, ...gigi, lastName: "Okapi" }, withKey(key));
    const updated = await update();
    expect(await update()).toEqual(updated);
    const own = randomUUID();
    const erased = await erase(userId, withKey(own));
    expect(erased).toMatchObject({ code: 0 });
    expect(await update()).toMatchObject({ code: 9 });
    await setting.call(eraseUser, { userId });
    expect(await erase(userId, withKey(own))).toEqual(erased);
  });
});

test("RemoveUser alone leaves the history with its values", async () => {
  const { changes } = await setting.call(listChanges, { userId: setting.users.removed });
  expect(JSON.stringify(changes)).toContain("Gigi");
});
