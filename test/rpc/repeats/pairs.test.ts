import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import { object } from "../../support/api/json.ts";
import { gigi, methods, type Setting, startSetting } from "../../support/api/setting.ts";

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(() => setting.close());

const infoOf = (details: readonly { readonly type: string; readonly value: unknown }[]) =>
  object(details.find(({ type }) => type === "google.rpc.ErrorInfo")?.value);

describe.for(callers)("over $name, a key beside another header:", (caller) => {
  /** Sets the nick name, and tells what the answer says. */
  const update = async (userId: string, nickName: string, headers: Record<string, string>) => {
    const request = { userId, ...gigi, nickName };
    const {
      code,
      details,
      body,
      headers: answered,
    } = await caller.call(setting.url, methods.updateHumanProfile, request, {
      token: setting.tokens.owner,
      headers,
    });
    return {
      code,
      reason: code === 0 ? undefined : infoOf(details).reason,
      metadata: code === 0 ? undefined : infoOf(details).metadata,
      body,
      etag: answered.get("etag"),
      isChanged: answered.get("x-giraffe-changed"),
      isReplayed: answered.get("idempotent-replayed"),
    };
  };
  const withKey = (key: string, more: Record<string, string>) => ({
    "idempotency-key": key,
    ...more,
  });
  const nickNameOf = async (userId: string) =>
    object((await setting.readProfile(userId)).profile).nickName;
  /** A tag on the answer to PUT would be wrong, as it is for the first answer. */
  const tag = (version: number) => (caller.protocol === "REST" ? null : `"${version}"`);

  test("if-match that was met is not asked again, and the tag is that of the first answer", async () => {
    const userId = await setting.addUser();
    const headers = withKey(randomUUID(), { "if-match": '"1"' });
    const first = await update(userId, "mine", headers);
    expect(first).toMatchObject({ code: 0, etag: tag(2), isReplayed: null });
    await update(userId, "theirs", {});
    expect(await update(userId, "mine", headers)).toEqual({ ...first, isReplayed: "true" });
    expect(await nickNameOf(userId)).toBe("theirs");
  });

  test("if-match that was not met stays so, with the version of that time", async () => {
    const userId = await setting.addUser();
    const headers = withKey(randomUUID(), { "if-match": '"2"' });
    const first = await update(userId, "mine", headers);
    expect(first).toMatchObject({
      code: 10,
      reason: "VERSION_MISMATCH",
      metadata: { expected: "2", current: "1" },
      isReplayed: null,
    });
    await update(userId, "theirs", {});
    expect(await update(userId, "mine", headers)).toEqual({ ...first, isReplayed: "true" });
    expect(await nickNameOf(userId)).toBe("theirs");
  });

  test("another if-match, or another mask, is another request", async () => {
    const userId = await setting.addUser();
    const key = randomUUID();
    await update(userId, "mine", withKey(key, { "if-match": '"1"' }));
    for (const more of [{ "if-match": '"2"' }, {}, { "x-giraffe-update-mask": "nick_name" }])
      expect(await update(userId, "mine", withKey(key, more))).toMatchObject({
        code: 3,
        reason: "IDEMPOTENCY_KEY_REUSED",
        isReplayed: null,
      });
  });

  test("a mask counts once", async () => {
    const userId = await setting.addUser();
    const headers = withKey(randomUUID(), { "x-giraffe-update-mask": "nick_name" });
    const first = await update(userId, "mine", headers);
    expect(first).toMatchObject({ code: 0, isReplayed: null });
    expect(await update(userId, "mine", headers)).toEqual({ ...first, isReplayed: "true" });
  });

  test("a change of nothing that is allowed is told again, though it would change now", async () => {
    const userId = await setting.addUser();
    const headers = withKey(randomUUID(), { "x-giraffe-allow-unchanged": "true" });
    const first = await update(userId, gigi.nickName, headers);
    expect(first).toMatchObject({ code: 0, isChanged: "false", isReplayed: null });
    await update(userId, "theirs", {});
    expect(await update(userId, gigi.nickName, headers)).toEqual({ ...first, isReplayed: "true" });
    expect(await nickNameOf(userId)).toBe("theirs");
  });

  test("a change that is made while nothing may change is told again as a change", async () => {
    const userId = await setting.addUser();
    const headers = withKey(randomUUID(), { "x-giraffe-allow-unchanged": "true" });
    const first = await update(userId, "mine", headers);
    expect(first).toMatchObject({ code: 0, isChanged: "true", isReplayed: null });
    expect(await update(userId, "mine", headers)).toEqual({ ...first, isReplayed: "true" });
  });

  test("a dry run does not use the key", async () => {
    const userId = await setting.addUser();
    const key = randomUUID();
    const dry = { "x-giraffe-validate-only": "true" };
    expect(await update(userId, "mine", withKey(key, dry))).toMatchObject({ code: 0 });
    expect(await nickNameOf(userId)).toBe(gigi.nickName);
    const first = await update(userId, "mine", withKey(key, {}));
    expect(first).toMatchObject({ code: 0, isReplayed: null });
    expect(await update(userId, "mine", withKey(key, dry))).toMatchObject({ isReplayed: null });
  });

  test("a header that cannot be read is refused first, and uses no key", async () => {
    const userId = await setting.addUser();
    const key = randomUUID();
    expect(await update(userId, "mine", withKey(key, { "if-match": '"' }))).toMatchObject({
      code: 3,
      reason: "IF_MATCH_INVALID",
      isReplayed: null,
    });
    const first = await update(userId, "mine", withKey(key, {}));
    expect(first).toMatchObject({ code: 0, isReplayed: null });
  });
});
