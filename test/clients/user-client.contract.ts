import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { object, text } from "../support/api/json.ts";
import { type Setting, startSetting } from "../support/api/setting.ts";
import { type Access, type Client, errorInfo, isoTime, refused } from "./client.contract.ts";

/** The methods of v2 that are called here. */
export type UserMethodName =
  | "CreateUser"
  | "GetUserByID"
  | "ListUsers"
  | "UpdateUser"
  | "UpdateHumanUser"
  | "SetEmail"
  | "SetPhone"
  | "RemovePhone"
  | "DeactivateUser"
  | "ReactivateUser"
  | "LockUser"
  | "UnlockUser"
  | "DeleteUser"
  | "SetUserMetadata"
  | "ListUserMetadata"
  | "DeleteUserMetadata";

const profile = {
  givenName: "Zoë",
  familyName: "長頸鹿",
  nickName: "🦒 & 100%",
  displayName: 'Zoë "the tall" Жираф',
  preferredLanguage: "de-CH",
  gender: "GENDER_DIVERSE",
};

/**
 * The tests of v2 that every client must pass. Call it once for each client and protocol.
 *
 * @param flags Flags of `serve` that the client needs. Default: none.
 */
export function describeUserClient(
  name: string,
  open: (access: Access) => Client<UserMethodName>,
  flags: readonly string[] = [],
): void {
  describe(`v2, ${name}`, () => {
    let setting: Setting;
    let client: Client<UserMethodName>;
    beforeAll(async () => {
      setting = await startSetting(flags);
      client = open({ url: setting.url, token: setting.tokens.editor });
    });
    afterAll(async () => {
      client.close?.();
      await setting.close();
    });

    /** Makes a call, and throws unless it succeeds. */
    const done = async (method: UserMethodName, request: JsonObject) => {
      const reply = await client.call(method, request);
      if (reply.kind === "refused") throw new Error(`${method}: ${JSON.stringify(reply.status)}`);
      return object(reply.body);
    };
    const create = async (username = setting.newUserName()) => {
      const email = { email: "zoe@giraffe.example", isVerified: true };
      const human = { profile, email, phone: { phone: "+41 44 123 45 67" } };
      const organizationId = setting.organizations.own;
      return done("CreateUser", { organizationId, username, human });
    };
    const read = async (userId: string) => object((await done("GetUserByID", { userId })).user);
    const humanOf = async (userId: string) => object((await read(userId)).human);
    const details = (sequence: number) => ({
      sequence: String(sequence),
      changeDate: isoTime,
      resourceOwner: setting.organizations.own,
    });

    test("creates a person, in any script, reads it at once and finds it", async () => {
      const username = setting.newUserName();
      const created = await create(username);
      const userId = text(created.id);
      expect(created).toEqual({ id: userId, creationDate: isoTime });
      const user = {
        userId,
        details: { ...details(1), creationDate: isoTime },
        state: "USER_STATE_ACTIVE",
        username,
        loginNames: [username],
        preferredLoginName: username,
        human: {
          profile,
          email: { email: "zoe@giraffe.example", isVerified: true },
          phone: { phone: "+41441234567" },
        },
      };
      const { details: stands, user: found } = await done("GetUserByID", { userId });
      expect(stands).toEqual(user.details);
      expect(found).toMatchObject(user);
      const queries = [{ userNameQuery: { userName: username } }];
      expect(await done("ListUsers", { queries })).toMatchObject({
        details: { totalResult: "1", timestamp: isoTime },
        result: [user],
      });
    });

    test("changes what it names, and nothing else", async () => {
      const userId = text((await create()).id);
      const username = setting.newUserName();
      const human = { profile: { nickName: "Zo" } };
      expect(await done("UpdateUser", { userId, username, human })).toEqual({
        changeDate: isoTime,
      });
      const names = { givenName: "Gigi", familyName: "Giraffe" };
      // User name and nick name were two changes.
      expect(await done("UpdateHumanUser", { userId, profile: names })).toEqual({
        details: details(4),
      });
      expect(await done("UpdateHumanUser", { userId, profile: names })).toEqual({
        details: details(4),
      });
      const user = await read(userId);
      expect(user.username).toBe(username);
      expect(object(user.human).profile).toEqual({ ...profile, ...names, nickName: "Zo" });
    });

    test("changes e-mail and phone", async () => {
      const userId = text((await create()).id);
      const email = "gigi@giraffe.example";
      expect(await done("SetEmail", { userId, email, isVerified: true })).toEqual({
        details: details(3),
      });
      expect(await done("SetPhone", { userId, phone: "+41441234568" })).toEqual({
        details: details(4),
      });
      expect(await humanOf(userId)).toMatchObject({
        email: { email, isVerified: true },
        phone: { phone: "+41441234568" },
      });
      expect(await done("RemovePhone", { userId })).toEqual({ details: details(5) });
      expect((await humanOf(userId)).phone).toEqual({});
    });

    test("sets, lists and deletes metadata, of any bytes", async () => {
      const userId = text((await create()).id);
      const bytes = Buffer.from([0, 255, 128, 10]).toString("base64");
      const metadata = [
        { key: "Größe", value: bytes },
        { key: "size", value: "NQ==" },
      ];
      expect(await done("SetUserMetadata", { userId, metadata })).toEqual({ setDate: isoTime });
      const listed = async () => {
        const { metadata = [] } = await done("ListUserMetadata", {
          userId,
          pagination: { asc: true },
        });
        return metadata;
      };
      const dates = { creationDate: isoTime, changeDate: isoTime };
      const [first, second] = metadata;
      expect(await listed()).toEqual(
        expect.arrayContaining([
          { ...first, ...dates },
          { ...second, ...dates },
        ]),
      );
      expect(await done("DeleteUserMetadata", { userId, keys: ["size"] })).toEqual({
        deletionDate: isoTime,
      });
      expect(await listed()).toEqual([{ ...first, ...dates }]);
    });

    test("locks, deactivates and deletes", async () => {
      const userId = text((await create()).id);
      const states = [];
      for (const method of [
        "LockUser",
        "UnlockUser",
        "DeactivateUser",
        "ReactivateUser",
      ] as const) {
        await done(method, { userId });
        states.push((await read(userId)).state);
      }
      expect(states).toEqual([
        "USER_STATE_LOCKED",
        "USER_STATE_ACTIVE",
        "USER_STATE_INACTIVE",
        "USER_STATE_ACTIVE",
      ]);
      expect(await done("DeleteUser", { userId })).toEqual({ details: details(6) });
      expect(await client.call("GetUserByID", { userId })).toEqual(
        refused(5, "QUERY-Dfbg2", "User could not be found", "USER_NOT_FOUND"),
      );
    });

    test("learns why a call is refused, in its own language", async () => {
      const userId = text((await create()).id);
      const request = { userId, email: "zoe@giraffe.example" };
      expect(await client.call("SetEmail", request, { "accept-language": "de" })).toEqual(
        refused(9, "COMMAND-Uch5e", "E-Mail-Adresse nicht verändert", "SET_EMAIL_NOT_CHANGED"),
      );
      expect(await client.call("GetUserByID", { userId: setting.users.foreign })).toEqual(
        refused(5, "AUTHZ-cdgFk", "membership not found", "MEMBERSHIP_NOT_FOUND"),
      );
    });

    test("learns which field of a field breaks a rule", async () => {
      const human = { profile: { nickName: "" } };
      const rule = "value length must be between 1 and 200 runes, inclusive";
      const inside = "embedded message failed validation | caused by:";
      expect(await client.call("UpdateUser", { userId: "1", human })).toEqual({
        kind: "refused",
        status: {
          code: 3,
          message: `invalid UpdateUserRequest.Human: ${inside} invalid UpdateUserRequest_Human.Profile: ${inside} invalid UpdateUserRequest_Human_Profile.NickName: ${rule}`,
          details: [
            {
              "@type": "type.googleapis.com/google.rpc.BadRequest",
              fieldViolations: [
                {
                  field: "human.profile.nick_name",
                  description: rule,
                  reason: "STRING_LENGTH",
                  localizedMessage: {
                    locale: "en",
                    message: "Must be between 1 and 200 characters long",
                  },
                },
              ],
            },
            errorInfo("FIELD_INVALID"),
          ],
        },
      });
    });
  });
}
