import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserService } from "../../../gen/giraffe/v1/user_service_pb.ts";
import { callers } from "../../support/api/callers.ts";
import { list, object } from "../../support/api/json.ts";
import { refused } from "../../support/api/refusals.ts";
import { type As, gigi, methods, type Setting, startSetting } from "../../support/api/setting.ts";
import { userNotFound } from "../user/refusals.ts";

const { listChanges } = UserService.method;

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
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
