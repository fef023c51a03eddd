import { randomBytes } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Caller, callers } from "../../support/api/callers.ts";
import { send } from "../../support/api/http.ts";
import { list, object, objectFrom, text } from "../../support/api/json.ts";
import {
  brokenRules,
  fieldRules,
  type Refusal,
  refusals,
  refused,
} from "../../support/api/refusals.ts";
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

const date = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3}|\.\d{6})?Z$/);
const base64 = (value: string | Buffer) => Buffer.from(value).toString("base64");

const metadataRefusal = (code: number, id: string, reason: string, text: string): Refusal => ({
  ...{ code, id, reason, text },
});
const noUser = metadataRefusal(
  9,
  "COMMAND-uXHNj",
  "METADATA_USER_NOT_FOUND",
  "User could not be found",
);
const notThere = metadataRefusal(5, "QUERY-Rgh32", "METADATA_NOT_FOUND", "Metadata not found");
const noSuchKey = metadataRefusal(5, "META-ncnw3", "METADATA_KEY_NOT_FOUND", "Metadata not found");
const noSuchKeys = metadataRefusal(
  5,
  "META-2nnds",
  "METADATA_KEYS_NOT_FOUND",
  "One or more keys do not exist",
);
const nothingGiven = metadataRefusal(
  9,
  "META-9mm2d",
  "METADATA_LIST_EMPTY",
  "Metadata list is empty",
);
const tooLarge: Refusal = {
  code: 9,
  text: "the user would have too much metadata",
  reason: "METADATA_TOO_LARGE",
};

describe.for(callers)("over $name,", (caller) => {
  const call = (method: Method, request: JsonObject, as?: As) =>
    setting.callOver(caller, method, request, as);
  const set = (id: string, key: string, value: string, as?: As) =>
    call(methods.setUserMetadata, { id, key, value: base64(value) }, as);
  const bulkSet = (id: string, values: Readonly<Record<string, string>>, as?: As) => {
    const metadata = Object.entries(values).map(([key, value]) => ({ key, value: base64(value) }));
    return call(methods.bulkSetUserMetadata, { id, metadata }, as);
  };
  const get = async (id: string, key: string, as?: As) => {
    const { body } = await call(methods.getUserMetadata, { id, key }, as);
    return body && object(body.metadata);
  };
  const search = async (id: string, request: JsonObject = {}, as?: As) => {
    const { body } = await call(methods.listUserMetadata, { id, ...request }, as);
    return {
      details: object(body?.details),
      entries: list(body?.result ?? []).map(object),
    };
  };
  const asc = { query: { asc: true } };
  const valuesOf = async (id: string, as?: As) =>
    Object.fromEntries(
      (await search(id, asc, as)).entries.map(({ key, value }) => [
        text(key),
        Buffer.from(text(value), "base64").toString(),
      ]),
    );
  const sequenceOf = async (id: string) => object((await setting.readProfile(id)).details).sequence;
  const changesOf = async (userId: string) => {
    const { result } = await setting.call(methods.listUserChanges, {
      userId,
      query: { asc: true },
    });
    return list(result).map((change) => text(object(object(change).eventType).key));
  };

  test("SetUserMetadata sets a key; its time is called the date of creation", async () => {
    const id = await setting.addUser();
    const resourceOwner = setting.organizations.own;
    const first = await set(id, "color", "red", { who: "editor" });
    const details = { sequence: "2", creationDate: date, resourceOwner };
    expect(first.body).toEqual({ details });
    const creationDate = object(first.body?.details).creationDate;
    expect(await get(id, "color", { who: "viewer" })).toEqual({
      key: "color",
      value: base64("red"),
      details: { sequence: "2", creationDate, changeDate: creationDate, resourceOwner },
    });
    const second = await set(id, "color", "blue");
    expect(second.body).toEqual({ details: { ...details, sequence: "3" } });
    const changeDate = object(second.body?.details).creationDate;
    expect(await get(id, "color")).toEqual({
      key: "color",
      value: base64("blue"),
      details: { sequence: "3", creationDate, changeDate, resourceOwner },
    });
    expect(await changesOf(id)).toEqual([
      "EventTypes.user.human.added",
      "EventTypes.user.metadata.set",
      "EventTypes.user.metadata.set",
    ]);
  });

  test("SetUserMetadata of the same value changes nothing, and succeeds", async () => {
    const id = await setting.addUser();
    const { body } = await set(id, "color", "red");
    expect((await set(id, "color", "red")).body).toEqual(body);
    await setting.call(methods.lockUser, { id });
    expect((await set(id, "color", "red")).body).toMatchObject({ details: { sequence: "3" } });
    expect(await changesOf(id)).toHaveLength(3);
  });

  test("BulkSetUserMetadata writes what differs, one change for each key", async () => {
    const id = await setting.addUser();
    await bulkSet(id, { a: "1", b: "2", c: "3" });
    const { body } = await bulkSet(id, { a: "1", b: "4", d: "5" }, { who: "editor" });
    expect(body).toEqual({
      details: {
        sequence: "6",
        creationDate: date,
        changeDate: date,
        resourceOwner: setting.organizations.own,
      },
    });
    expect(await valuesOf(id)).toEqual({ a: "1", b: "4", c: "3", d: "5" });
    expect([
      object((await get(id, "b"))?.details).sequence,
      object((await get(id, "d"))?.details).sequence,
    ]).toEqual(["5", "6"]);
    const again = await bulkSet(id, { a: "1", b: "4" });
    expect(again.body).toEqual(body);
    expect(await changesOf(id)).toHaveLength(6);
  });

  test("RemoveUserMetadata removes a key, once", async () => {
    const id = await setting.addUser();
    await bulkSet(id, { a: "1", b: "2" });
    const { body } = await call(methods.removeUserMetadata, { id, key: "a" }, { who: "editor" });
    expect(body).toMatchObject({ details: { sequence: "4", changeDate: date } });
    expect(await call(methods.removeUserMetadata, { id, key: "a" })).toEqual(
      refused(caller, noSuchKey),
    );
    expect(await call(methods.getUserMetadata, { id, key: "a" })).toEqual(
      refused(caller, notThere),
    );
    expect(await valuesOf(id)).toEqual({ b: "2" });
    expect((await changesOf(id)).at(-1)).toBe("EventTypes.user.metadata.removed");
  });

  test("BulkRemoveUserMetadata removes all of the keys, or none", async () => {
    const id = await setting.addUser();
    await bulkSet(id, { a: "1", b: "2", c: "3" });
    const remove = (...keys: string[]) => call(methods.bulkRemoveUserMetadata, { id, keys });
    expect(await remove("a", "none")).toEqual(refused(caller, noSuchKeys));
    expect(await sequenceOf(id)).toBe("4");
    expect((await remove("c", "a")).body).toMatchObject({ details: { sequence: "6" } });
    expect(await valuesOf(id)).toEqual({ b: "2" });
  });

  test("ListUserMetadata shows pages in the order of the keys", async () => {
    const id = await setting.addUser();
    await bulkSet(id, { b: "1", B: "2", ä: "3", c: "4" });
    const keys = async (query: JsonObject) => {
      const { details, entries } = await search(id, { query });
      expect(details).toEqual({ totalResult: "4", viewTimestamp: date });
      return entries.map(({ key }) => key);
    };
    expect(await keys({})).toEqual(["ä", "c", "b", "B"]);
    expect(await keys({ asc: true })).toEqual(["B", "b", "c", "ä"]);
    expect(await keys({ asc: true, offset: "1", limit: 2 })).toEqual(["b", "c"]);
    expect(await keys({ offset: "3" })).toEqual(["B"]);
    expect(await keys({ offset: "18446744073709551615" })).toEqual([]);
  });

  test.for([
    { method: "EQUALS", key: "color", want: ["color"] },
    { method: "EQUALS_IGNORE_CASE", key: "COLOR", want: ["Color", "color"] },
    { method: "STARTS_WITH", key: "col", want: ["color"] },
    { method: "STARTS_WITH_IGNORE_CASE", key: "col", want: ["Color", "color"] },
    { method: "CONTAINS", key: "i", want: ["size"] },
    { method: "CONTAINS_IGNORE_CASE", key: "O", want: ["Color", "color"] },
    { method: "ENDS_WITH", key: "r", want: ["Color", "color"] },
    { method: "ENDS_WITH_IGNORE_CASE", key: "E", want: ["size"] },
  ])("ListUserMetadata finds keys by $method", async ({ method, key, want }) => {
    const id = await setting.addUser();
    await bulkSet(id, { color: "1", Color: "2", size: "3" });
    const keyQuery = { key, method: `TEXT_QUERY_METHOD_${method}` };
    const { details, entries } = await search(id, { ...asc, queries: [{ keyQuery }] });
    expect(entries.map((entry) => entry.key)).toEqual(want);
    expect(details.totalResult).toBe(`${want.length}`);
    const nothing = { keyQuery: { key: "nothing" } };
    expect((await search(id, { queries: [{ keyQuery }, nothing] })).entries).toEqual([]);
  });

  test.for(["unknown", "removed", "foreign", "machine"] as const)(
    "a user who is %s has no metadata, and gets none",
    async (whom) => {
      const id = setting.users[whom];
      expect((await search(id)).entries).toEqual([]);
      expect(await call(methods.getUserMetadata, { id, key: "a" })).toEqual(
        refused(caller, notThere),
      );
      for (const reply of [
        await set(id, "a", "1"),
        await bulkSet(id, { a: "1" }),
        await call(methods.removeUserMetadata, { id, key: "a" }),
        await call(methods.bulkRemoveUserMetadata, { id, keys: ["a"] }),
      ]) {
        expect(reply).toEqual(refused(caller, noUser));
      }
    },
  );

  test("a user's metadata is seen only where the user lives, and is gone with the user", async () => {
    const id = await setting.addUser(gigi, { "x-zitadel-orgid": setting.organizations.other });
    await set(id, "color", "red", { where: "other" });
    expect(await valuesOf(id, { where: "other" })).toEqual({ color: "red" });
    expect(await valuesOf(id)).toEqual({});
    expect(await call(methods.getUserMetadata, { id, key: "color" })).toEqual(
      refused(caller, notThere),
    );
    await setting.call(
      methods.removeUser,
      { id },
      { "x-zitadel-orgid": setting.organizations.other },
    );
    expect(await valuesOf(id, { where: "other" })).toEqual({});
    expect(await get(id, "color", { where: "other" })).toBeUndefined();
  });

  test.for([
    { name: "letters of either case", key: "Color", value: Buffer.from("red") },
    {
      name: "characters that paths and queries know",
      key: "a b?c&d=e#f;g%2F:h",
      value: Buffer.from("x"),
    },
    { name: "200 astral characters", key: "🦒".repeat(200), value: Buffer.from("x") },
    {
      name: "all bytes",
      key: "bytes",
      value: Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    },
    { name: "as much as a message may carry", key: "large", value: randomBytes(45_000) },
  ])("gives back $name unchanged", async ({ key, value }) => {
    const id = await setting.addUser();
    const { code } = await call(methods.setUserMetadata, { id, key, value: base64(value) });
    expect(code).toBe(0);
    expect(await get(id, key)).toMatchObject({ key, value: base64(value) });
    expect((await search(id)).entries).toMatchObject([{ key, value: base64(value) }]);
    expect(await call(methods.removeUserMetadata, { id, key })).toMatchObject({ code: 0 });
  });

  test.for([
    { name: "a key of a capital", key: "COLOR", want: notThere },
    { name: "a key with a blank", key: "color ", want: notThere },
  ])("GetUserMetadata tells $name from another", async ({ key, want }) => {
    const id = await setting.addUser();
    await set(id, "color", "red");
    expect(await call(methods.getUserMetadata, { id, key })).toEqual(refused(caller, want));
  });

  type Refused = As & {
    readonly name: string;
    readonly method: Method;
    readonly request: JsonObject;
    readonly want: Refusal;
  };
  const bytesLength = {
    description: "value length must be between 1 and 500000 bytes, inclusive",
    reason: "BYTES_LENGTH",
    localizedMessage: { locale: "en", message: "Must be between 1 and 500000 bytes long" },
  };
  const long = "x".repeat(201);
  const entry = { key: "a", value: base64("1") };
  const requests = {
    setUserMetadata: entry,
    bulkSetUserMetadata: { metadata: [entry] },
    removeUserMetadata: { key: "a" },
  };
  test.for<Refused>([
    {
      name: "an empty list",
      method: methods.bulkSetUserMetadata,
      request: { id: "1" },
      want: nothingGiven,
    },
    {
      name: "no keys",
      method: methods.bulkRemoveUserMetadata,
      request: { id: "1" },
      want: nothingGiven,
    },
    {
      name: "an empty value",
      method: methods.setUserMetadata,
      request: { id: "1", key: "a" },
      want: fieldRules("SetUserMetadataRequest.Value", { field: "value", ...bytesLength }),
    },
    ...[methods.setUserMetadata, methods.getUserMetadata, methods.removeUserMetadata].map(
      (method): Refused => ({
        name: "a key that is too long",
        method,
        request: { id: "1", ...(method === methods.setUserMetadata && entry), key: long },
        want: fieldRules(`${method.input.name}.Key`, { field: "key", ...brokenRules.length1To200 }),
      }),
    ),
    {
      name: "an id that is too long",
      method: methods.listUserMetadata,
      request: { id: long },
      want: fieldRules("ListUserMetadataRequest.Id", { field: "id", ...brokenRules.length1To200 }),
    },
    {
      name: "a key that is too long, and an empty value",
      method: methods.bulkSetUserMetadata,
      request: { id: "1", metadata: [entry, { key: long }] },
      want: {
        ...fieldRules(
          "",
          { field: "metadata[1].key", ...brokenRules.length1To200 },
          { field: "metadata[1].value", ...bytesLength },
        ),
        text:
          "invalid BulkSetUserMetadataRequest.Metadata[1]: embedded message failed validation" +
          " | caused by: invalid BulkSetUserMetadataRequest_Metadata.Key:" +
          " value length must be between 1 and 200 runes, inclusive",
      },
    },
    {
      name: "an empty key",
      method: methods.bulkRemoveUserMetadata,
      request: { id: "1", keys: ["a", ""] },
      want: fieldRules("BulkRemoveUserMetadataRequest.Keys[1]", {
        field: "keys[1]",
        ...brokenRules.length1To200,
      }),
    },
    {
      name: "a query of nothing",
      method: methods.listUserMetadata,
      request: { id: "1", queries: [{}] },
      want: {
        ...fieldRules("", {
          field: "queries[0].query",
          ...{ ...brokenRules.required, reason: "ONEOF_REQUIRED" },
        }),
        text:
          "invalid ListUserMetadataRequest.Queries[0]: embedded message failed validation" +
          " | caused by: invalid MetadataQuery.Query: value is required",
      },
    },
    {
      name: "more than 20 queries",
      method: methods.listUserMetadata,
      request: { id: "1", queries: Array(21).fill({ keyQuery: { key: "a" } }) },
      want: {
        code: 3,
        text: "the search has too many queries",
        reason: "QUERY_TOO_LARGE",
      },
    },
    ...(["setUserMetadata", "bulkSetUserMetadata", "removeUserMetadata"] as const).map(
      (name): Refused => ({
        name: "who may only read",
        who: "viewer",
        method: methods[name],
        request: { id: "1", ...requests[name] },
        want: refusals.permissionMissing,
      }),
    ),
    {
      name: "who may only read",
      who: "viewer",
      method: methods.bulkRemoveUserMetadata,
      request: { id: "1", keys: ["a"] },
      want: refusals.permissionMissing,
    },
    {
      name: "who may read no users",
      who: "settings",
      method: methods.listUserMetadata,
      request: { id: "1" },
      want: refusals.permissionMissing,
    },
    {
      name: "who may read no users",
      who: "settings",
      method: methods.getUserMetadata,
      request: { id: "1", key: "a" },
      want: refusals.permissionMissing,
    },
  ])("$method.name refuses $name", async ({ method, request, want, ...as }) => {
    expect(await call(method, request, as)).toEqual(refused(caller, want));
  });

  test("refuses more than 1,000 keys of one user, and takes the rest of the request back", async () => {
    const id = await setting.addUser();
    const names = Array.from({ length: 1_000 }, (_, index) => [`k${index}`, "1"]);
    await bulkSet(id, Object.fromEntries(names.slice(0, 999)));
    expect(await bulkSet(id, { k1: "2", a: "1", b: "1" })).toEqual(refused(caller, tooLarge));
    expect(await sequenceOf(id)).toBe("1000");
    expect(await set(id, "a", "1")).toMatchObject({ code: 0 });
    expect(await set(id, "b", "1")).toEqual(refused(caller, tooLarge));
    expect((await search(id, { query: { limit: 2_000 } })).entries).toHaveLength(1_000);
  });

  test("is answered in the language of the caller", async () => {
    const request = { id: "1", metadata: [entry] };
    const headers = { "accept-language": "de" };
    expect(await call(methods.bulkSetUserMetadata, request, { headers })).toEqual(
      refused(caller, { ...noUser, text: "Benutzer konnte nicht gefunden werden" }),
    );
  });
});

describe("paths that a key could be taken for", () => {
  const sendTo = async (method: string, path: string, body?: JsonObject) => {
    const reply = await send("HTTP/1.1", setting.url, {
      method,
      path: `/management/v1/users/${path}`,
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${setting.tokens.owner}`,
      },
      ...(body && { body: Buffer.from(JSON.stringify(body)) }),
    });
    return { status: reply.status, body: objectFrom(reply.body) };
  };

  test("a key _bulk or _search is set by a list, and read and removed by its path", async () => {
    const id = await setting.addUser();
    const entries = ["_bulk", "_search"].map((key) => ({ key, value: base64(key) }));
    expect(await sendTo("POST", `${id}/metadata/_bulk`, { metadata: entries })).toMatchObject({
      status: 200,
      body: { details: { sequence: "3" } },
    });
    expect(await sendTo("POST", `${id}/metadata/_search`, {})).toMatchObject({
      body: { details: { totalResult: "2" }, result: [{ key: "_search" }, { key: "_bulk" }] },
    });
    for (const { key, value } of entries) {
      expect(await sendTo("GET", `${id}/metadata/${key}`)).toMatchObject({
        body: { metadata: { key, value } },
      });
    }
    expect(await sendTo("DELETE", `${id}/metadata/_bulk`, { keys: ["_bulk"] })).toMatchObject({
      status: 200,
    });
    expect(await sendTo("DELETE", `${id}/metadata/_search`)).toMatchObject({ status: 200 });
    expect(await sendTo("POST", `${id}/metadata/_search`, {})).not.toHaveProperty("body.result");
  });

  test("DELETE of _bulk without a body names no keys", async () => {
    const id = await setting.addUser();
    expect(await sendTo("DELETE", `${id}/metadata/_bulk`)).toMatchObject({
      status: 400,
      body: { message: "Metadata list is empty (META-9mm2d)" },
    });
  });
});

describe("many at once", () => {
  const callerOf = (number: number) => callers[number % callers.length] as Caller;
  const send = (number: number, method: Method, request: JsonObject) =>
    setting.callOver(callerOf(number), method, request);

  test("200 changes of one user's metadata, among changes of the profile, are all stored", async () => {
    const id = await setting.addUser();
    const replies = await Promise.all(
      Array.from({ length: 200 }, (_, number) => {
        const key = `key ${number % 20}`;
        const value = base64(`${number}`);
        if (number % 4 === 0) {
          const profile = { ...gigi, nickName: `${number}` };
          return send(number, methods.updateHumanProfile, { userId: id, ...profile });
        }
        if (number % 4 === 1) return send(number, methods.setUserMetadata, { id, key, value });
        const metadata = [
          { key, value },
          { key: `own ${number}`, value },
        ];
        return send(number, methods.bulkSetUserMetadata, { id, metadata });
      }),
    );
    expect(replies.filter(({ code }) => code !== 0)).toEqual([]);
    const sequences = replies.map(({ body }) => Number(object(body?.details).sequence));
    expect(new Set(sequences).size).toBe(200);
    const last = 1 + 50 + 50 + 2 * 100;
    expect(Math.max(...sequences)).toBe(last);
    expect(object((await setting.readProfile(id)).details).sequence).toBe(`${last}`);
    const request = { id, query: { limit: 1_000 } };
    const { result } = await setting.call(methods.listUserMetadata, request);
    const entries = list(result).map(object);
    expect(entries).toHaveLength(100 + 15);
    for (const { key, value } of entries.filter(({ key }) => text(key).startsWith("own"))) {
      expect(value).toBe(base64(text(key).slice(4)));
    }
  });
});

describe("with larger messages allowed", () => {
  test("a value may have 500,000 bytes, and no more", async () => {
    const large = await startSetting(["--max-message-bytes", "1000000"]);
    onTestFinished(() => large.close());
    const id = await large.addUser();
    const value = randomBytes(500_000);
    for (const caller of callers) {
      const key = caller.name.replace("/", " ");
      const request = { id, key, value: base64(value) };
      expect(await large.callOver(caller, methods.setUserMetadata, request)).toMatchObject({
        code: 0,
      });
      const { body } = await large.callOver(caller, methods.getUserMetadata, { id, key });
      expect(object(body?.metadata).value === request.value).toBe(true);
      await large.callOver(caller, methods.removeUserMetadata, { id, key });
      const longer = { ...request, value: base64(randomBytes(500_001)) };
      expect(await large.callOver(caller, methods.setUserMetadata, longer)).toMatchObject({
        code: 3,
      });
    }
    const set = (key: string) =>
      large.callOver(callers[0] as Caller, methods.setUserMetadata, {
        id,
        key,
        value: base64(value),
      });
    for (const key of "abcdefg") expect(await set(key)).toMatchObject({ code: 0 });
    expect(await set("h")).toEqual(refused(callers[0] as Caller, tooLarge));
  });
});
