import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import { list, object } from "../../support/api/json.ts";
import {
  brokenRules,
  fieldRules,
  type Refusal,
  refusals,
  refused,
} from "../../support/api/refusals.ts";
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

const date = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3}|\.\d{6})?Z$/);
const notFound: Refusal = {
  code: 5,
  text: "User could not be found",
  id: "COMMAND-5N9ds",
  reason: "CHANGE_USER_NAME_NOT_FOUND",
};
const blank: Refusal = {
  code: 3,
  text: "ID missing",
  id: "COMMAND-2N9fs",
  reason: "NEW_USER_NAME_BLANK",
};
const notChanged: Refusal = {
  code: 9,
  text: "Username not changed",
  id: "COMMAND-6m9gs",
  reason: "USER_NAME_NOT_CHANGED",
};
const taken: Refusal = {
  code: 6,
  text: "User already exists",
  id: "V3-DKcYh",
  reason: "USER_ALREADY_EXISTS",
};

describe.for(callers)("over $name,", (caller) => {
  const call = (method: Method, request: JsonObject, as?: As) =>
    setting.callOver(caller, method, request, as);
  const rename = (userId: string, userName: string, as?: As) =>
    call(methods.updateUserName, { userId, userName }, as);
  const addUser = async (userName: string) => {
    const request = { userName, profile: gigi, email: { email: "gigi@giraffe.example" } };
    return String((await setting.call(methods.importHumanUser, request)).userId);
  };
  const userNameOf = async (id: string) =>
    object((await setting.call(methods.getUserByID, { id })).user).userName;
  const holderOf = async (loginName: string) => {
    const { body } = await call(methods.getUserByLoginNameGlobal, { loginName });
    return body === undefined ? undefined : object(body.user).id;
  };

  test.for([
    { name: "to another", to: (old: string) => `${old}.new` },
    { name: "in its case alone", to: (old: string) => old.toUpperCase() },
    { name: "verbatim, with blanks around it", to: (old: string) => ` ${old} ` },
    { name: "to 200 code points", to: (old: string) => old.padEnd(200, "ö") },
  ])("UpdateUserName changes a user name $name", async ({ to }) => {
    const old = setting.newUserName();
    const userId = await addUser(old);
    const userName = to(old);
    const { body } = await rename(userId, userName, { who: "editor" });
    const details = {
      sequence: "2",
      creationDate: date,
      changeDate: date,
      resourceOwner: setting.organizations.own,
    };
    expect(body).toEqual({ details });
    expect(await setting.call(methods.getUserByID, { id: userId })).toMatchObject({
      user: {
        userName,
        loginNames: [userName],
        preferredLoginName: userName,
        details: body?.details,
      },
    });
    expect(await holderOf(userName.toUpperCase())).toBe(userId);
  });

  test("UpdateUserName frees the old name at once", async () => {
    const old = setting.newUserName();
    const first = await addUser(old);
    const second = await addUser(setting.newUserName());
    expect(await rename(second, old)).toEqual(refused(caller, taken));
    expect(await rename(first, `${old}.new`)).toMatchObject({ code: 0 });
    expect(await holderOf(old)).toBeUndefined();
    expect(await rename(second, old.toUpperCase())).toMatchObject({ code: 0 });
    expect(await holderOf(old)).toBe(second);
    expect(await rename(first, old)).toEqual(refused(caller, taken));
  });

  test("ListUsers finds a user by the new name and address, and no longer by the old ones", async () => {
    const [old, userName] = [setting.newUserName(), setting.newUserName()];
    const userId = await addUser(old);
    const email = `${userName}@giraffe.example`;
    await call(methods.updateHumanEmail, { userId, email });
    await rename(userId, userName);
    const found = async (...queries: JsonObject[]) => {
      const inIds = { inUserIdsQuery: { userIds: [userId] } };
      const { body } = await call(methods.listUsers, { queries: [inIds, ...queries] });
      return list(body?.result ?? []).map((user) => object(user).userName);
    };
    const method = "TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE";
    expect(await found({ userNameQuery: { userName: userName.toUpperCase(), method } })).toEqual([
      userName,
    ]);
    expect(await found({ emailQuery: { emailAddress: email } })).toEqual([userName]);
    expect(await found({ userNameQuery: { userName: old, method } })).toEqual([]);
    expect(await found({ emailQuery: { emailAddress: "gigi@giraffe.example" } })).toEqual([]);
  });

  test("UpdateUserName changes inactive and locked users", async () => {
    for (const method of [methods.deactivateUser, methods.lockUser]) {
      const id = await setting.addUser();
      await setting.call(method, { id });
      expect(await rename(id, setting.newUserName())).toMatchObject({ code: 0 });
    }
  });

  test("UpdateUserName refuses a name that somebody of another organization has", async () => {
    const userName = setting.newUserName();
    const userId = await addUser(userName);
    const foreign = setting.users.foreign;
    expect(await rename(foreign, userName.toUpperCase(), { where: "other" })).toEqual(
      refused(caller, taken),
    );
    expect(await userNameOf(userId)).toBe(userName);
  });

  test.for<{ name: string; userName?: string; want: Refusal; as?: As }>([
    { name: "the same name", want: notChanged },
    { name: "a blank name", userName: "\u3000 ", want: blank },
    {
      name: "the same name, in Japanese",
      as: { headers: { "accept-language": "ja" } },
      want: { ...notChanged, text: "ユーザー名は変更されていません" },
    },
    {
      name: "an empty name",
      userName: "",
      want: fieldRules("UpdateUserNameRequest.UserName", {
        field: "user_name",
        ...brokenRules.length1To200,
      }),
    },
    {
      name: "a name of 201 code points",
      userName: "🦒".repeat(201),
      want: fieldRules("UpdateUserNameRequest.UserName", {
        field: "user_name",
        ...brokenRules.length1To200,
      }),
    },
    { name: "who may only read", as: { who: "viewer" }, want: refusals.permissionMissing },
    {
      name: "who is of another organization",
      as: { who: "outsider", where: "own" },
      want: refusals.membershipNotFound,
    },
  ])("UpdateUserName refuses $name", async ({ userName, want, as }) => {
    const old = setting.newUserName();
    const userId = await addUser(old);
    expect(await rename(userId, userName ?? old, as)).toEqual(refused(caller, want));
    expect(await userNameOf(userId)).toBe(old);
  });

  test.for<{
    whom: "unknown" | "removed" | "foreign" | "machine";
    userName: string;
    want: Refusal;
  }>([
    ...(["unknown", "removed", "foreign", "machine"] as const).map((whom) => ({
      whom,
      userName: "somebody",
      want: notFound,
    })),
    { whom: "unknown", userName: " ", want: blank },
  ])("UpdateUserName refuses a user who is $whom: $want.id", async ({ whom, userName, want }) => {
    expect(await rename(setting.users[whom], userName)).toEqual(refused(caller, want));
  });

  test("UpdateUserName refuses a blank id as it refuses a blank name", async () => {
    expect(await rename(" ", "somebody")).toEqual(refused(caller, blank));
  });
});
