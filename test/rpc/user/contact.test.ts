import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import { type Refusal, refused } from "../../support/api/refusals.ts";
import type { As } from "../../support/api/setting.ts";
import { methods, startUserSetting, type UserSetting } from "../../support/api/user-setting.ts";
import {
  failedPrecondition,
  membershipNotFound,
  notSupported,
  userNotFound,
  userPermissionMissing,
} from "./refusals.ts";

let setting: UserSetting;
beforeAll(async () => {
  setting = await startUserSetting();
});
afterAll(() => setting.close());

const number = "+41441234567";
const address = "gigi@new.example";
const phoneInvalid: Refusal = {
  code: 3,
  text: "Phone is invalid",
  id: "PHONE-so0wa",
  reason: "PHONE_INVALID",
};
const removalVerified: Refusal = {
  code: 3,
  text: "Verifying phone removal is not supported",
  id: "USERv2-4f3d6",
  reason: "PHONE_REMOVAL_VERIFIED",
};

const changes = [
  [
    methods.setEmail,
    { email: address },
    userNotFound("COMMAND-ieJ2e", "SET_EMAIL_NOT_FOUND", "Email not found"),
  ],
  [
    methods.setPhone,
    { phone: number },
    userNotFound("COMMAND-ieJ2e", "SET_PHONE_NOT_FOUND", "Phone not found"),
  ],
  [
    methods.removePhone,
    {},
    userNotFound("COMMAND-ieJ2e", "SET_PHONE_NOT_FOUND", "Phone not found"),
  ],
] as const;

describe.for(callers)("over $name,", (caller) => {
  const call = (method: DescMethodUnary, request: JsonObject, as: As = { who: "editor" }) =>
    setting.callOver(caller, method, request, as);
  const humanOf = async (userId: string) =>
    (await setting.read(userId)).human as Record<string, Record<string, unknown>>;
  const phoneOf = async (userId: string) => (await humanOf(userId)).phone;
  const emailOf = async (userId: string) => (await humanOf(userId)).email;
  const userWithPhone = async () => {
    const userId = await setting.addUser();
    await setting.call(methods.setPhone, { userId, phone: number, isVerified: true });
    return userId;
  };

  test("SetEmail changes the address, which is then not verified", async () => {
    const userId = await setting.addUser();
    await setting.call(methods.setEmail, { userId, email: "a@b.example", isVerified: true });
    expect((await call(methods.setEmail, { userId, email: address })).body).toMatchObject({
      details: { sequence: "4", resourceOwner: setting.organizations.own },
    });
    expect(await emailOf(userId)).toEqual({ email: address });
  });

  test("SetEmail stores that the address is verified as an event of its own", async () => {
    const userId = await setting.addUser();
    const { body } = await call(methods.setEmail, { userId, email: address, isVerified: true });
    expect(body).toMatchObject({ details: { sequence: "3" } });
    expect(await emailOf(userId)).toEqual({ email: address, isVerified: true });
    const verified = ["user.human.email.changed", "user.human.email.verified"];
    expect((await setting.events(userId)).slice(1)).toEqual(verified);
  });

  test("SetPhone stores the number in E.164, read as a Swiss one without +", async () => {
    const userId = await setting.addUser();
    const { body } = await call(methods.setPhone, {
      userId,
      phone: "044 123 45 67",
      isVerified: true,
    });
    expect(body).toMatchObject({ details: { sequence: "3" } });
    expect(await phoneOf(userId)).toEqual({ phone: number, isVerified: true });
    expect(await call(methods.setPhone, { userId, phone: number })).toEqual(
      refused(
        caller,
        failedPrecondition("COMMAND-Uch5e", "SET_PHONE_NOT_CHANGED", "Phone not changed"),
      ),
    );
  });

  test("RemovePhone removes the phone; again, it changes nothing", async () => {
    const userId = await userWithPhone();
    const first = await call(methods.removePhone, { userId });
    expect(first.body).toMatchObject({ details: { sequence: "4" } });
    expect(await phoneOf(userId)).toEqual({});
    expect((await call(methods.removePhone, { userId })).body).toEqual(first.body);
  });

  test.for(changes)(
    "%s is for people themselves, as long as nothing is verified",
    async ([method, fields]) => {
      const userId = await userWithPhone();
      const self: As = { token: setting.tokenOf(userId) };
      const request = method === methods.setPhone ? { phone: "+41449999999" } : fields;
      expect(await call(method, { userId, ...request }, self)).toMatchObject({ code: 0 });
      if (method === methods.removePhone) return;
      const verified = { userId, ...request, isVerified: true };
      expect(await call(method, verified, self)).toEqual(refused(caller, membershipNotFound));
    },
  );

  test.for(changes)("%s tells others nothing", async ([method, fields, want]) => {
    const userId = await userWithPhone();
    const { unknown, removed, machine } = setting.users;
    for (const id of [userId, unknown, removed, machine])
      expect(await call(method, { userId: id, ...fields }, { who: "outsider" })).toEqual(
        refused(caller, membershipNotFound),
      );
    expect(await call(method, { userId, ...fields }, { who: "viewer" })).toEqual(
      refused(caller, userPermissionMissing),
    );
    for (const id of [removed, machine])
      expect(await call(method, { userId: id, ...fields })).toEqual(refused(caller, want));
    expect(await setting.events(userId)).toHaveLength(3);
  });

  test.for<[path: string, method: DescMethodUnary, fields: JsonObject]>([
    ["send_code", methods.setEmail, { email: address, sendCode: {} }],
    ["return_code", methods.setEmail, { email: address, returnCode: {} }],
    ["send_code", methods.setPhone, { phone: number, sendCode: {} }],
    ["return_code", methods.setPhone, { phone: number, returnCode: {} }],
    ["email.send_code", methods.updateHumanUser, { email: { email: address, sendCode: {} } }],
    ["phone.return_code", methods.updateHumanUser, { phone: { phone: number, returnCode: {} } }],
    ["password", methods.updateHumanUser, { password: { password: { password: "p" } } }],
    [
      "human.email.return_code",
      methods.updateUser,
      { human: { email: { email: address, returnCode: {} } } },
    ],
    [
      "human.phone.send_code",
      methods.updateUser,
      { human: { phone: { phone: number, sendCode: {} } } },
    ],
    [
      "human.password",
      methods.updateUser,
      { human: { password: { password: { password: "p" } } } },
    ],
    ["machine", methods.updateUser, { machine: { name: "M" } }],
  ])("what is not done here is refused by name: %s of %s", async ([path, method, fields]) => {
    const userId = await setting.addUser();
    expect(await call(method, { userId, ...fields })).toEqual(refused(caller, notSupported(path)));
    expect(await setting.events(userId)).toHaveLength(1);
  });

  test("refuses what is no phone number, whoever asks", async () => {
    const userId = setting.users.unknown;
    const phone = { phone: "none" };
    for (const as of [{ who: "editor" }, { who: "outsider" }] as const) {
      for (const [method, fields] of [
        [methods.setPhone, phone],
        [methods.updateHumanUser, { phone }],
        [methods.updateUser, { human: { phone } }],
      ] as const)
        expect(await call(method, { userId, ...fields }, as)).toEqual(
          refused(caller, phoneInvalid),
        );
    }
  });

  test("an empty phone removes it in UpdateUser, and is ignored in UpdateHumanUser", async () => {
    const userId = await userWithPhone();
    const phone = { phone: "" };
    expect((await call(methods.updateHumanUser, { userId, phone })).body).toMatchObject({
      details: { sequence: "3" },
    });
    const verified = { userId, human: { phone: { ...phone, isVerified: true } } };
    expect(await call(methods.updateUser, verified)).toEqual(refused(caller, removalVerified));
    expect(await phoneOf(userId)).toEqual({ phone: number, isVerified: true });
    expect(await call(methods.updateUser, { userId, human: { phone } })).toMatchObject({ code: 0 });
    expect(await phoneOf(userId)).toEqual({});
    expect((await setting.events(userId)).at(-1)).toBe("user.human.phone.removed");
  });

  test("one update stores one event per fact, and answers the last one", async () => {
    const userId = await setting.addUser();
    const request = {
      userId,
      username: `renamed-${userId}`,
      profile: { givenName: "G", familyName: "Z" },
      email: { email: address, isVerified: true },
      phone: { phone: number, isVerified: true },
    };
    expect((await call(methods.updateHumanUser, request)).body).toMatchObject({
      details: { sequence: "7" },
    });
    expect((await setting.events(userId)).slice(1)).toEqual([
      "user.username.changed",
      "user.human.profile.changed",
      "user.human.email.changed",
      "user.human.email.verified",
      "user.human.phone.changed",
      "user.human.phone.verified",
    ]);
    expect((await call(methods.updateHumanUser, request)).body).toMatchObject({
      details: { sequence: "7" },
    });
  });

  test("an update whose user name is taken stores nothing of the rest", async () => {
    const [userId, holder] = [await setting.addUser(), await setting.addUser()];
    const username = String((await setting.read(holder)).username);
    const request = { userId, username, profile: { givenName: "G", familyName: "Z" } };
    expect(await call(methods.updateHumanUser, request)).toMatchObject({ code: 6 });
    expect(await setting.events(userId)).toHaveLength(1);
  });

  test("that an equal address is verified is stored; that it is not, is not", async () => {
    const userId = await setting.addUser();
    const { email } = (await emailOf(userId)) as { email: string };
    const say = (isVerified: boolean) =>
      call(methods.updateHumanUser, { userId, email: { email, isVerified } });
    expect((await say(true)).body).toMatchObject({ details: { sequence: "2" } });
    expect((await say(false)).body).toMatchObject({ details: { sequence: "2" } });
    expect(await emailOf(userId)).toEqual({ email, isVerified: true });
  });
});
