/** Masks, dry runs and changes that change nothing, over every protocol, alone and in pairs. */

import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers, type Reply } from "../../support/api/callers.ts";
import { object, text } from "../../support/api/json.ts";
import { gigi, methods as v1 } from "../../support/api/setting.ts";
import {
  startUserSetting,
  type UserSetting,
  methods as v2,
} from "../../support/api/user-setting.ts";

let setting: UserSetting;
beforeAll(async () => {
  setting = await startUserSetting();
});
afterAll(() => setting.close());

const dryRun = { "x-giraffe-validate-only": "true" };
const unchanged = { "x-giraffe-allow-unchanged": "true" };
const mask = (paths: string) => ({ "x-giraffe-update-mask": paths });

const stored = async (userId: string) => {
  const { details, profile } = await setting.readProfile(userId);
  return { sequence: Number(object(details).sequence), profile: object(profile) };
};

/** The headers of ours on an answer. */
const said = ({ headers }: Reply) => ({
  validated: headers.get("x-giraffe-validated"),
  changed: headers.get("x-giraffe-changed"),
});
const nothing = { validated: null, changed: null };

const reasonOf = ({ details }: Reply) => details.map(({ value }) => value.reason).find(Boolean);

describe.for(callers.map((caller) => ({ caller, name: caller.name })))("$name", ({ caller }) => {
  const send = (
    method: DescMethodUnary,
    request: JsonObject,
    headers: Record<string, string> = {},
  ) => caller.call(setting.url, method, request, { token: setting.tokens.owner, headers });
  const update = (userId: string, profile: JsonObject, headers: Record<string, string> = {}) =>
    send(v1.updateHumanProfile, { userId, ...profile }, headers);

  test.for<{ paths: string; sent: JsonObject; want: JsonObject }>([
    { paths: "nick_name", sent: { nickName: "Nick" }, want: { nickName: "Nick" } },
    { paths: "nickName", sent: { nickName: "Nick" }, want: { nickName: "Nick" } },
    { paths: "nick_name", sent: {}, want: { nickName: "" } },
    {
      paths: "gender,preferred_language",
      sent: {},
      want: { gender: "", preferredLanguage: "und" },
    },
    {
      paths: "display_name",
      sent: { displayName: "D", firstName: "x".repeat(201), nickName: "not named" },
      want: { displayName: "D" },
    },
  ])("the mask $paths changes only what it names: $want", async ({ paths, sent, want }) => {
    const userId = await setting.addUser();
    const reply = await update(userId, sent, mask(paths));
    expect(reply.body, reply.message).toMatchObject({ details: { sequence: "2" } });
    const { profile } = await stored(userId);
    const empty = Object.keys(want).filter((field) => want[field] === "");
    for (const field of empty)
      expect([undefined, "", "GENDER_UNSPECIFIED"]).toContain(profile[field]);
    const rest = { ...gigi, ...want } as JsonObject;
    for (const field of empty) delete rest[field];
    expect(profile).toMatchObject(rest);
  });

  test("the mask * replaces everything, as without a mask", async () => {
    const userId = await setting.addUser();
    const names = { firstName: "F", lastName: "L", displayName: "D" };
    expect((await update(userId, names, mask("*"))).code).toBe(0);
    const { profile } = await stored(userId);
    expect([undefined, ""]).toContain(profile.nickName);
    expect(reasonOf(await update(userId, { nickName: "N" }, mask("*")))).toBeDefined();
  });

  test.for<{ paths: string; sent: JsonObject; field: string; reason: string }>([
    { paths: "first_name", sent: {}, field: "first_name", reason: "STRING_LENGTH" },
    {
      paths: "nick_name",
      sent: { nickName: "x".repeat(201) },
      field: "nick_name",
      reason: "STRING_LENGTH",
    },
    { paths: "nickname", sent: { nickName: "N" }, field: "update_mask", reason: "FIELD_MASK" },
    { paths: "", sent: { nickName: "N" }, field: "update_mask", reason: "FIELD_MASK" },
  ])("the mask '$paths' is refused for $field", async ({ paths, sent, field, reason }) => {
    const userId = await setting.addUser();
    const reply = await update(userId, sent, mask(paths));
    expect(reply.code).toBe(3);
    const [badRequest, info] = reply.details;
    expect(badRequest?.value.fieldViolations).toEqual([expect.objectContaining({ field, reason })]);
    expect(info?.value.reason).toBe("FIELD_INVALID");
    expect((await stored(userId)).sequence).toBe(1);
  });

  test("a method without masks refuses one", async () => {
    const userId = await setting.addUser();
    const request = { userId, userName: setting.newUserName() };
    const reply = await send(v1.updateUserName, request, mask("user_name"));
    expect(reasonOf(reply)).toBe("FIELD_NOT_SUPPORTED");
  });

  test("a dry run answers as the change would, and stores nothing", async () => {
    const userId = await setting.addUser();
    const plans: [DescMethodUnary, JsonObject][] = [
      [v1.updateHumanProfile, { userId, ...gigi, nickName: "new" }],
      [v1.updateUserName, { userId, userName: setting.newUserName() }],
      [v1.updateHumanEmail, { userId, email: "new@giraffe.example" }],
      [v1.lockUser, { id: userId }],
      [v1.removeUser, { id: userId }],
      [v2.updateHumanUser, { userId, username: setting.newUserName() }],
      [v2.setPhone, { userId, phone: "+41791234567", isVerified: true }],
      [v2.deleteUser, { userId }],
    ];
    for (const [method, request] of plans) {
      const reply = await send(method, request, dryRun);
      expect(reply.body, `${method.name}: ${reply.message}`).toMatchObject({
        details: { sequence: "1" },
      });
      expect(said(reply), method.name).toEqual({ validated: "true", changed: null });
    }
    expect(await stored(userId)).toMatchObject({ sequence: 1, profile: gigi });
    const { user } = await setting.call(v1.getUserByID, { id: userId });
    expect(object(user).state).toBe("USER_STATE_ACTIVE");
  });

  test("a dry run of adding a user adds nobody, and answers no id of its own", async () => {
    const userName = setting.newUserName();
    const request = { userName, profile: gigi, email: { email: "new@giraffe.example" } };
    const reply = await send(v1.importHumanUser, request, dryRun);
    expect(said(reply).validated).toBe("true");
    expect(reply.headers.get("etag")).toBeNull();
    expect(reply.body).toEqual({ details: { resourceOwner: setting.organizations.own } });
    const again = await send(v1.importHumanUser, request);
    expect(again.code, again.message).toBe(0);

    const human = {
      profile: { givenName: "G", familyName: "G" },
      email: { email: "two@giraffe.example", isVerified: true },
    };
    const created = await send(
      v2.createUser,
      { organizationId: setting.organizations.own, username: setting.newUserName(), human },
      dryRun,
    );
    expect(created.body, created.message).toEqual({});
  });

  test("a dry run is refused as the change would be", async () => {
    const userId = await setting.addUser();
    const other = await setting.addUser();
    const { user } = await setting.call(v1.getUserByID, { id: other });
    const userName = text(object(user).userName);
    const taken = { userName, profile: gigi, email: { email: "new@giraffe.example" } };
    const rows: [DescMethodUnary, JsonObject, string][] = [
      [v1.updateHumanProfile, { userId, ...gigi }, "PROFILE_NOT_CHANGED"],
      [v1.updateHumanProfile, { userId, ...gigi, firstName: "" }, "FIELD_INVALID"],
      [v1.updateHumanProfile, { userId: setting.users.unknown, ...gigi }, "PROFILE_NOT_FOUND"],
      [v1.unlockUser, { id: userId }, "NOT_LOCKED"],
      [v1.updateUserName, { userId, userName: userName.toUpperCase() }, "USER_ALREADY_EXISTS"],
      [v1.importHumanUser, taken, "USER_ALREADY_EXISTS"],
      [v2.updateHumanUser, { userId, username: userName }, "USER_ALREADY_EXISTS"],
      [v2.lockUser, { userId: setting.users.unknown }, "LOCK_USER_NOT_FOUND"],
    ];
    for (const [method, request, reason] of rows) {
      const reply = await send(method, request, dryRun);
      expect(reply.details.at(-1)?.value.reason, `${method.name} ${reason}`).toBe(reason);
      expect(said(reply)).toEqual(nothing);
      const real = await send(method, request);
      expect({ ...reply, headers: undefined }).toEqual({ ...real, headers: undefined });
    }
  });

  test("no change is a success for those who allow it", async () => {
    const userId = await setting.addUser();
    const rows: [DescMethodUnary, JsonObject, refusedAs: number][] = [
      [v1.updateHumanProfile, { userId, ...gigi }, 9],
      [v1.reactivateUser, { id: userId }, 9],
      [v1.unlockUser, { id: userId }, 9],
      [v1.removeHumanPhone, { userId }, 5],
      [v2.reactivateUser, { userId }, 9],
      [v2.unlockUser, { userId }, 9],
      [v2.updateHumanUser, { userId }, 0],
    ];
    for (const [method, request, code] of rows) {
      const before = await send(method, request);
      expect([before.code, said(before)], method.name).toEqual([code, nothing]);
      const reply = await send(method, request, unchanged);
      expect(reply.body, method.name).toMatchObject({ details: { sequence: "1" } });
      expect(said(reply), method.name).toEqual({ validated: null, changed: "false" });
    }
    const changed = await update(userId, { ...gigi, nickName: "N" }, unchanged);
    expect(said(changed)).toEqual({ validated: null, changed: "true" });
    expect((await stored(userId)).sequence).toBe(2);
    await setting.call(v1.deactivateUser, { id: userId });
    expect((await send(v1.deactivateUser, { id: userId }, unchanged)).code).toBe(0);
    // An inactive user is not locked, so this is a refusal still.
    expect(reasonOf(await send(v1.lockUser, { id: userId }, unchanged))).toBe("NOT_LOCKABLE");
  });

  test("the extras work in pairs, and the version is checked before what would change", async () => {
    const userId = await setting.addUser();
    const fresh = { "if-match": '"1"' };
    const stale = { "if-match": '"2"' };
    const rows: [JsonObject, Record<string, string>, code: number, object][] = [
      [{ nickName: "A" }, { ...mask("nick_name"), ...dryRun }, 0, { validated: "true" }],
      [{ nickName: "A" }, { ...mask("nick_name"), ...stale }, 10, {}],
      [{ nickName: "A" }, { ...dryRun, ...mask("nick_name"), ...stale }, 10, {}],
      [{ nickName: "A" }, { ...dryRun, ...mask("nick_name"), ...fresh }, 0, { validated: "true" }],
      [{ ...gigi }, { ...unchanged, ...stale }, 10, {}],
      [{ ...gigi }, { ...unchanged, ...fresh }, 0, { changed: "false" }],
      [{ ...gigi }, { ...unchanged, ...dryRun }, 0, { changed: "false", validated: "true" }],
      [{ nickName: "Gi" }, { ...unchanged, ...mask("nickName") }, 0, { changed: "false" }],
      [
        { nickName: "A" },
        { ...unchanged, ...dryRun, ...mask("nickName") },
        0,
        { changed: "true", validated: "true" },
      ],
    ];
    for (const [profile, headers, code, want] of rows) {
      const reply = await update(userId, profile, headers);
      expect(reply.code, `${JSON.stringify(headers)}: ${reply.message}`).toBe(code);
      expect(said(reply)).toEqual({ ...nothing, ...want });
      expect((await stored(userId)).sequence).toBe(1);
    }
    const done = await update(userId, { nickName: "A" }, { ...mask("nickName"), ...fresh });
    expect(done.body).toMatchObject({ details: { sequence: "2" } });
  });

  test.for([
    ["x-giraffe-validate-only", "maybe"],
    ["x-giraffe-validate-only", "TRUE"],
    ["x-giraffe-validate-only", "true, true"],
    ["x-giraffe-allow-unchanged", "1"],
    ["x-giraffe-allow-unchanged", ""],
    ["x-giraffe-ignore-accents", "yes"],
  ] as const)("%s: %s is refused", async ([header, value]) => {
    const userId = await setting.addUser();
    const reply = await update(userId, { ...gigi, nickName: "N" }, { [header]: value });
    expect(reply.code).toBe(3);
    expect(reply.details).toEqual([
      {
        type: "google.rpc.ErrorInfo",
        value: { reason: "HEADER_NOT_BOOLEAN", domain: "giraffe", metadata: { header } },
      },
    ]);
    expect((await stored(userId)).sequence).toBe(1);
  });

  test("false is as if the header were not sent", async () => {
    const userId = await setting.addUser();
    const off = { "x-giraffe-validate-only": "false", "x-giraffe-allow-unchanged": "false" };
    const reply = await update(userId, { ...gigi, nickName: "N" }, off);
    expect([reply.code, said(reply)]).toEqual([0, nothing]);
    expect(reasonOf(await update(userId, { ...gigi, nickName: "N" }, off))).toBe(
      "PROFILE_NOT_CHANGED",
    );
  });
});
