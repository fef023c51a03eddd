import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import { object } from "../../support/api/json.ts";
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

describe.for(callers)("over $name,", (caller) => {
  const call = (method: Method, request: JsonObject, as?: As) =>
    setting.callOver(caller, method, request, as);

  describe("ListUserChanges", () => {
    /** A user who was added, changed, locked, unlocked, deactivated and reactivated. */
    const addBusyUser = async () => {
      const userId = await setting.addUser();
      await setting.call(methods.updateHumanProfile, { userId, ...gigi, lastName: "Okapi" });
      for (const method of [
        methods.lockUser,
        methods.unlockUser,
        methods.deactivateUser,
        methods.reactivateUser,
      ])
        await setting.call(method, { id: userId });
      return userId;
    };
    const sequencesOf = (body: Record<string, unknown> | undefined) =>
      ((body?.result ?? []) as { sequence: string }[]).map(({ sequence }) => Number(sequence));

    test("says what happened, when and by whom", async () => {
      const userId = await setting.addUser();
      const lastName = "Okapi";
      const edit = await call(
        methods.updateHumanProfile,
        { userId, ...gigi, lastName },
        { who: "editor" },
      );
      const { body } = await call(methods.listUserChanges, { userId, query: { limit: 1 } });
      const { changeDate } = object(edit.body?.details);
      expect(body).toEqual({
        result: [
          {
            changeDate,
            eventType: {
              key: "EventTypes.user.human.profile.changed",
              localizedMessage: "User profile changed",
            },
            sequence: "2",
            editorId: expect.stringMatching(/^\d{18}$/),
            editorDisplayName: "editor",
            editorPreferredLoginName: "editor",
            resourceOwnerId: setting.organizations.own,
          },
        ],
      });
    });

    test.for<{ name: string; query: JsonObject | null; want: number[] }>([
      { name: "the newest first", query: null, want: [6, 5, 4, 3, 2, 1] },
      { name: "the oldest first", query: { asc: true }, want: [1, 2, 3, 4, 5, 6] },
      { name: "the newest two", query: { limit: 2 }, want: [6, 5] },
      { name: "the oldest two", query: { limit: 2, asc: true }, want: [1, 2] },
      { name: "what came after", query: { sequence: "4" }, want: [6, 5] },
      { name: "the next page", query: { sequence: "2", limit: 2, asc: true }, want: [3, 4] },
      { name: "nothing after the last", query: { sequence: "6" }, want: [] },
      ...["9007199254740993", "9223372036854775807", "9223372036854775808"].map((sequence) => ({
        name: `nothing after ${sequence} (C6)`,
        query: { sequence },
        want: [],
      })),
      {
        name: "nothing after the end of numbers",
        query: { sequence: "18446744073709551615" },
        want: [],
      },
    ])("lists $name", async ({ query, want }) => {
      const userId = await addBusyUser();
      const { code, body } = await call(
        methods.listUserChanges,
        { userId, query },
        { who: "viewer" },
      );
      expect(code).toBe(0);
      expect(sequencesOf(body)).toEqual(want);
    });

    test.for([
      {
        language: "en",
        want: [
          "User added",
          "User profile changed",
          "User locked",
          "User unlocked",
          "User deactivated",
          "User reactivated",
        ],
      },
      {
        language: "de-CH, en;q=0.1",
        want: [
          "Benutzer hinzugefügt",
          "Benutzerprofil geändert",
          "Benutzer gesperrt",
          "Benutzer entsperrt",
          "Benutzer deaktiviert",
          "Benutzer reaktiviert",
        ],
      },
    ])("names the changes in $language", async ({ language, want }) => {
      const userId = await addBusyUser();
      const headers = { "accept-language": language };
      const request = { userId, query: { asc: true } };
      const { body } = await call(methods.listUserChanges, request, { headers });
      const result = want.map((localizedMessage) => ({ eventType: { localizedMessage } }));
      expect(body).toMatchObject({ result });
    });

    test.for([
      {
        language: "en",
        want: [
          "Username changed",
          "Email address changed",
          "Email address verified",
          "Phone number changed",
          "Phone number verified",
          "Phone number removed",
        ],
      },
      {
        language: "nl",
        want: [
          "Gebruikersnaam gewijzigd",
          "E-mailadres gewijzigd",
          "E-mailadres geverifieerd",
          "Telefoonnummer gewijzigd",
          "Telefoonnummer geverifieerd",
          "Telefoonnummer verwijderd",
        ],
      },
    ])("names the changes of user name, address and phone in $language", async (row) => {
      const userId = await setting.addUser();
      const userName = setting.newUserName();
      const email = { email: "okapi@giraffe.example", isEmailVerified: true };
      const phone = { phone: "+41441234567", isPhoneVerified: true };
      await setting.call(methods.updateUserName, { userId, userName });
      await setting.call(methods.updateHumanEmail, { userId, ...email });
      await setting.call(methods.updateHumanPhone, { userId, ...phone });
      await setting.call(methods.removeHumanPhone, { userId });
      const headers = { "accept-language": row.language };
      const request = { userId, query: { asc: true, sequence: "1" } };
      const { body } = await call(methods.listUserChanges, request, { headers });
      const result = [
        "username.changed",
        "human.email.changed",
        "human.email.verified",
        "human.phone.changed",
        "human.phone.verified",
        "human.phone.removed",
      ].map((type, index) => ({
        eventType: { key: `EventTypes.user.${type}`, localizedMessage: row.want[index] },
        sequence: String(2 + index),
      }));
      expect(body).toMatchObject({ result });
    });

    test.for(["unknown", "foreign", "machine"] as const)(
      "has nothing of a user who is %s",
      async (whom) => {
        const { code, body } = await call(methods.listUserChanges, { userId: setting.users[whom] });
        expect([code, body]).toEqual([0, {}]);
      },
    );
  });
});

test("ListUserChanges lists 100 changes by default and 1,000 at most", async () => {
  const userId = await setting.addUser();
  await Promise.all(
    Array.from({ length: 1_004 }, (_, index) =>
      setting.call(methods.updateHumanProfile, { userId, ...gigi, nickName: String(index) }),
    ),
  );
  const sequences = async (query: JsonObject) => {
    const { result } = await setting.call(methods.listUserChanges, { userId, query });
    return (result as { sequence: string }[]).map(({ sequence }) => Number(sequence));
  };
  const from = (first: number, count: number, step: number) =>
    Array.from({ length: count }, (_, index) => first + step * index);
  expect(await sequences({})).toEqual(from(1_005, 100, -1));
  expect(await sequences({ limit: 101 })).toEqual(from(1_005, 101, -1));
  expect(await sequences({ limit: 4_294_967_295 })).toEqual(from(1_005, 1_000, -1));
  expect(await sequences({ limit: 1_001, asc: true })).toEqual(from(1, 1_000, 1));
});
