import { randomUUID } from "node:crypto";
import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import { object, text } from "../../support/api/json.ts";
import { type Refusal, refusals, refused } from "../../support/api/refusals.ts";
import type { As } from "../../support/api/setting.ts";
import {
  gigi,
  methods,
  startUserSetting,
  type UserSetting,
} from "../../support/api/user-setting.ts";
import {
  failedPrecondition,
  membershipNotFound,
  notSupported,
  userNameTaken,
  userPermissionMissing,
} from "./refusals.ts";

let setting: UserSetting;
beforeAll(async () => {
  setting = await startUserSetting();
});
afterAll(() => setting.close());

const date = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3}|\.\d{6})?Z$/);
const invalid = (id: string, reason: string, message: string): Refusal => ({
  code: 3,
  text: message,
  id,
  reason,
});
const idTaken = failedPrecondition(
  "COMMAND-7yiox1isql",
  "CREATE_USER_ID_TAKEN",
  "Errors.User.AlreadyExisting",
);

/** The two calls that add a person, which name everything but the person differently. */
const ways = [
  {
    method: methods.createUser,
    request: (human: JsonObject, rest: JsonObject = {}) => ({
      organizationId: setting.organizations.own,
      human,
      ...rest,
    }),
    idOf: (body: unknown) => text(object(body).id),
    path: "human.",
  },
  {
    method: methods.addHumanUser,
    request: (human: JsonObject, rest: JsonObject = {}) => ({ ...human, ...rest }),
    idOf: (body: unknown) => text(object(body).userId),
    path: "",
  },
] as const;

describe.for(callers)("over $name,", (caller) => {
  const call = (method: DescMethodUnary, request: JsonObject, as: As = { who: "editor" }) =>
    setting.callOver(caller, method, request, as);
  const newHuman = (fields: JsonObject = {}) => ({
    profile: gigi,
    email: { email: `${randomUUID()}@giraffe.example` },
    ...fields,
  });

  describe.for(ways)("$method.name", ({ method, request, idOf, path }) => {
    test("adds a person who is active at once, and whose e-mail address is the user name", async () => {
      const human = newHuman();
      const { body } = await call(method, request(human));
      const read = await setting.read(idOf(body));
      expect(read).toMatchObject({
        state: "USER_STATE_ACTIVE",
        username: human.email.email,
        preferredLoginName: human.email.email,
        details: { sequence: "1", resourceOwner: setting.organizations.own },
        human: { profile: gigi, email: { email: human.email.email }, phone: {} },
      });
      expect(object(read.human).email).not.toHaveProperty("isVerified");
    });

    test("makes a display name, and stores what is verified", async () => {
      const human = newHuman({
        profile: { givenName: " Gigi ", familyName: "Giraffe" },
        phone: { phone: "+41 44 123 45 67", isVerified: true },
      });
      const email = { ...human.email, isVerified: true };
      const username = ` name-${randomUUID()} `;
      const { body } = await call(method, request({ ...human, email }, { username }));
      expect(await setting.read(idOf(body))).toMatchObject({
        username: username.trim(),
        human: {
          profile: {
            givenName: "Gigi",
            familyName: "Giraffe",
            displayName: "Gigi Giraffe",
            nickName: "",
            preferredLanguage: "und",
            gender: "GENDER_UNSPECIFIED",
          },
          email,
          phone: { phone: "+41441234567", isVerified: true },
        },
      });
    });

    test("takes an id that nobody has had", async () => {
      const userId = `id-${randomUUID()}`;
      expect(idOf((await call(method, request(newHuman(), { userId }))).body)).toBe(userId);
      const { machine, removed, foreign } = setting.users;
      for (const taken of [userId, machine, removed, foreign])
        expect(await call(method, request(newHuman(), { userId: taken }))).toEqual(
          refused(caller, idTaken),
        );
    });

    test("does not take an id with roles elsewhere from those who may not change everybody", async () => {
      const userId = `sub-${randomUUID()}`;
      await setting.giveRole(userId, "ORG_OWNER", setting.organizations.other);
      expect(await call(method, request(newHuman(), { userId }))).toEqual(refused(caller, idTaken));
      const all: As = { token: setting.manager };
      expect(await call(method, request(newHuman(), { userId }), all)).toMatchObject({ code: 0 });
      const ofInstance = `sub-${randomUUID()}`;
      await setting.giveRole(ofInstance, "IAM_OWNER_VIEWER");
      expect(await call(method, request(newHuman(), { userId: ofInstance }))).toEqual(
        refused(caller, idTaken),
      );
    });

    test("refuses a user name that somebody has, in any case", async () => {
      const username = setting.newUserName();
      await call(method, request(newHuman(), { username }));
      for (const ids of [{}, { userId: randomUUID() }])
        expect(
          await call(method, request(newHuman(), { username: username.toUpperCase(), ...ids })),
        ).toEqual(refused(caller, userNameTaken));
    });

    test.for<[name: string, human: JsonObject, rest: JsonObject, want: Refusal]>([
      [
        "user name",
        {},
        { username: " " },
        invalid("V2-zzad3", "USER_NAME_BLANK", "Argument is invalid"),
      ],
      [
        "given name",
        { profile: { ...gigi, givenName: " " } },
        {},
        invalid("USER-UCej2", "FIRST_NAME_BLANK", "Given name in profile is empty"),
      ],
      [
        "family name",
        { profile: { ...gigi, familyName: "\t" } },
        {},
        invalid("USER-4hB7d", "LAST_NAME_BLANK", "Family name in profile is empty"),
      ],
      [
        "phone",
        { phone: { phone: "none" } },
        {},
        invalid("PHONE-so0wa", "PHONE_INVALID", "Phone is invalid"),
      ],
    ])("refuses a bad %s", async ([, human, rest, want]) => {
      expect(await call(method, request(newHuman(human), rest))).toEqual(refused(caller, want));
    });

    test.for<[field: string, fields: JsonObject]>([
      ["email.send_code", { email: { email: "a@b.example", sendCode: {} } }],
      ["email.return_code", { email: { email: "a@b.example", returnCode: {} } }],
      ["phone.send_code", { phone: { phone: "+41441234567", sendCode: {} } }],
      ["phone.return_code", { phone: { phone: "+41441234567", returnCode: {} } }],
      ["password", { password: { password: "p" } }],
      ["hashed_password", { hashedPassword: { hash: "h" } }],
      ["idp_links", { idpLinks: [{ idpId: "1", userId: "2", userName: "3" }] }],
      ["totp_secret", { totpSecret: "t" }],
    ])("refuses by name what is not done here: %s", async ([field, fields]) => {
      expect(await call(method, request(newHuman(fields)))).toEqual(
        refused(caller, notSupported(`${path}${field}`)),
      );
    });
  });

  test("CreateUser answers id and date, AddHumanUser the details", async () => {
    const own = setting.organizations.own;
    const created = await call(methods.createUser, { organizationId: own, human: newHuman() });
    expect(created.body).toEqual({ id: expect.any(String), creationDate: date });
    expect((await call(methods.addHumanUser, newHuman())).body).toEqual({
      userId: expect.any(String),
      details: { sequence: "1", changeDate: date, resourceOwner: own },
    });
  });

  test("CreateUser refuses machines", async () => {
    const request = { organizationId: setting.organizations.own, machine: { name: "M" } };
    expect(await call(methods.createUser, request)).toEqual(
      refused(caller, notSupported("machine")),
    );
  });

  test("CreateUser needs the permission in the organization that it names", async () => {
    const human = newHuman();
    const { own, other, unknown } = setting.organizations;
    const inside = (organizationId: string, as?: As) =>
      call(methods.createUser, { organizationId, human }, as);
    expect(await inside(other)).toEqual(refused(caller, membershipNotFound));
    expect(await inside(unknown)).toEqual(refused(caller, membershipNotFound));
    expect(await inside(own, { who: "viewer" })).toEqual(refused(caller, userPermissionMissing));
    const person: As = { token: setting.tokenOf(await setting.addUser()) };
    expect(await inside(own, person)).toEqual(refused(caller, membershipNotFound));
    expect(await inside(unknown, { token: setting.manager })).toEqual(
      refused(
        caller,
        failedPrecondition(
          "COMMAND-QXPGs",
          "CREATE_ORGANIZATION_NOT_FOUND",
          "Organisation not found",
        ),
      ),
    );
    expect(await inside(other, { token: setting.manager })).toMatchObject({ code: 0 });
  });

  test("AddHumanUser needs the permission in the organization that it names, else in that of the call", async () => {
    const { own, other, unknown } = setting.organizations;
    const inside = (organization: JsonObject, as?: As) =>
      call(methods.addHumanUser, newHuman({ organization }), as);
    expect(await inside({ orgId: other })).toEqual(refused(caller, membershipNotFound));
    for (const nowhere of [
      { orgId: unknown },
      { orgId: "x".repeat(300) },
      { orgDomain: "zoo.example" },
    ])
      expect(await inside(nowhere)).toEqual(refused(caller, refusals.organizationNotFound));
    expect(await inside({ orgId: own }, { who: "viewer" })).toEqual(
      refused(caller, refusals.permissionMissing),
    );
    const all: As = { token: setting.manager };
    expect((await inside({ orgId: other }, all)).body).toMatchObject({
      details: { resourceOwner: other },
    });
    const elsewhere = await call(methods.addHumanUser, newHuman(), { ...all, where: "other" });
    expect(elsewhere.body).toMatchObject({ details: { resourceOwner: other } });
    const viewer = await call(methods.addHumanUser, newHuman(), { who: "viewer" });
    expect(viewer).toEqual(refused(caller, refusals.permissionMissing));
  });
});
