import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type HttpRequest, type HttpVersion, send } from "../../support/api/http.ts";
import { gigi, type Setting, startSetting } from "../../support/api/setting.ts";

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(() => setting.close());

const okapi = { ...gigi, lastName: "Okapi" };

describe.for<HttpVersion>(["HTTP/1.1", "h2c"])("UpdateHumanProfile, REST over %s,", (version) => {
  /** As the editor, if the headers say nothing else. */
  const exchange = async (request: Partial<HttpRequest> & { path: string }) => {
    const authorization = `Bearer ${setting.tokens.editor}`;
    const { status, headers, body } = await send(version, setting.url, {
      method: "PUT",
      ...request,
      headers: { authorization, ...request.headers },
    });
    return { status, headers, json: JSON.parse(body.toString() || "null") };
  };
  const pathOf = (userId: string) => `/management/v1/users/${userId}/profile`;
  const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

  test.for([
    { name: "no content type", headers: {} },
    {
      name: "JSON in another character set",
      headers: { "content-type": "application/json; charset=latin1" },
    },
    { name: "text", headers: { "content-type": "text/plain" } },
    { name: "a form", headers: { "content-type": "application/x-www-form-urlencoded" } },
    { name: "protobuf", headers: { "content-type": "application/proto" } },
    { name: "no content type that is one", headers: { "content-type": ";;," } },
    { name: "an answer in XML", headers: { accept: "application/xml" } },
    { name: "another verb by header", headers: { "x-http-method-override": "DELETE" } },
    {
      name: "another caller and tenant by gateway metadata",
      headers: { "grpc-metadata-authorization": "x", "grpc-metadata-x-zitadel-orgid": "1" },
    },
  ])("reads and writes JSON despite $name", async ({ headers }) => {
    const userId = await setting.addUser();
    const reply = await exchange({ path: pathOf(userId), headers, body: bytes(okapi) });
    expect(reply.status).toBe(200);
    expect(reply.headers.get("content-type")).toBe("application/json");
    expect(await setting.readProfile(userId)).toEqual({ ...reply.json, profile: okapi });
  });

  test.for([
    { name: "another value", after: ` {"nickName": "x"}` },
    { name: "what is no JSON", after: " ]x" },
    { name: "bytes of zero", after: "\u0000\u0000" },
  ])("ignores $name after the first value", async ({ after }) => {
    const userId = await setting.addUser();
    const body = Buffer.concat([bytes(okapi), Buffer.from(after)]);
    expect(await exchange({ path: pathOf(userId), body })).toMatchObject({ status: 200 });
    expect(await setting.readProfile(userId)).toMatchObject({ profile: okapi });
  });

  test.for([
    { name: "camel case", fields: (userId: string) => ({ userId }) },
    { name: "snake case", fields: (userId: string) => ({ user_id: userId }) },
    { name: "null", fields: () => ({ userId: null }) },
    { name: "the wrong length", fields: () => ({ userId: "x".repeat(201) }) },
  ])("takes the user from the path, not from the body ($name)", async ({ fields }) => {
    const [inPath, inBody] = [await setting.addUser(), await setting.addUser()];
    const body = bytes({ ...okapi, ...fields(inBody) });
    expect(await exchange({ path: pathOf(inPath), body })).toMatchObject({ status: 200 });
    expect(await setting.readProfile(inPath)).toMatchObject({ profile: okapi });
    expect(await setting.readProfile(inBody)).toMatchObject({ details: { sequence: "1" } });
  });

  test("ignores the query", async () => {
    const userId = await setting.addUser();
    const path = `${pathOf(userId)}?nickName=x&userId=1&gender=%zz&unknown`;
    expect(await exchange({ path, body: bytes(okapi) })).toMatchObject({ status: 200 });
    expect(await setting.readProfile(userId)).toMatchObject({ profile: okapi });
  });

  test("W18: decodes the id in the path once", async () => {
    const userId = await setting.addUser();
    const escaped = [...userId].map((digit) => `%3${digit}`).join("");
    expect(await exchange({ path: pathOf(escaped), body: bytes(okapi) })).toMatchObject({
      status: 200,
    });
    const twice = escaped.replaceAll("%", "%25");
    const body = bytes({ ...okapi, lastName: "Zebra" });
    expect(await exchange({ path: pathOf(twice), body })).toMatchObject({ status: 400 });
  });

  test.for([
    { name: "no body", body: undefined },
    { name: "an empty body", body: Buffer.of() },
    { name: "a body of white space", body: Buffer.from(" \r\n\t") },
    { name: "an empty object", body: Buffer.from("{}") },
  ])("reads $name as a message without fields", async ({ body }) => {
    const userId = await setting.addUser();
    const request = { path: pathOf(userId), ...(body && { body }) };
    expect(await exchange(request)).toMatchObject({
      status: 400,
      json: {
        code: 3,
        message:
          "invalid UpdateHumanProfileRequest.FirstName: value length must be between 1 and 200 runes, inclusive",
      },
    });
    expect(await exchange({ ...request, headers: { authorization: "" } })).toMatchObject({
      status: 401,
      json: { code: 16, message: "auth header missing" },
    });
  });

  test("A5: asks for a token before it looks at malformed JSON", async () => {
    const headers = { authorization: "" };
    const reply = await exchange({ path: pathOf("1"), headers, body: Buffer.from("{") });
    expect(reply).toMatchObject({
      status: 401,
      json: { code: 16, message: "auth header missing" },
    });
    expect(reply.headers.get("www-authenticate")).toBe("Bearer");
  });

  test.for([
    { name: "no token", authorization: "" },
    { name: "no scheme", authorization: "garbage" },
    { name: "an invalid token", authorization: "Bearer garbage" },
  ])("asks for a bearer token when there is $name", async ({ authorization }) => {
    const reply = await exchange({
      path: pathOf("1"),
      headers: { authorization },
      body: bytes(okapi),
    });
    expect(reply.status).toBe(401);
    expect(reply.headers.get("www-authenticate")).toBe("Bearer");
  });

  test.for(["POST", "PATCH", "DELETE"])("does not serve %s", async (method) => {
    const userId = await setting.addUser();
    const reply = await exchange({ method, path: pathOf(userId), body: bytes(okapi) });
    expect(reply).toMatchObject({ status: 405, json: { code: 12, message: "Method Not Allowed" } });
    expect(reply.json).toEqual({ code: 12, message: "Method Not Allowed" });
    expect(reply.headers.get("allow")).toBe("GET, PUT");
    expect(await setting.readProfile(userId)).toMatchObject({ details: { sequence: "1" } });
  });

  test.for([
    { name: "a slash at the end", path: "/management/v1/users/ID/profile/" },
    { name: "a slash in the id", path: "/management/v1/users/ID%2Fx/profile" },
    { name: "a small escaped slash in the id", path: "/management/v1/users/x%2fID/profile" },
    { name: "an escaped slash instead of one", path: "/management/v1/users/ID%2Fprofile" },
    { name: "no id", path: "/management/v1/users//profile" },
    { name: "two slashes", path: "//management/v1/users/ID/profile" },
    { name: "a segment too many", path: "/management/v1/users/ID/profile/x" },
    { name: "a segment too few", path: "/management/v1/ID/profile" },
    { name: "no prefix", path: "/users/ID/profile" },
    { name: "another version", path: "/management/v2/users/ID/profile" },
    { name: "another case", path: "/Management/v1/users/ID/profile" },
    { name: "dot segments", path: "/management/v1/x/../users/ID/profile" },
    { name: "U+0000 in the id", path: "/management/v1/users/ID%00/profile" },
    { name: "half an escape", path: "/management/v1/users/ID%/profile" },
    { name: "an escape that is no UTF-8", path: "/management/v1/users/ID%ff/profile" },
    { name: "a parameter", path: "/management/v1/users/ID/profile;x" },
    { name: "a verb", path: "/management/v1/users/ID/profile:x" },
  ])("does not find a path with $name", async ({ path }) => {
    const userId = await setting.addUser();
    const reply = await exchange({ path: path.replace("ID", userId), body: bytes(okapi) });
    expect(reply.status).toBe(404);
    expect(reply.json).toEqual({ code: 5, message: "Not Found" });
    expect(await setting.readProfile(userId)).toMatchObject({ details: { sequence: "1" } });
  });

  test.for([
    { name: "dots", id: "%2e%2e" },
    { name: "two raw dots", id: ".." },
    { name: "a blank", id: "%20" },
    { name: "a question mark", id: "%3F" },
    { name: "an escape in an escape", id: "%252F" },
    { name: "emoji", id: encodeURIComponent("🦒".repeat(200)) },
    { name: "the name of a prototype", id: "__proto__" },
  ])("accepts $name as an id", async ({ id }) => {
    expect(await exchange({ path: pathOf(id), body: bytes(okapi) })).toMatchObject({
      status: 400,
      json: { code: 9, message: "Profile not found (COMMAND-3M9sd)" },
    });
  });

  test("refuses an id of 201 code points", async () => {
    const id = encodeURIComponent("🦒".repeat(201));
    expect(await exchange({ path: pathOf(id), body: bytes(okapi) })).toMatchObject({
      status: 400,
      json: {
        code: 3,
        message:
          "invalid UpdateHumanProfileRequest.UserId: value length must be between 1 and 200 runes, inclusive",
      },
    });
  });

  test("leaves empty fields out of its answers", async () => {
    const userId = await setting.addUser();
    const { nickName: _, gender: __, ...rest } = okapi;
    await exchange({ path: pathOf(userId), body: bytes(rest) });
    const reply = await exchange({ method: "GET", path: pathOf(userId) });
    expect(reply.json.profile).toEqual(rest);
    expect(Object.keys(reply.json)).toEqual(["details", "profile"]);
    expect(reply.json.details.sequence).toBe("2");
  });
});
