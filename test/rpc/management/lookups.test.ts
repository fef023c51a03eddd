import { randomUUID } from "node:crypto";
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

describe.for(callers)("over $name,", (caller) => {
  const call = (method: Method, request: JsonObject, as?: As) =>
    setting.callOver(caller, method, request, as);

  describe("IsUserUnique", () => {
    /** Two users, the second of another organization. */
    const addTwo = async () => {
      const tag = randomUUID();
      const add = async (name: string, headers: Record<string, string> = {}) => {
        const [userName, email] = [`${name}-${tag}`, `${name}-${tag}@giraffe.example`];
        const request = { userName, profile: gigi, email: { email } };
        await setting.call(methods.importHumanUser, request, headers);
        return { userName, email };
      };
      const foreign = { "x-zitadel-orgid": setting.organizations.other };
      return { gigi: await add("gigi"), okapi: await add("okapi", foreign), tag };
    };
    type Two = Awaited<ReturnType<typeof addTwo>>;

    test.for<{ name: string; request: (two: Two) => JsonObject; isUnique: boolean }>([
      {
        name: "a user name",
        request: ({ gigi }) => ({ userName: gigi.userName }),
        isUnique: false,
      },
      {
        name: "a user name in another case",
        request: ({ gigi }) => ({ userName: gigi.userName.toUpperCase() }),
        isUnique: false,
      },
      {
        name: "a user name of another organization",
        request: ({ okapi }) => ({ userName: okapi.userName }),
        isUnique: false,
      },
      {
        name: "a user name that nobody has",
        request: ({ tag }) => ({ userName: tag }),
        isUnique: true,
      },
      { name: "an address", request: ({ gigi }) => ({ email: gigi.email }), isUnique: false },
      {
        name: "an address of another organization",
        request: ({ okapi }) => ({ email: okapi.email }),
        isUnique: false,
      },
      {
        name: "an address in another case",
        request: ({ gigi }) => ({ email: gigi.email.toUpperCase() }),
        isUnique: true,
      },
      {
        name: "an address that nobody has",
        request: ({ tag }) => ({ email: `${tag}@giraffe.example` }),
        isUnique: true,
      },
      { name: "both of one user", request: ({ gigi }) => gigi, isUnique: false },
      {
        name: "one of each of two users",
        request: ({ gigi, okapi }) => ({ userName: gigi.userName, email: okapi.email }),
        isUnique: true,
      },
      { name: "nothing", request: () => ({}), isUnique: false },
    ])("of $name: $isUnique", async ({ request, isUnique }) => {
      const { code, body } = await call(methods.isUserUnique, request(await addTwo()), {
        who: "viewer",
      });
      expect([code, body]).toEqual([0, isUnique ? { isUnique } : {}]);
    });

    test("follows changes at once", async () => {
      const { gigi } = await addTwo();
      const { user } = await setting.call(methods.getUserByLoginNameGlobal, {
        loginName: gigi.userName,
      });
      const userId = String((user as JsonObject).id);
      const [userName, email] = [randomUUID(), `${randomUUID()}@giraffe.example`];
      await setting.call(methods.updateUserName, { userId, userName });
      await setting.call(methods.updateHumanEmail, { userId, email });
      const answers = [];
      for (const request of [gigi, { userName: gigi.userName }, { email: gigi.email }])
        answers.push((await call(methods.isUserUnique, request)).body);
      for (const request of [{ userName, email }, { userName }, { email }])
        answers.push((await call(methods.isUserUnique, request)).body);
      const free = { isUnique: true };
      expect(answers).toEqual([free, free, free, {}, {}, {}]);
      await setting.call(methods.removeUser, { id: userId });
      expect((await call(methods.isUserUnique, { userName })).body).toEqual(free);
    });
  });

  describe("GetMyOrg", () => {
    test.for(["own", "other"] as const)("shows the organization of the call: %s", async (where) => {
      const id = setting.organizations[where];
      const { body } = await call(methods.getMyOrg, {}, { where });
      expect(body).toEqual({
        org: {
          id,
          details: { sequence: "1", creationDate: date, changeDate: date, resourceOwner: id },
          state: "ORG_STATE_ACTIVE",
          name: where === "own" ? "Giraffe" : "Zoo",
        },
      });
    });

    test("shows callers their own organization, even those who may do nothing with users", async () => {
      for (const who of ["editor", "viewer", "settings", "login"] as const)
        expect((await call(methods.getMyOrg, {}, { who })).body).toMatchObject({
          org: { id: setting.organizations.own },
        });
      expect((await call(methods.getMyOrg, {}, { who: "outsider" })).body).toMatchObject({
        org: { id: setting.organizations.other },
      });
    });
  });

  describe("ListUserMemberships", () => {
    const shown = async (request: JsonObject, as?: As) => {
      const { code, body } = await call(methods.listUserMemberships, request, as);
      expect(code).toBe(0);
      return body;
    };

    test("shows roles on the instance and in the organization of the call", async () => {
      const { userId, own } = await addMember();
      expect(await shown({ userId }, { who: "viewer" })).toEqual({
        details: { totalResult: "2", viewTimestamp: date },
        result: [
          {
            userId,
            details: { resourceOwner: own },
            roles: ["ORG_OWNER_VIEWER", "ORG_USER_MANAGER"],
            displayName: "Giraffe",
            orgId: own,
          },
          { userId, roles: ["IAM_LOGIN_CLIENT"], displayName: "Giraffe", iam: true },
        ],
      });
    });

    test("shows roles in another organization there alone", async () => {
      const { userId, other } = await addMember();
      expect(await shown({ userId }, { where: "other" })).toMatchObject({
        details: { totalResult: "2" },
        result: [
          { roles: ["IAM_LOGIN_CLIENT"], iam: true },
          { roles: ["ORG_OWNER"], displayName: "Zoo", orgId: other },
        ],
      });
    });

    test("shows the role of a machine", async () => {
      expect(await shown({ userId: setting.users.machine })).toMatchObject({
        result: [{ userId: setting.users.machine, roles: ["ORG_OWNER_VIEWER"] }],
      });
    });

    test.for(["unknown", "removed", "foreign"] as const)(
      "shows nothing of a user who is %s",
      async (whom) => {
        const body = await shown({ userId: setting.users[whom] });
        expect(body).toEqual({ details: { viewTimestamp: date } });
      },
    );

    const iam = { iamQuery: { iam: true } };
    const orgId = (where: "own" | "other") => ({
      orgQuery: { orgId: setting.organizations[where] },
    });
    test.for<{ name: string; request: () => JsonObject; total: number; places: string[] }>([
      {
        name: "on the instance",
        request: () => ({ queries: [iam] }),
        total: 1,
        places: ["instance"],
      },
      {
        name: "on the instance, with iam left out",
        request: () => ({ queries: [{ iamQuery: {} }] }),
        total: 1,
        places: ["instance"],
      },
      {
        name: "in the organization",
        request: () => ({ queries: [orgId("own")] }),
        total: 1,
        places: ["own"],
      },
      {
        name: "in another organization",
        request: () => ({ queries: [orgId("other")] }),
        total: 0,
        places: [],
      },
      {
        name: "in both places at once",
        request: () => ({ queries: [orgId("own"), iam] }),
        total: 0,
        places: [],
      },
      {
        name: "in a project",
        request: () => ({ queries: [{ projectQuery: { projectId: "1" } }] }),
        total: 0,
        places: [],
      },
      {
        name: "in a granted project",
        request: () => ({ queries: [{ projectGrantQuery: { projectGrantId: "1" } }] }),
        total: 0,
        places: [],
      },
      {
        name: "of the first page",
        request: () => ({ query: { limit: 1 } }),
        total: 2,
        places: ["own"],
      },
      {
        name: "of the second page",
        request: () => ({ query: { limit: 1, offset: "1" } }),
        total: 2,
        places: ["instance"],
      },
      {
        name: "beyond the last page",
        request: () => ({ query: { offset: "18446744073709551615" } }),
        total: 2,
        places: [],
      },
    ])("lists memberships $name", async ({ request, total, places }) => {
      const { userId, own } = await addMember();
      const body = await shown({ userId, ...request() });
      const names = list(body?.result ?? []).map((each) => {
        const { iam, orgId } = object(each);
        return iam === true ? "instance" : orgId === own ? "own" : "other";
      });
      const { totalResult = "0" } = object(body?.details);
      expect([totalResult, names]).toEqual([String(total), places]);
    });
  });

  type Refused = As & {
    readonly name: string;
    readonly method: Method;
    readonly request: JsonObject;
    readonly want: Refusal;
  };

  const long = "x".repeat(201);
  test.for<Refused>([
    {
      name: "a user name that is too long",
      method: methods.isUserUnique,
      request: { userName: long },
      want: fieldRules("IsUserUniqueRequest.UserName", {
        field: "user_name",
        ...brokenRules.length200,
      }),
    },
    {
      name: "an address that is too long",
      method: methods.isUserUnique,
      request: { email: long },
      want: fieldRules("IsUserUniqueRequest.Email", { field: "email", ...brokenRules.length200 }),
    },
    {
      name: "who may not read",
      method: methods.isUserUnique,
      request: { userName: "gigi" },
      who: "settings",
      want: refusals.permissionMissing,
    },
    {
      name: "an organization of which the caller is no member",
      method: methods.getMyOrg,
      request: {},
      who: "outsider",
      where: "own",
      want: refusals.membershipNotFound,
    },
    {
      name: "an organization that there is not",
      method: methods.getMyOrg,
      request: {},
      where: "unknown",
      want: refusals.organizationNotFound,
    },
    {
      name: "who may not read memberships",
      method: methods.listUserMemberships,
      request: { userId: "1" },
      who: "settings",
      want: refusals.permissionMissing,
    },
    {
      name: "a user id that is too long",
      method: methods.listUserMemberships,
      request: { userId: long },
      want: fieldRules("ListUserMembershipsRequest.UserId", {
        field: "user_id",
        ...brokenRules.length1To200,
      }),
    },
    {
      name: "a query for nothing",
      method: methods.listUserMemberships,
      request: { userId: "1", queries: [{}] },
      want: {
        ...fieldRules("MembershipQuery.Query", {
          field: "queries[0].query",
          ...brokenRules.required,
          reason: "ONEOF_REQUIRED",
        }),
        text: "invalid ListUserMembershipsRequest.Queries[0]: embedded message failed validation | caused by: invalid MembershipQuery.Query: value is required",
      },
    },
    {
      name: "too many queries",
      method: methods.listUserMemberships,
      request: { userId: "1", queries: Array(101).fill({ iamQuery: {} }) },
      want: { code: 3, text: "the search has too many queries", reason: "QUERY_TOO_LARGE" },
    },
  ])("$method.name refuses $name", async ({ method, request, want, name: _, ...as }) => {
    expect(await call(method, request, as)).toEqual(refused(caller, want));
  });
});

let members: Promise<{ userId: string; own: string; other: string }> | undefined;

/** A human with roles on the instance and in both organizations. */
function addMember() {
  members ??= (async () => {
    const { own, other } = setting.organizations;
    const userId = await setting.addUser();
    const add = (role: string, ...place: string[]) =>
      setting.administer("member", "add", "--subject", userId, "--role", role, ...place);
    await add("ORG_OWNER_VIEWER", "--org", own);
    await add("IAM_LOGIN_CLIENT");
    await add("ORG_USER_MANAGER", "--org", own);
    await add("ORG_OWNER", "--org", other);
    return { userId, own, other };
  })();
  return members;
}
