import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import { refused } from "../../support/api/refusals.ts";
import { type As, methods as v1 } from "../../support/api/setting.ts";
import { methods, startUserSetting, type UserSetting } from "../../support/api/user-setting.ts";
import {
  failedPrecondition,
  membershipNotFound,
  userNotFound,
  userPermissionMissing,
} from "./refusals.ts";

let setting: UserSetting;
beforeAll(async () => {
  setting = await startUserSetting();
});
afterAll(() => setting.close());

const date = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3}|\.\d{6})?Z$/);

/** How a user comes into a state, by v1: both versions act on the same users. */
const before = { active: [], inactive: [v1.deactivateUser], locked: [v1.lockUser] } as const;
type From = keyof typeof before;

const inactive = failedPrecondition(
  "COMMAND-5gunjw0cd7",
  "USER_ALREADY_INACTIVE",
  "User is already inactive",
);
const notInactive = failedPrecondition(
  "COMMAND-s5qqcz97hf",
  "USER_NOT_INACTIVE",
  "User is not inactive",
);
const notLockable = failedPrecondition(
  "COMMAND-lgws8wtsqf",
  "USER_NOT_LOCKABLE",
  "User is not active or initial",
);
const notLocked = failedPrecondition("COMMAND-olb9vb0oca", "USER_NOT_LOCKED", "User is not locked");

const missing = [
  [methods.deactivateUser, userNotFound("COMMAND-5gp2p62iin", "DEACTIVATE_USER_NOT_FOUND")],
  [methods.reactivateUser, userNotFound("COMMAND-9hy5kzbuk6", "REACTIVATE_USER_NOT_FOUND")],
  [methods.lockUser, userNotFound("COMMAND-450yxuqrh1", "LOCK_USER_NOT_FOUND")],
  [methods.unlockUser, userNotFound("COMMAND-x377t913pw", "UNLOCK_USER_NOT_FOUND")],
  [methods.deleteUser, userNotFound("COMMAND-bd4ir1mblj", "DELETE_USER_NOT_FOUND")],
] as const;

describe.for(callers)("over $name,", (caller) => {
  type Method = (typeof missing)[number][0];
  const call = (method: Method, request: JsonObject, as: As = { who: "editor" }) =>
    setting.callOver(caller, method, request, as);
  const userWho = async (from: From) => {
    const id = await setting.addUser();
    for (const step of before[from]) await setting.call(step, { id });
    return id;
  };

  test.for([
    [methods.deactivateUser, "active", "USER_STATE_INACTIVE"],
    [methods.deactivateUser, "locked", "USER_STATE_INACTIVE"],
    [methods.reactivateUser, "inactive", "USER_STATE_ACTIVE"],
    [methods.lockUser, "active", "USER_STATE_LOCKED"],
    [methods.unlockUser, "locked", "USER_STATE_ACTIVE"],
  ] as const)("%s makes a user who is %s %s", async ([method, from, state]) => {
    const userId = await userWho(from);
    const sequence = String(2 + before[from].length);
    expect((await call(method, { userId })).body).toEqual({
      details: { sequence, changeDate: date, resourceOwner: setting.organizations.own },
    });
    expect((await setting.read(userId)).state).toBe(state);
  });

  test.for([
    [methods.deactivateUser, "inactive", inactive],
    [methods.reactivateUser, "active", notInactive],
    [methods.reactivateUser, "locked", notInactive],
    [methods.lockUser, "locked", notLockable],
    [methods.lockUser, "inactive", notLockable],
    [methods.unlockUser, "active", notLocked],
    [methods.unlockUser, "inactive", notLocked],
  ] as const)("%s refuses a user who is %s", async ([method, from, want]) => {
    const userId = await userWho(from);
    expect(await call(method, { userId })).toEqual(refused(caller, want));
  });

  test.for(missing)(
    "%s says to those who may know it that nobody is there",
    async ([method, want]) => {
      const all: As = { token: setting.manager };
      const { unknown, removed, machine } = setting.users;
      for (const userId of [unknown, removed, machine])
        expect(await call(method, { userId }, all)).toEqual(refused(caller, want));
      for (const userId of [removed, machine])
        expect(await call(method, { userId })).toEqual(refused(caller, want));
    },
  );

  test.for(missing)("%s says neither who is there nor how they are to others", async ([method]) => {
    const userId = await userWho("locked");
    const { unknown, foreign } = setting.users;
    const outsider: As = { who: "outsider" };
    for (const id of [userId, unknown])
      expect(await call(method, { userId: id }, outsider)).toEqual(
        refused(caller, membershipNotFound),
      );
    expect(await call(method, { userId: foreign })).toEqual(refused(caller, membershipNotFound));
    expect(await call(method, { userId }, { who: "viewer" })).toEqual(
      refused(caller, userPermissionMissing),
    );
    const other: As = { token: setting.tokenOf(await setting.addUser()) };
    expect(await call(method, { userId }, other)).toEqual(refused(caller, membershipNotFound));
    expect(await setting.events(userId)).toHaveLength(2);
  });

  test.for(missing.map(([method]) => method).filter((method) => method !== methods.deleteUser))(
    "$name is nothing that people may do to themselves",
    async (method) => {
      const userId = await setting.addUser();
      const self: As = { token: setting.tokenOf(userId) };
      expect(await call(method, { userId }, self)).toEqual(refused(caller, membershipNotFound));
    },
  );

  test("DeleteUser removes a user for good, and frees the user name", async () => {
    const userId = await setting.addUser();
    const { username } = await setting.read(userId);
    expect((await call(methods.deleteUser, { userId })).body).toMatchObject({
      details: { sequence: "2" },
    });
    expect(await call(methods.deleteUser, { userId })).toEqual(
      refused(caller, userNotFound("COMMAND-bd4ir1mblj", "DELETE_USER_NOT_FOUND")),
    );
    const next = await setting.addUser();
    const rename = { userId: next, username: String(username) };
    await setting.call(methods.updateHumanUser, rename);
    expect((await setting.read(next)).username).toBe(username);
  });
});
