/** Every row of the conformance matrix of v2: the number in a title is that of the row. */

import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import { send } from "../../support/api/http.ts";
import { refusals, refused } from "../../support/api/refusals.ts";
import { type As, methods as v1 } from "../../support/api/setting.ts";
import {
  gigi,
  methods,
  startUserSetting,
  type UserSetting,
} from "../../support/api/user-setting.ts";

import {
  failedPrecondition,
  membershipNotFound,
  userNotFound as notFound,
  userNameTaken,
  userPermissionMissing,
} from "./refusals.ts";

let setting: UserSetting;
beforeAll(async () => {
  setting = await startUserSetting();
});
afterAll(() => setting.close());

const between = "value length must be between 1 and 200 runes, inclusive";
const inside = "embedded message failed validation | caused by:";
const date = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3}|\.\d{6})?Z$/);
const org = { who: "editor" } as const;
const out = { who: "outsider" } as const;
const viewer = { who: "viewer" } as const;

const userNotFound = notFound("COMMAND-ugjs0upun6", "UPDATE_USER_NOT_FOUND");

describe.for(callers)("over $name,", (caller) => {
  const call = (method: DescMethodUnary, request: JsonObject, as: As = org) =>
    setting.callOver(caller, method, request, as);
  const updateHuman = (userId: string, fields: JsonObject, as?: As) =>
    call(methods.updateHumanUser, { userId, ...fields }, as);
  const update = (userId: string, fields: JsonObject, as?: As) =>
    call(methods.updateUser, { userId, ...fields }, as);
  const self = (userId: string): As => ({ token: setting.tokenOf(userId) });
  const humanOf = async (userId: string) =>
    (await setting.read(userId)).human as Record<string, Record<string, unknown>>;
  const details = (sequence: number, resourceOwner = setting.organizations.own) => ({
    details: { sequence: String(sequence), changeDate: date, resourceOwner },
  });
  /** The first violation alone: the others are those of other tests. */
  const breaksRule = (message: string) => ({
    code: 3,
    message,
    details: expect.arrayContaining([
      expect.objectContaining({ type: "google.rpc.BadRequest" }),
      { type: "google.rpc.ErrorInfo", value: { reason: "FIELD_INVALID", domain: "giraffe" } },
    ]),
    status: caller.protocol === "REST" || caller.protocol === "Connect" ? 400 : 200,
  });
  const given = (names: JsonObject = { givenName: "G", familyName: "Z" }) => ({ profile: names });
  const gigiBut = (fields: JsonObject) => given({ ...gigi, ...fields });

  test("1: UpdateHumanUser changes both names and keeps the other four fields", async () => {
    const id = await setting.addUser();
    expect((await updateHuman(id, given())).body).toEqual(details(2));
    expect((await humanOf(id)).profile).toEqual({ ...gigi, givenName: "G", familyName: "Z" });
    expect(await setting.events(id)).toEqual(["user.human.added", "user.human.profile.changed"]);
  });

  test("2: the same again is a success, and stores nothing", async () => {
    const id = await setting.addUser();
    const first = await updateHuman(id, given());
    expect((await updateHuman(id, given())).body).toEqual(first.body);
    expect(await setting.events(id)).toHaveLength(2);
  });

  test("3: refuses a profile without family name", async () => {
    const id = await setting.addUser();
    expect(await updateHuman(id, given({ givenName: "G" }))).toMatchObject(
      breaksRule(
        `invalid UpdateHumanUserRequest.Profile: ${inside} invalid SetHumanProfile.FamilyName: ${between}`,
      ),
    );
  });

  test("4: UpdateUser changes one field", async () => {
    const id = await setting.addUser();
    const reply = await update(id, { human: { profile: { nickName: "N" } } });
    expect(reply.body).toEqual({ changeDate: date });
    expect((await humanOf(id)).profile).toEqual({ ...gigi, nickName: "N" });
    expect(await setting.events(id)).toEqual(["user.human.added", "user.human.profile.changed"]);
  });

  test("5: UpdateUser refuses an empty nick name", async () => {
    const id = await setting.addUser();
    expect(await update(id, { human: { profile: { nickName: "" } } })).toMatchObject(
      breaksRule(
        `invalid UpdateUserRequest.Human: ${inside} invalid UpdateUserRequest_Human.Profile: ${inside} ` +
          `invalid UpdateUserRequest_Human_Profile.NickName: ${between}`,
      ),
    );
  });

  test.for([
    {
      row: "6",
      name: "an empty nick name clears it",
      fields: { nickName: "" },
      want: { nickName: "" },
    },
    {
      row: "7",
      name: "an empty display name is stored empty",
      fields: { displayName: "" },
      want: { displayName: "" },
    },
    {
      row: "8",
      name: "nonsense as a language is no language",
      fields: { preferredLanguage: "nonsense" },
      want: { preferredLanguage: "und" },
    },
    {
      row: "11",
      name: "a gender that is none is unspecified",
      fields: { gender: 7 },
      want: { gender: "GENDER_UNSPECIFIED" },
    },
  ])("$row: in UpdateHumanUser, $name", async ({ fields, want }) => {
    const id = await setting.addUser();
    expect((await updateHuman(id, gigiBut(fields as JsonObject))).body).toEqual(details(2));
    expect((await humanOf(id)).profile).toEqual({ ...gigi, ...want });
  });

  test("9: refuses a nick name of 201 code points, and takes one of 200", async () => {
    const id = await setting.addUser();
    expect(await updateHuman(id, gigiBut({ nickName: "🦒".repeat(201) }))).toMatchObject(
      breaksRule(
        `invalid UpdateHumanUserRequest.Profile: ${inside} invalid SetHumanProfile.NickName: ` +
          "value length must be at most 200 runes",
      ),
    );
    expect(await updateHuman(id, gigiBut({ nickName: "🦒".repeat(200) }))).toMatchObject({
      code: 0,
    });
  });

  test("10: UpdateUser refuses a gender that is none", async () => {
    const id = await setting.addUser();
    expect(await update(id, { human: { profile: { gender: 7 } } })).toMatchObject(
      breaksRule(
        `invalid UpdateUserRequest.Human: ${inside} invalid UpdateUserRequest_Human.Profile: ${inside} ` +
          "invalid UpdateUserRequest_Human_Profile.Gender: value must be one of the defined enum values",
      ),
    );
  });

  test.runIf(caller.encoding === "json")("12: an unknown name of a gender is ignored", async () => {
    const id = await setting.addUser();
    expect((await updateHuman(id, gigiBut({ gender: "GENDER_X" }))).body).toEqual(details(1));
    expect((await humanOf(id)).profile).toEqual(gigi);
  });

  test("13: a request that names nothing answers the details, and stores nothing", async () => {
    const id = await setting.addUser();
    expect((await updateHuman(id, {})).body).toEqual(details(1));
  });

  test("14, 17: tells a member of another organization nothing, whatever is asked", async () => {
    const id = await setting.addUser();
    for (const fields of [{}, given(), { email: { email: "a@b.example", isVerified: true } }]) {
      expect(await updateHuman(id, fields, out)).toEqual(refused(caller, membershipNotFound));
      expect(await update(id, { human: fields }, out)).toEqual(refused(caller, membershipNotFound));
    }
    expect(await setting.events(id)).toHaveLength(1);
  });

  test("15: UpdateUser refuses a request of no type, even with a user name", async () => {
    const id = await setting.addUser();
    const want = refused(caller, {
      code: 12,
      text: "user type is not implemented",
      id: "",
      reason: "USER_TYPE_MISSING",
    });
    const [first, ...others] = want.details;
    const withoutId = { ...first, value: { message: "user type is not implemented" } };
    expect(await update(id, { username: "x" })).toEqual({
      ...want,
      details: [withoutId, ...others],
    });
  });

  test("16: an id that nobody has is not found for those who may see everybody", async () => {
    const all: As = { token: setting.manager };
    for (const id of [setting.users.unknown, setting.users.removed]) {
      expect(await updateHuman(id, given(), all)).toEqual(refused(caller, userNotFound));
      expect(await update(id, { human: {} }, all)).toEqual(refused(caller, userNotFound));
    }
    expect(await updateHuman(setting.users.removed, given())).toEqual(
      refused(caller, userNotFound),
    );
  });

  test("16, ours: to everybody else it looks like a user of another organization", async () => {
    const { unknown, foreign } = setting.users;
    for (const as of [org, out, viewer]) {
      expect(await updateHuman(unknown, given(), as)).toEqual(refused(caller, membershipNotFound));
    }
    expect(await updateHuman(foreign, given())).toEqual(refused(caller, membershipNotFound));
  });

  test("18: refuses a caller whose role does not give the permission", async () => {
    const id = await setting.addUser();
    expect(await updateHuman(id, given(), viewer)).toEqual(refused(caller, userPermissionMissing));
    expect(await update(id, { human: {} }, viewer)).toEqual(refused(caller, userPermissionMissing));
  });

  test("19: people may change their own profile without a role", async () => {
    const id = await setting.addUser();
    expect((await updateHuman(id, given(), self(id))).body).toEqual(details(2));
    const human = { profile: { nickName: "Me" } };
    expect(await update(id, { human, username: `me-${id}` }, self(id))).toMatchObject({ code: 0 });
    expect((await setting.read(id)).username).toBe(`me-${id}`);
    const contact = { email: { email: "me@giraffe.example" }, phone: { phone: "+41441234567" } };
    expect(await updateHuman(id, contact, self(id))).toMatchObject({ code: 0 });
    expect(await humanOf(id)).toMatchObject({ email: contact.email, phone: contact.phone });
  });

  test("20: people may not say that something of their own is verified", async () => {
    const id = await setting.addUser();
    const claims = [
      { email: { email: "me@giraffe.example", isVerified: true } },
      { phone: { phone: "+41441234567", isVerified: true } },
    ];
    for (const human of claims) {
      expect(await updateHuman(id, human, self(id))).toEqual(refused(caller, membershipNotFound));
      expect(await update(id, { human }, self(id))).toEqual(refused(caller, membershipNotFound));
    }
    await setting.giveRole(id, "ORG_OWNER_VIEWER", setting.organizations.own);
    for (const human of claims) {
      expect(await updateHuman(id, human, self(id))).toEqual(
        refused(caller, userPermissionMissing),
      );
    }
    expect(await setting.events(id)).toHaveLength(1);
  });

  test("22: a machine is not found", async () => {
    const { machine } = setting.users;
    expect(await updateHuman(machine, given())).toEqual(refused(caller, userNotFound));
    expect(await update(machine, { human: {} })).toEqual(refused(caller, userNotFound));
  });

  test.for([v1.lockUser, v1.deactivateUser])("23: changes a user after $name", async (method) => {
    const id = await setting.addUser();
    await setting.call(method, { id });
    expect((await updateHuman(id, given())).body).toEqual(details(3));
  });

  test("24: finds a user of any organization for those who may change everybody", async () => {
    const other = setting.organizations.other;
    const id = await setting.addUser(undefined, { "x-zitadel-orgid": other });
    const all: As = { token: setting.manager };
    expect((await updateHuman(id, given(), all)).body).toEqual(details(2, other));
    const elsewhere: As = { ...all, headers: { "x-zitadel-orgid": setting.organizations.own } };
    expect((await updateHuman(id, {}, elsewhere)).body).toEqual(details(2, other));
  });

  test("25: refuses a header that names no organization", async () => {
    const id = await setting.addUser();
    const want = refused(caller, refusals.organizationNotFound);
    expect(await updateHuman(id, given(), { ...org, where: "unknown" })).toEqual(want);
    expect(await updateHuman(id, {}, { ...self(id), where: "unknown" })).toEqual(want);
  });

  test("26: refuses a user name that somebody has, in any case", async () => {
    const holder = setting.newUserName();
    const id = await setting.addUser();
    expect(await updateHuman(await setting.addUser(), { username: holder })).toMatchObject({
      code: 0,
    });
    const username = holder.toUpperCase();
    expect(await updateHuman(id, { username })).toEqual(refused(caller, userNameTaken));
    expect(await update(id, { username, human: {} })).toEqual(refused(caller, userNameTaken));
  });

  test("27: an equal user name and profile change nothing", async () => {
    const id = await setting.addUser();
    const username = (await setting.read(id)).username as string;
    expect((await updateHuman(id, { username, ...given(gigi) })).body).toEqual(details(1));
  });

  test.runIf(caller.protocol === "REST")("28: the id in the path wins", async () => {
    const [id, other] = [await setting.addUser(), await setting.addUser()];
    const { status } = await send(caller.version, setting.url, {
      method: "PUT",
      path: `/v2/users/human/${id}`,
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${setting.tokens.editor}`,
      },
      body: Buffer.from(JSON.stringify({ userId: other, ...given() })),
    });
    expect(status).toBe(200);
    expect(await setting.events(id)).toHaveLength(2);
    expect(await setting.events(other)).toHaveLength(1);
  });

  test.runIf(caller.encoding === "json")("29: ignores fields that v2 does not have", async () => {
    const id = await setting.addUser();
    expect((await updateHuman(id, { firstName: "G" })).body).toEqual(details(1));
  });

  test("30: GetUserByID finds nobody by an id that nobody has", async () => {
    const want = notFound("QUERY-Dfbg2", "USER_NOT_FOUND");
    const all: As = { token: setting.manager };
    for (const userId of [setting.users.unknown, setting.users.removed])
      expect(await call(methods.getUserByID, { userId }, all)).toEqual(refused(caller, want));
    const { unknown, foreign } = setting.users;
    for (const userId of [unknown, foreign])
      expect(await call(methods.getUserByID, { userId })).toEqual(
        refused(caller, membershipNotFound),
      );
  });

  test("31: GetUserByID shows people themselves", async () => {
    const id = await setting.addUser();
    const { body } = await call(methods.getUserByID, { userId: id }, self(id));
    expect(body).toMatchObject({ user: { userId: id, human: { profile: gigi } } });
    const other = await setting.addUser();
    expect(await call(methods.getUserByID, { userId: other }, self(id))).toEqual(
      refused(caller, membershipNotFound),
    );
  });

  test("32: ListUsers shows outsiders themselves, and nobody else", async () => {
    const id = await setting.addUser();
    expect((await call(methods.listUsers, {}, self(id))).body).toEqual({
      details: { totalResult: "1", timestamp: date },
      result: [expect.objectContaining({ userId: id })],
    });
  });

  test("33: ListUsers refuses a query of nothing", async () => {
    expect(await call(methods.listUsers, { queries: [{}] })).toMatchObject(
      breaksRule(
        `invalid ListUsersRequest.Queries[0]: ${inside} invalid SearchQuery.Query: value is required`,
      ),
    );
  });

  test("34: refuses to create a user of no type", async () => {
    expect(
      await call(methods.createUser, { organizationId: setting.organizations.own }),
    ).toMatchObject(breaksRule("invalid CreateUserRequest.UserType: value is required"));
  });

  test("35: refuses to create a user under an id that was given", async () => {
    const human = {
      profile: { givenName: "G", familyName: "Z" },
      email: { email: "gz@giraffe.example" },
    };
    const want = failedPrecondition(
      "COMMAND-7yiox1isql",
      "CREATE_USER_ID_TAKEN",
      "Errors.User.AlreadyExisting",
    );
    const { removed, machine, foreign } = setting.users;
    for (const userId of [await setting.addUser(), removed, machine, foreign]) {
      const request = { organizationId: setting.organizations.own, userId, human };
      expect(await call(methods.createUser, request)).toEqual(refused(caller, want));
    }
  });

  test("36: SetEmail refuses the same address", async () => {
    const id = await setting.addUser();
    const { email } = await humanOf(id);
    const request = { userId: id, email: (email as { email: string }).email };
    expect(await call(methods.setEmail, request)).toEqual(
      refused(
        caller,
        failedPrecondition("COMMAND-Uch5e", "SET_EMAIL_NOT_CHANGED", "Email not changed"),
      ),
    );
  });

  test("37: refuses to lock a user twice", async () => {
    const userId = await setting.addUser();
    expect((await call(methods.lockUser, { userId })).body).toEqual(details(2));
    expect(await call(methods.lockUser, { userId })).toEqual(
      refused(
        caller,
        failedPrecondition(
          "COMMAND-lgws8wtsqf",
          "USER_NOT_LOCKABLE",
          "User is not active or initial",
        ),
      ),
    );
  });

  test("38: people may remove themselves only with user.self.delete", async () => {
    const remove = (id: string) => call(methods.deleteUser, { userId: id }, self(id));
    const id = await setting.addUser();
    expect(await remove(id)).toEqual(refused(caller, membershipNotFound));
    const member = await setting.addUser();
    await setting.giveRole(member, "ORG_SETTINGS_MANAGER", setting.organizations.own);
    expect(await remove(member)).toEqual(refused(caller, userPermissionMissing));
    const manager = await setting.addUser();
    await setting.giveRole(manager, "ORG_USER_SELF_MANAGER", setting.organizations.own);
    expect(await call(methods.deleteUser, { userId: id }, self(manager))).toEqual(
      refused(caller, userPermissionMissing),
    );
    expect((await remove(manager)).body).toEqual(details(2));
  });

  test.for([
    ["nobody", refusals.headerMissing],
    ["garbage", refusals.tokenInvalid],
    ["revoked", refusals.tokenInvalid],
  ] as const)("39: refuses %s", async ([who, want]) => {
    const userId = setting.users.foreign;
    for (const method of [methods.updateHumanUser, methods.getUserByID, methods.deleteUser])
      expect(await call(method, { userId }, { who })).toEqual(refused(caller, want));
  });
});

test("40: gRPC-Web in text is served, which ZITADEL refuses", async () => {
  const text = callers.filter(({ name }) => name.includes("text"));
  expect(text).toHaveLength(2);
  for (const caller of text) {
    const request = { userId: await setting.addUser() };
    expect(await setting.callOver(caller, methods.getUserByID, request)).toMatchObject({ code: 0 });
  }
});
