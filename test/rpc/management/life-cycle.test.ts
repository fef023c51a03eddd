import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import { type Refusal, refused } from "../../support/api/refusals.ts";
import {
  type As,
  gigi,
  type Method,
  methods,
  type Setting,
  startSetting,
} from "../../support/api/setting.ts";

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(() => setting.close());

/** A method is called with the user's id under the name that it has there. */
const idOf = (method: Method, userId: string) =>
  method.input.fields.some(({ name }) => name === "user_id") ? { userId } : { id: userId };

const notFound = (id: string, reason = "USER_NOT_FOUND"): Refusal => ({
  code: 5,
  text: "User could not be found",
  id,
  reason,
});
const date = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3}|\.\d{6})?Z$/);

describe.for(callers)("over $name,", (caller) => {
  const call = (method: Method, request: JsonObject, as?: As) =>
    setting.callOver(caller, method, request, as);
  const newHuman = (fields: JsonObject = {}) => {
    const userName = `${setting.newUserName()}.${randomUUID()}`;
    return { userName, profile: gigi, email: { email: "gigi@giraffe.example" }, ...fields };
  };

  /** The status of a user, and how it came about. */
  const before = {
    active: [],
    inactive: [methods.deactivateUser],
    locked: [methods.lockUser],
  } as const;

  test.for([
    { method: methods.deactivateUser, from: "active", state: "USER_STATE_INACTIVE" },
    { method: methods.deactivateUser, from: "locked", state: "USER_STATE_INACTIVE" },
    { method: methods.reactivateUser, from: "inactive", state: "USER_STATE_ACTIVE" },
    { method: methods.lockUser, from: "active", state: "USER_STATE_LOCKED" },
    { method: methods.unlockUser, from: "locked", state: "USER_STATE_ACTIVE" },
  ] as const)("$method.name makes a user who is $from $state", async ({ method, from, state }) => {
    const id = await setting.addUser();
    for (const step of before[from]) await setting.call(step, { id });
    const { body } = await call(method, { id }, { who: "editor" });
    const details = {
      sequence: String(2 + before[from].length),
      creationDate: date,
      changeDate: date,
      resourceOwner: setting.organizations.own,
    };
    expect(body).toEqual({ details });
    expect(await setting.call(methods.getUserByID, { id })).toMatchObject({
      user: { state, details: body?.details, human: { profile: gigi } },
    });
  });

  test.for([
    {
      method: methods.deactivateUser,
      from: "inactive",
      want: {
        code: 9,
        text: "User is already inactive",
        id: "COMMAND-5M0sf",
        reason: "ALREADY_INACTIVE",
      },
    },
    ...(["active", "locked"] as const).map((from) => ({
      method: methods.reactivateUser,
      from,
      want: { code: 9, text: "User is not inactive", id: "COMMAND-6M0sf", reason: "NOT_INACTIVE" },
    })),
    ...(["inactive", "locked"] as const).map((from) => ({
      method: methods.lockUser,
      from,
      want: {
        code: 9,
        text: "User is not active or initial",
        id: "COMMAND-3NN8v",
        reason: "NOT_LOCKABLE",
      },
    })),
    ...(["active", "inactive"] as const).map((from) => ({
      method: methods.unlockUser,
      from,
      want: { code: 9, text: "User is not locked", id: "COMMAND-4M0ds", reason: "NOT_LOCKED" },
    })),
  ] as const)("$method.name refuses a user who is $from", async ({ method, from, want }) => {
    const id = await setting.addUser();
    for (const step of before[from]) await setting.call(step, { id });
    expect(await call(method, { id })).toEqual(refused(caller, want));
    expect(await setting.readProfile(id)).toMatchObject({
      details: { sequence: String(1 + before[from].length) },
    });
  });

  const missing = [
    { method: methods.deactivateUser, id: "COMMAND-3M9ds", reason: "DEACTIVATE_NOT_FOUND" },
    { method: methods.reactivateUser, id: "COMMAND-4M0sd", reason: "REACTIVATE_NOT_FOUND" },
    { method: methods.lockUser, id: "COMMAND-5M9fs", reason: "LOCK_NOT_FOUND" },
    { method: methods.unlockUser, id: "COMMAND-M0dos", reason: "UNLOCK_NOT_FOUND" },
    { method: methods.removeUser, id: "COMMAND-m9od", reason: "REMOVE_NOT_FOUND" },
  ] as const;

  test.for(
    missing.flatMap((row) =>
      (["unknown", "removed", "foreign", "machine"] as const).map((whom) => ({ ...row, whom })),
    ),
  )("$method.name refuses a user who is $whom", async ({ method, whom, id, reason }) => {
    const request = { id: setting.users[whom] };
    expect(await call(method, request)).toEqual(refused(caller, notFound(id, reason)));
  });

  test("RemoveUser leaves nothing but the history", async () => {
    const human = newHuman();
    const { userId } = await setting.call(methods.addHumanUser, human);
    const id = String(userId);
    const removed = await call(methods.removeUser, { id }, { who: "editor" });
    expect(removed.body).toMatchObject({ details: { sequence: "2" } });

    expect(await call(methods.updateHumanProfile, { userId: id, ...gigi })).toMatchObject({
      code: 9,
      message: "Profile not found (COMMAND-3M9sd)",
    });
    const gone = [
      { method: methods.getHumanProfile, id: "QUERY-HNhb3", reason: "HUMAN_NOT_FOUND" },
      { method: methods.getUserByID, id: "QUERY-Dfbg2", reason: "USER_NOT_FOUND" },
      ...missing,
    ];
    for (const { method, id: errorId, reason } of gone)
      expect(await call(method, idOf(method, id))).toEqual(
        refused(caller, notFound(errorId, reason)),
      );
    expect(await call(methods.getUserByLoginNameGlobal, { loginName: human.userName })).toEqual(
      refused(caller, notFound("QUERY-Dfbg2")),
    );
    const history = await call(methods.listUserChanges, { userId: id, query: { asc: true } });
    expect(history.body).toMatchObject({
      result: [
        { eventType: { key: "EventTypes.user.human.added" } },
        { eventType: { key: "EventTypes.user.removed" } },
      ],
    });
  });
});
