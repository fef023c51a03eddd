import { randomUUID } from "node:crypto";
import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { type Refusal, refused } from "../../support/api/refusals.ts";
import { type As, methods as v1 } from "../../support/api/setting.ts";
import {
  gigi,
  methods,
  startUserSetting,
  type UserSetting,
} from "../../support/api/user-setting.ts";
import {
  failedPrecondition,
  membershipNotFound,
  userNameTaken,
  userPermissionMissing,
} from "./refusals.ts";

let setting: UserSetting;
beforeAll(async () => {
  setting = await startUserSetting();
});
afterAll(() => setting.close());

const date = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3}|\.\d{6})?Z$/);
const base64 = (value: string) => Buffer.from(value).toString("base64");
const entry = (key: string, value: string) => ({ key, value: base64(value) });

const listEmpty = failedPrecondition("META-9mm2d", "METADATA_LIST_EMPTY", "Metadata list is empty");
const noSuchUser = failedPrecondition(
  "COMMAND-uXHNj",
  "METADATA_USER_NOT_FOUND",
  "User could not be found",
);
const keysNotFound: Refusal = {
  code: 5,
  text: "One or more keys do not exist",
  id: "META-2nnds",
  reason: "METADATA_KEYS_NOT_FOUND",
};
const limitExceeded: Refusal = {
  code: 3,
  text: "Limit exceeded",
  id: "QUERY-4M0fs",
  reason: "LIMIT_EXCEEDED",
};
const invalid = (id: string, reason: string, message: string): Refusal => ({
  code: 3,
  text: message,
  id,
  reason,
});

describe.for(callers)("over $name,", (caller) => {
  const call = (method: DescMethodUnary, request: JsonObject, as: As = { who: "editor" }) =>
    setting.callOver(caller, method, request, as);
  /** Keys and values of a user. */
  const metadataOf = async (userId: string, rest: JsonObject = {}, as?: As) => {
    const request = { userId, pagination: { asc: true }, ...rest };
    const { body } = await call(methods.listUserMetadata, request, as);
    const { metadata = [] } = object(body);
    return Object.fromEntries(
      list(metadata).map((each) => {
        const { key, value = "" } = object(each);
        return [text(key), Buffer.from(text(value), "base64").toString()];
      }),
    );
  };
  const userWith = async (...metadata: JsonObject[]) => {
    const userId = await setting.addUser();
    await setting.call(methods.setUserMetadata, { userId, metadata });
    return userId;
  };

  test("sets what differs, as v1 shows it, too", async () => {
    const userId = await userWith(entry("a", "1"), entry("b", "2"));
    const metadata = [entry("b", "2"), entry("c", "3"), entry("A", "4")];
    const { body } = await call(methods.setUserMetadata, { userId, metadata });
    expect(body).toEqual({ setDate: date });
    expect(await metadataOf(userId)).toEqual({ A: "4", a: "1", b: "2", c: "3" });
    expect(await setting.events(userId)).toHaveLength(5);
    expect((await call(methods.setUserMetadata, { userId, metadata })).body).toEqual(body);
    expect(await setting.events(userId)).toHaveLength(5);
    expect(await setting.call(v1.getUserMetadata, { id: userId, key: "c" })).toMatchObject({
      metadata: { key: "c", value: base64("3") },
    });
  });

  test("removes keys whose values are empty, and ignores those that are not there", async () => {
    const userId = await userWith(entry("a", "1"), entry("b", "2"));
    const metadata = [{ key: "a", value: "" }, { key: "x" }];
    expect(await call(methods.setUserMetadata, { userId, metadata })).toMatchObject({ code: 0 });
    expect(await metadataOf(userId)).toEqual({ b: "2" });
  });

  test("removes all of the keys, or none", async () => {
    const userId = await userWith(entry("a", "1"), entry("b", "2"), entry("c", "3"));
    expect(await call(methods.deleteUserMetadata, { userId, keys: ["a", "x"] })).toEqual(
      refused(caller, keysNotFound),
    );
    const { body } = await call(methods.deleteUserMetadata, { userId, keys: ["a", "c"] });
    expect(body).toEqual({ deletionDate: date });
    expect(await metadataOf(userId)).toEqual({ b: "2" });
  });

  test("lists by key, a part at a time", async () => {
    const userId = await userWith(entry("a1", "1"), entry("a2", "2"), entry("b", "3"));
    const filter = (key: string, method: string) => ({ keyFilter: { key, method } });
    const filters = [filter("A", "TEXT_FILTER_METHOD_STARTS_WITH_IGNORE_CASE")];
    expect(await metadataOf(userId, { filters })).toEqual({ a1: "1", a2: "2" });
    const request = { userId, pagination: { offset: "1", limit: 1 }, filters };
    expect((await call(methods.listUserMetadata, request)).body).toEqual({
      pagination: { totalResult: "2", appliedLimit: "1" },
      metadata: [{ key: "a1", value: base64("1"), creationDate: date, changeDate: date }],
    });
    expect((await call(methods.listUserMetadata, { userId })).body).toMatchObject({
      pagination: { totalResult: "3", appliedLimit: "100" },
      metadata: [{ key: "b" }, { key: "a2" }, { key: "a1" }],
    });
    const most = { userId, pagination: { limit: 1_000 } };
    expect(await call(methods.listUserMetadata, most)).toMatchObject({ code: 0 });
    const more = { userId, pagination: { limit: 1_001 } };
    expect(await call(methods.listUserMetadata, more)).toEqual(refused(caller, limitExceeded));
  });

  test("refuses empty lists before it looks for anybody", async () => {
    const userId = setting.users.unknown;
    for (const as of [{ who: "editor" }, { who: "outsider" }] as const) {
      expect(await call(methods.setUserMetadata, { userId }, as)).toEqual(
        refused(caller, listEmpty),
      );
      expect(await call(methods.deleteUserMetadata, { userId }, as)).toEqual(
        refused(caller, listEmpty),
      );
    }
  });

  const changes: readonly [method: DescMethodUnary, fields: JsonObject][] = [
    [methods.setUserMetadata, { metadata: [entry("a", "2")] }],
    [methods.deleteUserMetadata, { keys: ["a"] }],
  ];

  test.for(changes)(
    "%s tells others nothing, and changes nothing for them",
    async ([method, fields]) => {
      const userId = await userWith(entry("a", "1"));
      const { unknown, removed, machine, foreign } = setting.users;
      for (const id of [userId, unknown, removed, machine])
        expect(await call(method, { userId: id, ...fields }, { who: "outsider" })).toEqual(
          refused(caller, membershipNotFound),
        );
      for (const id of [unknown, foreign])
        expect(await call(method, { userId: id, ...fields })).toEqual(
          refused(caller, membershipNotFound),
        );
      expect(await call(method, { userId, ...fields }, { who: "viewer" })).toEqual(
        refused(caller, userPermissionMissing),
      );
      const self: As = { token: setting.tokenOf(userId) };
      expect(await call(method, { userId, ...fields }, self)).toEqual(
        refused(caller, membershipNotFound),
      );
      for (const id of [removed, machine])
        expect(await call(method, { userId: id, ...fields })).toEqual(refused(caller, noSuchUser));
      expect(
        await call(method, { userId: unknown, ...fields }, { token: setting.manager }),
      ).toEqual(refused(caller, noSuchUser));
      expect(await metadataOf(userId)).toEqual({ a: "1" });
    },
  );

  test("shows metadata to those who may read the user, and of nobody nothing", async () => {
    const userId = await userWith(entry("a", "1"));
    expect(await metadataOf(userId, {}, { who: "viewer" })).toEqual({ a: "1" });
    const request = (id: string) => ({ userId: id });
    const { unknown, removed, machine } = setting.users;
    for (const id of [userId, unknown, removed, machine])
      expect(await call(methods.listUserMetadata, request(id), { who: "outsider" })).toEqual(
        refused(caller, membershipNotFound),
      );
    expect(await call(methods.listUserMetadata, request(userId), { who: "settings" })).toEqual(
      refused(caller, userPermissionMissing),
    );
    const self: As = { token: setting.tokenOf(userId) };
    expect(await call(methods.listUserMetadata, request(userId), self)).toEqual(
      refused(caller, membershipNotFound),
    );
    for (const id of [removed, machine]) expect(await metadataOf(id)).toEqual({});
    expect(await metadataOf(unknown, {}, { token: setting.manager })).toEqual({});
  });

  test("21: UpdateUser changes metadata with the rest, but not for people themselves", async () => {
    const userId = await userWith(entry("a", "1"), entry("b", "2"));
    const request = {
      userId,
      username: `renamed-${userId}`,
      human: { profile: { nickName: "N" } },
      metadata: [entry("a", "3"), { key: "b", value: "" }, { key: "x", value: "" }],
    };
    const self: As = { token: setting.tokenOf(userId) };
    expect(await call(methods.updateUser, request, self)).toEqual(
      refused(caller, membershipNotFound),
    );
    await setting.giveRole(userId, "ORG_OWNER_VIEWER", setting.organizations.own);
    expect(await call(methods.updateUser, request, self)).toEqual(
      refused(caller, userPermissionMissing),
    );
    expect(await setting.events(userId)).toHaveLength(3);

    expect((await call(methods.updateUser, request)).body).toEqual({ changeDate: date });
    expect(await metadataOf(userId)).toEqual({ a: "3" });
    expect((await setting.events(userId)).slice(3)).toEqual([
      "user.username.changed",
      "user.human.profile.changed",
      "user.metadata.set",
      "user.metadata.removed",
    ]);
    await call(methods.updateUser, request);
    expect(await setting.events(userId)).toHaveLength(7);
  });

  test("UpdateUser stores no metadata if the user name is taken", async () => {
    const [userId, holder] = [await userWith(entry("a", "1")), await setting.addUser()];
    const username = String((await setting.read(holder)).username);
    const request = { userId, username, human: {}, metadata: [entry("a", "2")] };
    expect(await call(methods.updateUser, request)).toEqual(refused(caller, userNameTaken));
    expect(await metadataOf(userId)).toEqual({ a: "1" });
  });

  const newHuman = () => ({
    profile: gigi,
    email: { email: `${randomUUID()}@giraffe.example` },
  });

  test("CreateUser and AddHumanUser store metadata with the user", async () => {
    const organizationId = setting.organizations.own;
    const metadata = [entry(" a ", "1"), entry("b", "2")];
    const human = newHuman();
    const created = await call(methods.createUser, { organizationId, human, metadata });
    const older = { ...newHuman(), metadata };
    const byOlder = await call(methods.createUser, { organizationId, human: older });
    const added = await call(methods.addHumanUser, { ...newHuman(), metadata });
    for (const { body } of [created, byOlder, added]) {
      const { id, userId = id } = object(body);
      expect(await metadataOf(text(userId))).toEqual({ a: "1", b: "2" });
    }
    expect(object(added.body).details).toMatchObject({ sequence: "3" });
    const twice = { organizationId, human: older, metadata };
    expect(await call(methods.createUser, twice)).toEqual(
      refused(caller, invalid("USERv2-j0z7uy", "METADATA_TWICE", "Metadata is invalid")),
    );
  });

  test("CreateUser refuses metadata without key or value", async () => {
    const organizationId = setting.organizations.own;
    const create = (metadata: JsonObject[]) =>
      call(methods.createUser, { organizationId, human: newHuman(), metadata });
    expect(await create([entry(" ", "1")])).toEqual(
      refused(caller, invalid("USER-Drght", "NEW_METADATA_KEY_EMPTY", "Metadata is invalid")),
    );
    expect(await create([{ key: "a" }])).toEqual(
      refused(caller, invalid("USER-Dbgth", "NEW_METADATA_VALUE_EMPTY", "Metadata is invalid")),
    );
  });

  test("ListUsers finds people by key and by value", async () => {
    const value = randomUUID();
    const key = `k-${value}`;
    const [both, one] = [await userWith(entry(key, value)), await userWith(entry(key, "other"))];
    await userWith(entry("k", value));
    const found = async (...queries: JsonObject[]) => {
      const { result = [] } = object(
        (await call(methods.listUsers, { queries, query: { asc: true } })).body,
      );
      return list(result).map((user) => object(user).userId);
    };
    const byKey = { metadataKeyFilter: { key } };
    const byValue = { metadataValueFilter: { value: base64(value) } };
    expect(await found(byKey)).toEqual([both, one].sort());
    expect(await found(byKey, byValue)).toEqual([both]);
    expect(await found(byValue)).toHaveLength(2);
    expect(await found(byKey, { notQuery: { query: byValue } })).toEqual([one]);
    expect(await found(byKey, { typeQuery: { type: "TYPE_MACHINE" } })).toEqual([]);
    const self = await call(
      methods.listUsers,
      { queries: [byKey] },
      { token: setting.tokenOf(one) },
    );
    expect(self.body).toMatchObject({ details: { totalResult: "1" }, result: [{ userId: one }] });
    const outside = await call(methods.listUsers, { queries: [byKey] }, { who: "outsider" });
    expect(outside.body).not.toHaveProperty("result");
  });
});

test("values up to 500,000 bytes are stored where the server takes such messages", async () => {
  const large = await startUserSetting(["--max-message-bytes", "800000"]);
  try {
    const userId = await large.addUser();
    const value = Buffer.alloc(500_000, "x").toString("base64");
    await large.call(methods.setUserMetadata, { userId, metadata: [{ key: "large", value }] });
    const { metadata } = await large.call(methods.listUserMetadata, { userId });
    expect(object(list(metadata)[0]).value).toBe(value);
  } finally {
    await large.close();
  }
});
