import { randomUUID } from "node:crypto";
import type { DescMethod, DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { UserService as GiraffeUserService } from "../../../gen/giraffe/v1/user_service_pb.ts";
import { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { UserService } from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import { type Caller, callers } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { type Refusal, refusals, refused } from "../../support/api/refusals.ts";
import { gigi, type Setting, startSetting, methods as v1 } from "../../support/api/setting.ts";
import { methods as v2 } from "../../support/api/user-setting.ts";
import { anyCaller, callWithKey, changes, requestOf } from "./calls.ts";

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(() => setting.close());

const reused: Refusal = {
  code: 3,
  text: "the idempotency key was used for another request: use a new key for each request",
  reason: "IDEMPOTENCY_KEY_REUSED",
};
const invalid: Refusal = {
  code: 3,
  text: "idempotency-key must be one value of 1 to 255 printable ASCII characters, in quotes or without blanks, commas and quotes",
  reason: "IDEMPOTENCY_KEY_INVALID",
};
const notChanged: Refusal = {
  code: 9,
  text: "Profile not changed",
  id: "COMMAND-2M0fs",
  reason: "PROFILE_NOT_CHANGED",
};

const profile = (userId: string, nickName: string) => ({ userId, ...gigi, nickName });
const sequenceOf = async (userId: string) => {
  const { sequence } = object((await setting.readProfile(userId)).details);
  return Number(sequence);
};
const call = (
  caller: Caller,
  method: DescMethodUnary,
  request: JsonObject,
  key: string,
  as: { readonly token?: string; readonly headers?: Record<string, string> } = {},
) =>
  callWithKey(setting.url, caller, {
    method,
    request,
    key,
    token: as.token ?? setting.tokens.owner,
    ...(as.headers && { headers: as.headers }),
  });
const update = (caller: Caller, userId: string, nickName: string, key: string) =>
  call(caller, v1.updateHumanProfile, profile(userId, nickName), key);

describe.for(callers)("over $name, a call with a key", (caller) => {
  test("changes once, and gets the first answer again", async () => {
    const [userId, key] = [await setting.addUser(), `"${randomUUID()}"`];
    const first = await update(caller, userId, "first", key);
    expect(first).toMatchObject({ isReplayed: false, reply: { code: 0 } });
    expect(await update(caller, userId, "first", key)).toEqual({ ...first, isReplayed: true });
    await update(caller, userId, "second", `"${randomUUID()}"`);
    expect(await update(caller, userId, "first", key)).toEqual({ ...first, isReplayed: true });
    expect(object((await setting.readProfile(userId)).profile).nickName).toBe("second");
    expect(await sequenceOf(userId)).toBe(3);
  });

  test("is refused with the key of another request", async () => {
    const [userId, key] = [await setting.addUser(), randomUUID()];
    const first = await update(caller, userId, "first", key);
    expect(await update(caller, userId, "other", key)).toEqual({
      isReplayed: false,
      reply: refused(caller, reused),
    });
    expect(await update(caller, userId, "first", key)).toEqual({ ...first, isReplayed: true });
    expect(await sequenceOf(userId)).toBe(2);
  });

  test("gets the refusal again that it got first, though it would be done now", async () => {
    const [userId, key] = [await setting.addUser(), randomUUID()];
    const first = await update(caller, userId, gigi.nickName, key);
    expect(first).toEqual({ isReplayed: false, reply: refused(caller, notChanged) });
    await update(caller, userId, "other", randomUUID());
    const again = await update(caller, userId, gigi.nickName, key);
    expect(again).toEqual({ ...first, isReplayed: true });
    expect(await sequenceOf(userId)).toBe(2);
  });

  test("adds one user, and gets the id again", async () => {
    const key = randomUUID();
    const request = requestOf(v1.importHumanUser, "");
    const first = await call(caller, v1.importHumanUser, request, key);
    expect(first).toMatchObject({ isReplayed: false, reply: { code: 0 } });
    const again = await call(caller, v1.importHumanUser, request, key);
    expect(again).toEqual({ ...first, isReplayed: true });
    const { code } = (await call(caller, v1.importHumanUser, request, randomUUID())).reply;
    expect(code).toBe(6);
  });

  test.for([
    { name: "an empty one", key: '""' },
    { name: "256 characters", key: "k".repeat(256) },
    { name: "a quote that is not closed", key: '"abc' },
    { name: "two", key: '"a", "b"' },
    { name: "two that are bare", key: "a, b" },
    { name: "a parameter", key: '"a";b=1' },
    { name: "a backslash before another character", key: '"a\\b"' },
  ])("is refused with $name in place of a key", async ({ key }) => {
    const userId = await setting.addUser();
    expect(await update(caller, userId, "other", key)).toEqual({
      isReplayed: false,
      reply: refused(caller, invalid),
    });
    expect(await sequenceOf(userId)).toBe(1);
  });

  test.for([
    {
      name: "255 characters",
      spell: (id: string) => [id.padEnd(255, "k"), `"${id.padEnd(255, "k")}"`],
    },
    { name: "quotes or without", spell: (id: string) => [`"${id}:b/c=="`, `${id}:b/c==`] },
    {
      name: "a backslash before a quote",
      spell: (id: string) => [`"${id}\\"\\\\"`, `"${id}\\"\\\\"`],
    },
  ])("is the same with $name", async ({ spell }) => {
    const userId = await setting.addUser();
    const [key = "", same = ""] = spell(randomUUID());
    const first = await update(caller, userId, "other", key);
    expect(first).toMatchObject({ isReplayed: false, reply: { code: 0 } });
    expect(await update(caller, userId, "other", same)).toEqual({ ...first, isReplayed: true });
  });

  test("is refused for field rules and for its token before its key counts", async () => {
    const [userId, key] = [await setting.addUser(), randomUUID()];
    const empty = { ...profile(userId, "other"), firstName: "" };
    expect(await call(caller, v1.updateHumanProfile, empty, key)).toMatchObject({
      reply: { code: 3 },
      isReplayed: false,
    });
    const viewer = { token: setting.tokens.viewer };
    const request = profile(userId, "other");
    expect(await call(caller, v1.updateHumanProfile, request, key, viewer)).toEqual({
      isReplayed: false,
      reply: refused(caller, refusals.permissionMissing),
    });
    const first = await update(caller, userId, "other", key);
    expect(first).toMatchObject({ reply: { code: 0 }, isReplayed: false });
    const revoked = { token: setting.tokens.revoked };
    expect(await call(caller, v1.updateHumanProfile, request, key, revoked)).toEqual({
      isReplayed: false,
      reply: refused(caller, refusals.tokenInvalid),
    });
  });
});

describe.for(changes)("$method.parent.typeName/$method.name with a key", (change) => {
  const { method, before = [], adds } = change;
  test("is done once, answered alike without a key, and again by every protocol", async () => {
    const prepared = async () => {
      const userId = adds ? "" : await setting.addUser();
      for (const step of before) {
        const request = requestOf(step, userId);
        expect((await call(anyCaller, step, request, randomUUID())).reply.code).toBe(0);
      }
      return change.request(userId);
    };
    const { body } = await setting.callOver(anyCaller, method, await prepared());
    const [request, key] = [await prepared(), randomUUID()];
    const { reply, isReplayed } = await call(anyCaller, method, request, key);
    expect([reply.code, isReplayed]).toEqual([0, false]);
    expect(shapeOf(reply.body)).toEqual(shapeOf(body));
    for (const caller of callers) {
      const again = await call(caller, method, request, key);
      expect(again).toEqual({ isReplayed: true, reply });
    }
  });
});

/** A value without its texts. */
function shapeOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shapeOf(each)]));
}

describe("a key", () => {
  test("is taken by every method that changes a person, and by no other", () => {
    const isChange = ({ name }: { readonly name: string }) => !/^(Get|List|Is|Healthz)/.test(name);
    const services = [ManagementService, UserService, GiraffeUserService];
    const all = services.flatMap(({ methods }) => methods).filter(isChange);
    // These have tests of their own: CreateUser names the organization, UpdateProfiles many users.
    const withKeys = [
      ...changes.map(({ method }) => method),
      v2.createUser,
      GiraffeUserService.method.updateProfiles,
    ];
    const names = (methods: readonly DescMethod[]) =>
      methods.map(({ parent, name }) => `${parent.typeName}/${name}`).sort();
    expect(names(withKeys)).toEqual(names(all));
  });

  test("adds one person by CreateUser", async () => {
    const human = { profile: { givenName: "G", familyName: "G" }, email: { email: "g@g.example" } };
    const request = { organizationId: setting.organizations.own, username: randomUUID(), human };
    const key = randomUUID();
    const first = await call(anyCaller, v2.createUser, request, key);
    expect(first).toMatchObject({ isReplayed: false, reply: { code: 0 } });
    for (const caller of callers)
      expect(await call(caller, v2.createUser, request, key)).toEqual({
        isReplayed: true,
        reply: { ...first.reply },
      });
  });

  test("belongs to a caller, an organization and a method", async () => {
    const [userId, key] = [await setting.addUser(), randomUUID()];
    const first = await update(anyCaller, userId, "first", key);
    const request = profile(userId, "first");
    const others = [
      await call(anyCaller, v1.updateHumanProfile, request, key, { token: setting.tokens.editor }),
      await call(anyCaller, v1.updateHumanProfile, request, key, {
        headers: { "x-zitadel-orgid": setting.organizations.other },
      }),
      await call(anyCaller, v1.deactivateUser, { id: userId }, key),
    ];
    expect(first.reply.code).toBe(0);
    expect(others.map(({ reply }) => reply.code)).toEqual([9, 9, 0]);
    expect(others.map(({ isReplayed }) => isReplayed)).toEqual([false, false, false]);
  });

  test("of v2 belongs to a caller and a method, whatever the caller's organization is by then", async () => {
    const [userId, key] = [await setting.addUser(), randomUUID()];
    const request = { userId, profile: { givenName: "Gigi", familyName: "Anew" } };
    const first = await call(anyCaller, v2.updateHumanUser, request, key);
    const headers = { "x-zitadel-orgid": setting.organizations.other };
    const again = await call(anyCaller, v2.updateHumanUser, request, key, { headers });
    expect(again).toEqual({ ...first, isReplayed: true });
  });

  test("of v2 whose call changed nothing gets that answer again, though it would change now", async () => {
    const [userId, key] = [await setting.addUser(), randomUUID()];
    const request = { userId, profile: { givenName: gigi.firstName, familyName: gigi.lastName } };
    const first = await call(anyCaller, v2.updateHumanUser, request, key);
    await call(anyCaller, v1.updateHumanProfile, { ...profile(userId, "x"), lastName: "Y" }, "a");
    const again = await call(anyCaller, v2.updateHumanUser, request, key);
    expect(again).toEqual({ ...first, isReplayed: true });
    expect(await sequenceOf(userId)).toBe(2);
  });

  test("of a removed user still gets the first answer in v2, and so does that of an unknown one", async () => {
    const [userId, key, missingKey] = [await setting.addUser(), randomUUID(), randomUUID()];
    const first = await call(anyCaller, v2.deleteUser, { userId }, key);
    expect(await call(anyCaller, v2.deleteUser, { userId }, key)).toEqual({
      ...first,
      isReplayed: true,
    });
    const username = randomUUID();
    const request = { ...requestOf(v2.addHumanUser, ""), userId: username, username };
    const lock = () => call(anyCaller, v2.lockUser, { userId: username }, missingKey);
    const missing = await lock();
    expect(missing.reply.code).toBe(5);
    await call(anyCaller, v2.addHumanUser, request, randomUUID());
    expect(await lock()).toEqual({ ...missing, isReplayed: true });
  });

  test("gives nothing to a caller who has lost the role that the call needed", async () => {
    const { own } = setting.organizations;
    const made = await setting.administer(
      ...["token", "create", "--name", randomUUID(), "--role", "ORG_OWNER", "--org", own],
    );
    const token = text(made.secret);
    const subject = text(object(made.account).id);
    const [userId, key] = [await setting.addUser(), randomUUID()];
    const set = () =>
      call(anyCaller, v2.setEmail, { userId, email: "a@a.example" }, key, { token });
    expect(await set()).toMatchObject({ isReplayed: false, reply: { code: 0 } });
    expect(await set()).toMatchObject({ isReplayed: true });
    const member = ["--subject", subject, "--org", own];
    await setting.administer("member", "remove", ...member, "--role", "ORG_OWNER");
    await setting.administer("member", "add", ...member, "--role", "ORG_OWNER_VIEWER");
    await expect.poll(async () => (await set()).reply.code).toBe(7);
    expect((await set()).isReplayed).toBe(false);
  });

  test("that a hundred calls have at once gives one change, and one answer", async () => {
    const [userId, key] = [await setting.addUser(), randomUUID()];
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        update(callers[index % callers.length] as Caller, userId, "first", key),
      ),
    );
    const bodies = new Set(answers.map(({ reply }) => JSON.stringify(reply.body)));
    expect([...bodies]).toEqual([expect.stringContaining('"sequence":"2"')]);
    expect(answers.filter(({ isReplayed }) => !isReplayed)).toHaveLength(1);
    expect(await sequenceOf(userId)).toBe(2);
  });

  test("that a hundred calls have at once gives one user", async () => {
    const key = randomUUID();
    const request = requestOf(v1.addHumanUser, "");
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => call(anyCaller, v1.addHumanUser, request, key)),
    );
    const ids = new Set(answers.map(({ reply }) => reply.body?.userId));
    expect([...ids]).toEqual([expect.any(String)]);
    const { result } = await setting.call(v1.listUsers, {
      queries: [{ userNameQuery: { userName: text(request.userName) } }],
    });
    expect(list(result)).toHaveLength(1);
  });

  test("that calls with different requests have at once gives one change; the others are refused", async () => {
    const [userId, key] = [await setting.addUser(), randomUUID()];
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => update(anyCaller, userId, `n${index}`, key)),
    );
    const codes = answers.map(({ reply }) => reply.code).sort((a, b) => a - b);
    expect(codes).toEqual([0, ...Array(49).fill(3)]);
    expect(await sequenceOf(userId)).toBe(2);
  });

  test("is free again after 24 hours", async () => {
    const [userId, key] = [await setting.addUser(), randomUUID()];
    await update(anyCaller, userId, "first", key);
    let ahead = 0;
    const clock = vi.spyOn(Date, "now");
    clock.mockImplementation(() => Math.trunc(performance.timeOrigin + performance.now()) + ahead);
    onTestFinished(() => clock.mockRestore());
    ahead = 23.9 * 3_600_000;
    expect(await update(anyCaller, userId, "first", key)).toMatchObject({ isReplayed: true });
    ahead = 24.1 * 3_600_000;
    const late = await update(anyCaller, userId, "second", key);
    expect(late).toMatchObject({ isReplayed: false, reply: { code: 0 } });
    expect(await update(anyCaller, userId, "second", key)).toMatchObject({ isReplayed: true });
    expect(await sequenceOf(userId)).toBe(3);
  });

  test("is not used by a dry run, nor by a read", async () => {
    const [userId, key] = [await setting.addUser(), randomUUID()];
    const dry = { headers: { "x-giraffe-validate-only": "true" } };
    await call(anyCaller, v1.updateHumanProfile, profile(userId, gigi.nickName), key, dry);
    expect(await update(anyCaller, userId, "other", key)).toMatchObject({
      isReplayed: false,
      reply: { code: 0 },
    });
    const read = await call(anyCaller, v1.getHumanProfile, { userId }, '"');
    expect(read).toMatchObject({ isReplayed: false, reply: { code: 0 } });
  });
});
