import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { ManagementService as Official } from "@zitadel/proto/zitadel/management_pb.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import { send } from "../../support/api/http.ts";
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

  describe("GetUserByID", () => {
    test("shows a human", async () => {
      const email = { email: "gigi@giraffe.example", isEmailVerified: true };
      const phone = { phone: "+41 44 123 45 67", isPhoneVerified: true };
      const human = newHuman({ email, phone });
      const added = await setting.call(methods.addHumanUser, human);
      const id = String(added.userId);
      const user = {
        id,
        details: {
          sequence: "1",
          creationDate: date,
          changeDate: date,
          resourceOwner: setting.organizations.own,
        },
        state: "USER_STATE_ACTIVE",
        userName: human.userName,
        loginNames: [human.userName],
        preferredLoginName: human.userName,
        human: { profile: gigi, email, phone: { ...phone, phone: "+41441234567" } },
      };
      expect(await call(methods.getUserByID, { id })).toMatchObject({ body: { user } });
      expect(added.details).toEqual(
        ((await setting.call(methods.getUserByID, { id })) as { user: typeof user }).user.details,
      );
    });

    test("shows a machine", async () => {
      const { body } = await call(methods.getUserByID, { id: setting.users.machine });
      expect(body).toEqual({
        user: {
          id: setting.users.machine,
          details: {
            sequence: "1",
            creationDate: date,
            changeDate: date,
            resourceOwner: setting.organizations.own,
          },
          state: "USER_STATE_ACTIVE",
          userName: "viewer",
          loginNames: ["viewer"],
          preferredLoginName: "viewer",
          machine: { name: "viewer" },
        },
      });
    });

    test("shows a user of the organization that the header names", async () => {
      const { body } = await call(
        methods.getUserByID,
        { id: setting.users.foreign },
        { where: "other" },
      );
      expect(body).toMatchObject({ user: { id: setting.users.foreign } });
    });
  });

  describe("GetUserByLoginNameGlobal", () => {
    test.for([
      { name: "as it is", change: (loginName: string) => loginName },
      { name: "in capitals", change: (loginName: string) => loginName.toUpperCase() },
    ])("finds a login name $name, in every organization", async ({ change }) => {
      const human = newHuman({ userName: `Ölaf+${randomUUID()}@Giraffe.Example` });
      const organization = { "x-zitadel-orgid": setting.organizations.other };
      const { userId } = await setting.call(methods.addHumanUser, human, organization);
      const loginName = change(human.userName);
      expect(await call(methods.getUserByLoginNameGlobal, { loginName })).toMatchObject({
        body: {
          user: {
            id: userId,
            userName: human.userName,
            details: { resourceOwner: setting.organizations.other },
          },
        },
      });
    });
  });

  type Refused = As & {
    readonly method: Method;
    readonly name: string;
    readonly request: (users: Setting["users"]) => JsonObject;
    readonly want: Refusal;
  };

  test.for<Refused>([
    ...(["unknown", "removed", "foreign"] as const).flatMap((whom): Refused[] => [
      {
        method: methods.getUserByID,
        name: `a user who is ${whom}`,
        request: (users) => ({ id: users[whom] }),
        want: notFound("QUERY-Dfbg2"),
      },
      {
        method: methods.getHumanProfile,
        name: `a user who is ${whom}`,
        request: (users) => ({ userId: users[whom] }),
        want: notFound("QUERY-HNhb3", "HUMAN_NOT_FOUND"),
      },
    ]),
    {
      method: methods.getHumanProfile,
      name: "a machine",
      request: ({ machine }) => ({ userId: machine }),
      want: {
        code: 9,
        text: "The User must be personal",
        id: "QUERY-WLTce",
        reason: "USER_NOT_HUMAN",
      },
    },
    {
      method: methods.getHumanProfile,
      name: "a machine, in German",
      headers: { "accept-language": "de-AT, en" },
      request: ({ machine }) => ({ userId: machine }),
      want: {
        code: 9,
        text: "Der Benutzer muss eine Person sein",
        id: "QUERY-WLTce",
        reason: "USER_NOT_HUMAN",
      },
    },
    {
      method: methods.getHumanProfile,
      name: "a machine of another organization",
      where: "other",
      request: ({ machine }) => ({ userId: machine }),
      want: notFound("QUERY-HNhb3", "HUMAN_NOT_FOUND"),
    },
    {
      method: methods.getUserByID,
      name: "a machine of another organization",
      where: "other",
      request: ({ machine }) => ({ id: machine }),
      want: notFound("QUERY-Dfbg2"),
    },
    {
      method: methods.getUserByLoginNameGlobal,
      name: "a name that nobody has",
      request: () => ({ loginName: "nobody" }),
      want: notFound("QUERY-Dfbg2"),
    },
    {
      method: methods.getUserByLoginNameGlobal,
      name: "an empty name",
      request: () => ({ loginName: "" }),
      want: fieldRules("GetUserByLoginNameGlobalRequest.LoginName", {
        field: "login_name",
        ...brokenRules.length1To200,
      }),
    },
    {
      method: methods.getUserByLoginNameGlobal,
      name: "who may read only in an organization or as a login client",
      who: "login",
      request: () => ({ loginName: "nobody" }),
      want: refusals.permissionMissing,
    },
    {
      method: methods.removeUser,
      name: "who may write, but not delete",
      who: "login",
      request: ({ foreign }) => ({ id: foreign }),
      want: refusals.permissionMissing,
    },
    {
      method: methods.lockUser,
      name: "who may only read",
      who: "viewer",
      request: ({ foreign }) => ({ id: foreign }),
      want: refusals.permissionMissing,
    },
    {
      method: methods.listUserChanges,
      name: "a user id that is too long",
      request: () => ({ userId: "x".repeat(201) }),
      want: fieldRules("ListUserChangesRequest.UserId", {
        field: "user_id",
        ...brokenRules.length1To200,
      }),
    },
  ])("$method.name refuses $name", async ({ method, request, want, ...as }) => {
    expect(await call(method, request(setting.users), as)).toEqual(refused(caller, want));
  });

  describe("Healthz", () => {
    test.for([
      { name: "without a token", headers: {} },
      { name: "whatever the token", headers: { authorization: "garbage" } },
      { name: "whatever the organization", headers: { "x-zitadel-orgid": "1" } },
    ])("answers $name", async ({ headers }) => {
      const reply = await caller.call(setting.url, methods.healthz, {}, { headers });
      expect(reply).toMatchObject({ code: 0, status: 200 });
      expect(reply.body).toEqual({});
    });
  });
});

const nowhere = JSON.stringify({ code: 5, message: "Not Found" });

describe("a method that is not served", () => {
  const grpcFamily = callers.filter(({ protocol }) => protocol.startsWith("gRPC"));

  test.for(grpcFamily)("is unimplemented over $name, with a token or without", async (caller) => {
    const want = {
      code: 12,
      text: "unknown method /zitadel.management.v1.ManagementService/GetIAM",
      reason: "METHOD_UNKNOWN",
    };
    for (const options of [{}, { token: setting.tokens.owner }]) {
      const { headers: _, ...reply } = await caller.call(
        setting.url,
        Official.method.getIAM,
        {},
        options,
      );
      expect(reply).toEqual(refused(caller, want));
    }
  });

  test.for(
    (["HTTP/1.1", "h2c"] as const).flatMap((version) =>
      [
        // A Connect client takes a 404 without JSON for "unimplemented".
        ...[
          "/zitadel.management.v1.ManagementService/GetIAM",
          "/zitadel.management.v1.ManagementService/updateHumanProfile",
          "/zitadel.user.v2.UserService/VerifyEmail",
        ].map((path) => ({ path, want: `unknown method ${path}\n` })),
        { path: "/zitadel.management.v1.ManagementService/", want: nowhere },
        { path: "/management/v1/iam", want: nowhere },
        { path: "/nowhere", want: nowhere },
      ].map((row) => ({ version, ...row })),
    ),
  )("is not found over $version at $path", async ({ version, path, want }) => {
    const { status, body } = await send(version, setting.url, {
      method: "POST",
      path,
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${setting.tokens.owner}`,
      },
      body: Buffer.from("{}"),
    });
    expect(status).toBe(404);
    expect(body.toString()).toBe(want);
  });
});
