import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserService } from "../../../gen/giraffe/v1/user_service_pb.ts";
import { callers } from "../../support/api/callers.ts";
import { list, object } from "../../support/api/json.ts";
import { refused } from "../../support/api/refusals.ts";
import { type As, gigi, methods } from "../../support/api/setting.ts";
import { startUserSetting, type UserSetting } from "../../support/api/user-setting.ts";
import { userNotFound } from "../user/refusals.ts";

const { listChanges } = UserService.method;

let setting: UserSetting;
beforeAll(async () => {
  setting = await startUserSetting();
});
afterAll(() => setting.close());

/** A user with six changes. */
const addBusyUser = async () => {
  const userId = await setting.addUser();
  const { updateHumanProfile, lockUser, unlockUser, deactivateUser, reactivateUser } = methods;
  await setting.call(updateHumanProfile, { userId, ...gigi, lastName: "Okapi" });
  for (const method of [lockUser, unlockUser, deactivateUser, reactivateUser])
    await setting.call(method, { id: userId });
  return userId;
};

describe.for(callers)("ListChanges over $name", (caller) => {
  const call = (request: JsonObject, as?: As) => setting.callOver(caller, listChanges, request, as);
  const sequencesOf = (body: Record<string, unknown> | undefined) =>
    list(body?.changes ?? []).map((change) => Number(object(change).sequence));

  test("says what happened, when and by whom", async () => {
    const userId = await setting.addUser();
    const request = { userId, ...gigi, lastName: "Okapi" };
    const edit = await setting.callOver(caller, methods.updateHumanProfile, request, {
      who: "editor",
    });
    const { body } = await call({ userId, limit: 1 });
    expect(body).toEqual({
      changes: [
        expect.objectContaining({
          sequence: "2",
          time: object(edit.body?.details).changeDate,
          eventType: "user.human.profile.changed",
          editorId: expect.stringMatching(/^\d{18}$/),
          editorName: "editor",
          organizationId: setting.organizations.own,
          message: "User profile changed",
        }),
      ],
      nextSequence: "2",
    });
  });

  test.for<{ name: string; request: JsonObject; want: number[]; next?: string }>([
    { name: "the newest first", request: {}, want: [6, 5, 4, 3, 2, 1] },
    { name: "the oldest first", request: { ascending: true }, want: [1, 2, 3, 4, 5, 6] },
    { name: "the newest two", request: { limit: 2 }, want: [6, 5], next: "5" },
    { name: "the next two", request: { limit: 2, sequence: "5" }, want: [4, 3], next: "3" },
    { name: "the last two", request: { limit: 2, sequence: "3" }, want: [2, 1] },
    {
      name: "the oldest four",
      request: { limit: 4, ascending: true },
      want: [1, 2, 3, 4],
      next: "4",
    },
    { name: "those after", request: { limit: 4, ascending: true, sequence: "4" }, want: [5, 6] },
    { name: "none behind the last", request: { ascending: true, sequence: "6" }, want: [] },
    { name: "none behind the first", request: { sequence: "1" }, want: [] },
    {
      name: "all before a number that no user reaches",
      request: { sequence: "18446744073709551615" },
      want: [6, 5, 4, 3, 2, 1],
    },
  ])("returns $name", async ({ request, want, next }) => {
    const userId = await addBusyUser();
    const { body } = await call({ userId, ...request });
    expect(sequencesOf(body)).toEqual(want);
    expect(body?.nextSequence).toBe(next);
  });

  test.for([
    { name: "the newest first", ascending: false },
    { name: "the oldest first", ascending: true },
  ])("goes through all pages of a span of time, $name", async ({ ascending }) => {
    const userId = await addBusyUser();
    const whole = list((await call({ userId, ascending: true })).body?.changes).map(object);
    const [since, until] = [whole[1]?.time as string, whole[5]?.time as string];
    const rows: [JsonObject, number[]][] = [
      [{}, [1, 2, 3, 4, 5, 6]],
      [{ since }, [2, 3, 4, 5, 6]],
      [{ since, until }, [2, 3, 4, 5]],
    ];
    for (const limit of [1, 2]) {
      for (const [span, want] of rows) {
        const found: number[] = [];
        let sequence: string | undefined = "0";
        for (let page = 0; page <= whole.length && sequence !== undefined; page += 1) {
          const { body } = await call({ userId, ...span, ascending, limit, sequence });
          found.push(...sequencesOf(body));
          sequence = body?.nextSequence as string | undefined;
        }
        expect({ span, found }).toEqual({ span, found: ascending ? want : want.toReversed() });
      }
    }
  });

  test("has the id of the call that made a change", async () => {
    const userId = await setting.addUser();
    const { headers } = await caller.call(
      setting.url,
      methods.updateHumanProfile,
      { userId, ...gigi, lastName: "Okapi" },
      { token: setting.tokens.owner },
    );
    const { body } = await call({ userId, limit: 1 });
    const requestId = headers.get("x-request-id");
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(body?.changes).toMatchObject([{ requestId }]);
  });

  test("speaks the language of the caller", async () => {
    const userId = await setting.addUser();
    const { body } = await call({ userId }, { headers: { "accept-language": "de" } });
    expect(body?.changes).toMatchObject([{ message: "Benutzer hinzugefügt" }]);
  });

  test("has the values before and after, as texts", async () => {
    const userId = await setting.addUser();
    const { updateHumanProfile, setUserMetadata, removeUserMetadata, lockUser } = methods;
    const request = { userId, ...gigi, lastName: "Okapi", nickName: "", gender: "GENDER_MALE" };
    await setting.call(updateHumanProfile, request);
    await setting.call(methods.updateHumanEmail, { userId, email: "okapi@giraffe.example" });
    await setting.call(methods.updateHumanPhone, { userId, phone: "+41 44 123 45 67" });
    await setting.call(setUserMetadata, { id: userId, key: "color", value: "cmVk" });
    await setting.call(setUserMetadata, { id: userId, key: "color", value: "Ymx1ZQ==" });
    await setting.call(removeUserMetadata, { id: userId, key: "color" });
    await setting.call(lockUser, { id: userId });
    const { body } = await call({ userId, limit: 7 });
    const fields = list(body?.changes).map((change) => object(change).fields);
    expect(fields).toEqual([
      [{ field: "state", before: "USER_STATE_ACTIVE", after: "USER_STATE_LOCKED" }],
      [{ field: "metadata.color", before: "Ymx1ZQ==" }],
      [{ field: "metadata.color", before: "cmVk", after: "Ymx1ZQ==" }],
      [{ field: "metadata.color", after: "cmVk" }],
      [
        { field: "phone.number", after: "+41441234567" },
        { field: "phone.is_verified", after: "false" },
      ],
      [
        expect.objectContaining({ field: "email.address", after: "okapi@giraffe.example" }),
        // An address that was never verified stays so.
      ],
      [
        { field: "profile.last_name", before: "Giraffe", after: "Okapi" },
        { field: "profile.nick_name", before: "Gi" },
        { field: "profile.gender", before: "GENDER_FEMALE", after: "GENDER_MALE" },
      ],
    ]);
    const first = await call({ userId, limit: 1, ascending: true });
    expect(object(list(first.body?.changes)[0]).fields).toEqual(
      expect.arrayContaining([
        { field: "user_name", after: expect.any(String) },
        { field: "profile.preferred_language", after: "en" },
        { field: "state", after: "USER_STATE_ACTIVE" },
      ]),
    );
  });

  test("filters by fields, editor and time", async () => {
    const userId = await addBusyUser();
    const request = { userId, ...gigi, lastName: "Okapi", nickName: "O" };
    await setting.callOver(caller, methods.updateHumanProfile, request, { who: "editor" });
    const { body } = await call({ userId });
    const changes = list(body?.changes).map(object);
    const timeOf = (sequence: string) =>
      changes.find((change) => change.sequence === sequence)?.time as string;
    const editorId = changes[0]?.editorId as string;
    const rows: [JsonObject, number[]][] = [
      [{ fields: ["profile.nick_name"] }, [7, 1]],
      [{ fields: ["state"] }, [6, 5, 4, 3, 1]],
      [{ fields: ["state", "profile.last_name"], ascending: true }, [1, 2, 3, 4, 5, 6]],
      [{ fields: ["metadata.none"] }, []],
      [{ editorId }, [7]],
      [{ editorId: "nobody" }, []],
      [{ since: timeOf("5") }, [7, 6, 5]],
      [{ until: timeOf("3") }, [2, 1]],
      [{ since: timeOf("2"), until: timeOf("5"), fields: ["state"] }, [4, 3]],
    ];
    for (const [filter, want] of rows) {
      const reply = await call({ userId, ...filter });
      expect({ filter, found: sequencesOf(reply.body) }).toEqual({ filter, found: want });
    }
    const { body: ofEditor } = await call({ userId, editorId });
    expect(object(list(ofEditor?.changes)[0]).fields).toEqual([
      { field: "profile.nick_name", before: "Gi", after: "O" },
    ]);
  });

  test("refuses fields that there are not, and too many", async () => {
    const userId = await setting.addUser();
    const odd = await call({ userId, fields: ["state", "profile.firstName"] });
    expect(odd).toMatchObject({ code: 3 });
    expect(odd.message).toContain('not "profile.firstName"');
    const many = Array.from({ length: 21 }, () => "state");
    expect(await call({ userId, fields: many })).toMatchObject({ code: 3 });
    expect(await call({ userId, fields: many.slice(1) })).toMatchObject({ code: 0 });
  });

  test("names people who changed something to those who may read them", async () => {
    const userId = await setting.addUser();
    const { own, other } = setting.organizations;
    const heads = { "x-zitadel-orgid": other };
    const person = await setting.addUser({ ...gigi, displayName: "Hidden" }, heads);
    await setting.administer(
      "member",
      "add",
      "--subject",
      person,
      "--role",
      "ORG_OWNER",
      "--org",
      own,
    );
    const token = setting.tokenOf(person);
    const request = { userId, ...gigi, lastName: "Okapi" };
    const as = { token, headers: { "x-zitadel-orgid": own } };
    expect(await setting.callOver(caller, methods.updateHumanProfile, request, as)).toMatchObject({
      code: 0,
    });
    const { body } = await call({ userId, limit: 1 });
    expect(body?.changes).toMatchObject([{ editorId: person, editorName: "Hidden" }]);
    const { body: ofViewer } = await call({ userId, limit: 1 }, { who: "viewer" });
    expect(object(list(ofViewer?.changes)[0])).not.toHaveProperty("editorName");
  });

  test("still has the history of a removed user", async () => {
    const { body } = await call({ userId: setting.users.removed });
    expect(body?.changes).toMatchObject([
      { eventType: "user.removed", sequence: "2" },
      { eventType: "user.human.added", sequence: "1" },
    ]);
  });

  test.for(["unknown", "machine"] as const)("refuses %s", async (who) => {
    expect(await call({ userId: setting.users[who] })).toEqual(
      refused(caller, userNotFound("QUERY-Dfbg2", "USER_NOT_FOUND")),
    );
  });
});
