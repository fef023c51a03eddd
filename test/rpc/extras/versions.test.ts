/** `etag` and `if-match`, over every protocol. */

import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Caller, callers, type Reply } from "../../support/api/callers.ts";
import { object, text } from "../../support/api/json.ts";
import { gigi, methods as v1 } from "../../support/api/setting.ts";
import {
  startUserSetting,
  type UserSetting,
  methods as v2,
} from "../../support/api/user-setting.ts";

let setting: UserSetting;
let strict: UserSetting;
beforeAll(async () => {
  setting = await startUserSetting();
  strict = await startUserSetting(["--require-if-match"]);
});
afterAll(async () => {
  await setting.close();
  await strict.close();
});

type Step = { readonly method: DescMethodUnary; readonly request: JsonObject };

/** Every change of a user. The number makes each change differ from the one before. */
const changes: Readonly<Record<string, (userId: string, number: number) => Step>> = {
  UpdateHumanProfile: (userId, number) => ({
    method: v1.updateHumanProfile,
    request: { userId, ...gigi, nickName: `nick ${number}` },
  }),
  UpdateUserName: (userId, number) => ({
    method: v1.updateUserName,
    request: { userId, userName: `name-${userId}-${number}` },
  }),
  UpdateHumanEmail: (userId, number) => ({
    method: v1.updateHumanEmail,
    request: { userId, email: `e${number}@giraffe.example` },
  }),
  UpdateHumanPhone: (userId, number) => ({
    method: v1.updateHumanPhone,
    request: { userId, phone: `+4179${1_000_000 + number}` },
  }),
  RemoveHumanPhone: (userId) => ({ method: v1.removeHumanPhone, request: { userId } }),
  LockUser: (id) => ({ method: v1.lockUser, request: { id } }),
  UnlockUser: (id) => ({ method: v1.unlockUser, request: { id } }),
  DeactivateUser: (id) => ({ method: v1.deactivateUser, request: { id } }),
  ReactivateUser: (id) => ({ method: v1.reactivateUser, request: { id } }),
  "v2 UpdateHumanUser": (userId, number) => ({
    method: v2.updateHumanUser,
    request: { userId, profile: { givenName: `given ${number}`, familyName: "Giraffe" } },
  }),
  "v2 UpdateUser": (userId, number) => ({
    method: v2.updateUser,
    request: { userId, human: { profile: { givenName: `other ${number}` } } },
  }),
  "v2 SetEmail": (userId, number) => ({
    method: v2.setEmail,
    request: { userId, email: `s${number}@giraffe.example`, isVerified: true },
  }),
  "v2 SetPhone": (userId, number) => ({
    method: v2.setPhone,
    request: { userId, phone: `+4178${1_000_000 + number}`, isVerified: true },
  }),
  "v2 RemovePhone": (userId) => ({ method: v2.removePhone, request: { userId } }),
  "v2 LockUser": (userId) => ({ method: v2.lockUser, request: { userId } }),
  "v2 UnlockUser": (userId) => ({ method: v2.unlockUser, request: { userId } }),
  "v2 DeactivateUser": (userId) => ({ method: v2.deactivateUser, request: { userId } }),
  "v2 ReactivateUser": (userId) => ({ method: v2.reactivateUser, request: { userId } }),
  "v2 DeleteUser": (userId) => ({ method: v2.deleteUser, request: { userId } }),
};

const reads: Readonly<Record<string, (userId: string) => Step>> = {
  GetUserByID: (id) => ({ method: v1.getUserByID, request: { id } }),
  GetHumanProfile: (userId) => ({ method: v1.getHumanProfile, request: { userId } }),
  GetHumanEmail: (userId) => ({ method: v1.getHumanEmail, request: { userId } }),
  GetHumanPhone: (userId) => ({ method: v1.getHumanPhone, request: { userId } }),
  "v2 GetUserByID": (userId) => ({ method: v2.getUserByID, request: { userId } }),
};

function send(
  caller: Caller,
  { method, request }: Step,
  headers: Record<string, string> = {},
  at = setting,
): Promise<Reply> {
  return caller.call(at.url, method, request, { token: at.tokens.owner, headers });
}

async function versionOf(userId: string, at = setting): Promise<number> {
  const { user } = await at.call(v1.getUserByID, { id: userId });
  return Number(object(object(user).details).sequence);
}

const isHttp = ({ protocol }: Caller) => protocol === "REST" || protocol === "Connect";
const isPut = ({ protocol }: Caller, { method }: Step) =>
  protocol === "REST" &&
  [v1.updateHumanProfile, v1.updateUserName, v1.updateHumanEmail, v1.updateHumanPhone]
    .map(String)
    .concat(String(v2.updateHumanUser))
    .includes(String(method));

/** What a client sees of a refusal. */
const refusal = (reply: Reply) => ({
  code: reply.code,
  status: reply.status,
  details: reply.details,
  etag: reply.headers.get("etag"),
});

const errorInfo = (reason: string, metadata?: Record<string, string>) => ({
  type: "google.rpc.ErrorInfo",
  value: { reason, domain: "giraffe", ...(metadata && { metadata }) },
});

const mismatch = (caller: Caller, expected: string, current: number) => ({
  code: 10,
  status: caller.protocol === "REST" ? 412 : caller.protocol === "Connect" ? 409 : 200,
  details: [errorInfo("VERSION_MISMATCH", { expected, current: String(current) })],
  etag: null,
});

describe.for(callers.map((caller) => ({ caller, name: caller.name })))("$name", ({ caller }) => {
  test.for(Object.entries(reads))("%s answers the version as etag", async ([, step]) => {
    const userId = await setting.addUser();
    await setting.call(v1.lockUser, { id: userId });
    const reply = await send(caller, step(userId));
    expect(reply.code).toBe(0);
    expect(reply.headers.get("etag")).toBe('"2"');
  });

  test("a machine has the version 1", async () => {
    const id = setting.users.machine;
    for (const step of [reads.GetUserByID, reads["v2 GetUserByID"]]) {
      const reply = await send(caller, (step as (id: string) => Step)(id));
      expect(reply.headers.get("etag")).toBe('"1"');
    }
  });

  test("every change takes the version that it expects, and no other", async () => {
    const userId = await setting.addUser();
    for (const [at, [name, change]] of Object.entries(changes).entries()) {
      const step = change(userId, at);
      const before = await versionOf(userId);
      const stale = await send(caller, step, { "if-match": `"${before + 1}"` });
      expect(refusal(stale), name).toEqual(mismatch(caller, String(before + 1), before));
      expect(await versionOf(userId)).toBe(before);

      const reply = await send(caller, step, { "if-match": `"${before}"` });
      expect(reply.code, `${name}: ${reply.message}`).toBe(0);
      const isGone = name === "v2 DeleteUser";
      const after = isGone ? undefined : await versionOf(userId);
      const tag = isGone || isPut(caller, step) ? null : `"${after}"`;
      expect(reply.headers.get("etag"), name).toBe(tag);
    }
  });

  test("adding a user answers the version, and expects none", async () => {
    const add = (): Step => ({
      method: v1.importHumanUser,
      request: {
        userName: setting.newUserName(),
        profile: gigi,
        email: { email: "new@giraffe.example" },
      },
    });
    const added = await send(caller, add());
    expect(added.headers.get("etag")).toBe('"1"');
    for (const header of ["*", '"1"', '"0"']) {
      const expected = header.replaceAll('"', "");
      expect(refusal(await send(caller, add(), { "if-match": header }))).toEqual(
        mismatch(caller, expected, 0),
      );
    }
  });

  test.for(["*", "1", '"1"', '"7", "1"', 'W/"1", "1"'])(
    "if-match %s lets a change of version 1 happen",
    async (header) => {
      const userId = await setting.addUser();
      const change = changes.UpdateHumanProfile as (id: string, number: number) => Step;
      const reply = await send(caller, change(userId, 1), { "if-match": header });
      expect(reply.body).toMatchObject({ details: { sequence: "2" } });
    },
  );

  test.for(["2", '"2"', '"2", "3"', '"01"', 'W/"1"', 'W/"2"'])(
    "if-match %s refuses a change of version 1",
    async (header) => {
      const userId = await setting.addUser();
      const change = changes.UpdateHumanProfile as (id: string, number: number) => Step;
      const reply = await send(caller, change(userId, 1), { "if-match": header });
      const expected = header.startsWith("W/") ? header : header.replaceAll('"', "");
      expect(refusal(reply)).toEqual(mismatch(caller, expected, 1));
      expect(reply.message).toBe(
        header === 'W/"1"'
          ? "The version is right, but its tag is weak: a proxy may have added W/"
          : "The user does not have the expected version",
      );
      expect(await versionOf(userId)).toBe(1);
    },
  );

  test.for(["abc", '"1', '*, "1"', '"1" "2"', "1;q=1"])(
    "if-match %s cannot be read, and is not ignored",
    async (header) => {
      const userId = await setting.addUser();
      const change = changes.UpdateHumanProfile as (id: string, number: number) => Step;
      const reply = await send(caller, change(userId, 1), { "if-match": header });
      expect(refusal(reply)).toEqual({
        code: 3,
        status: isHttp(caller) ? 400 : 200,
        details: [errorInfo("IF_MATCH_INVALID")],
        etag: null,
      });
      expect(await versionOf(userId)).toBe(1);
    },
  );

  test("refusals come in this order", async () => {
    const userId = await setting.addUser();
    const profile = (id: string, more: JsonObject = {}): Step => ({
      method: v1.updateHumanProfile,
      request: { userId: id, ...gigi, ...more },
    });
    const codes = async (step: Step, header: string, token = setting.tokens.owner) => {
      const headers = { "if-match": header };
      const reply = await caller.call(setting.url, step.method, step.request, { token, headers });
      return reply.details
        .map(({ value }) => value.reason ?? value.id)
        .filter(Boolean)
        .at(-1);
    };
    // Who calls, then field rules, then the header, then whether there is such a user, then the version.
    expect(await codes(profile(userId, { firstName: "" }), "abc", "garbage")).toBe("TOKEN_INVALID");
    const viewer = setting.tokens.viewer;
    expect(await codes(profile(userId), "abc", viewer)).toBe("PERMISSION_MISSING");
    expect(await codes(profile(userId, { firstName: "" }), "abc")).toBe("FIELD_INVALID");
    expect(await codes(profile(setting.users.unknown), "abc")).toBe("IF_MATCH_INVALID");
    expect(await codes(profile(setting.users.unknown), "*")).toBe("PROFILE_NOT_FOUND");
    expect(await codes(profile(setting.users.removed), '"9"')).toBe("PROFILE_NOT_FOUND");
    // What is wrong with the request itself comes before the version, and "not changed" after it.
    const phone = { method: v1.updateHumanPhone, request: { userId, phone: "+1" } };
    expect(await codes(phone, '"9"')).toBe("PHONE_INVALID");
    expect(await codes(profile(userId), '"9"')).toBe("VERSION_MISMATCH");
    expect(await codes(profile(userId), '"1"')).toBe("PROFILE_NOT_CHANGED");
    const unlock = { method: v1.unlockUser, request: { id: userId } };
    expect(await codes(unlock, '"9"')).toBe("VERSION_MISMATCH");
    expect(await codes(unlock, '"1"')).toBe("NOT_LOCKED");
    const unknown = { method: v2.lockUser, request: { userId: setting.users.unknown } };
    expect(await codes(unknown, "*")).toBe("LOCK_USER_NOT_FOUND");
  });

  test("a server can insist on a condition", async () => {
    const userId = await strict.addUser();
    const change = changes.UpdateHumanProfile as (id: string, number: number) => Step;
    const reply = await send(caller, change(userId, 1), {}, strict);
    expect(refusal(reply)).toEqual({
      code: 9,
      status: caller.protocol === "REST" ? 428 : caller.protocol === "Connect" ? 400 : 200,
      details: [errorInfo("IF_MATCH_REQUIRED")],
      etag: null,
    });
    const unknown = await send(caller, change(strict.users.unknown, 1), {}, strict);
    expect(text(unknown.details[0]?.value.id)).toBe("COMMAND-3M9sd");
    const same = await send(caller, change(userId, 1), { "if-match": "*" }, strict);
    expect(same.code).toBe(0);
  });
});
