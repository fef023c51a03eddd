import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  gigi,
  type Method,
  methods,
  type Setting,
  startSetting,
} from "../../support/api/setting.ts";
import { compile, type Operation, operationsOf } from "./operations.ts";

let setting: Setting;
let document: JsonObject;
let validate: ReturnType<typeof compile>;
const operations = new Map<string, Operation>();
beforeAll(async () => {
  setting = await startSetting();
  document = (await (await fetch(`${setting.url}/openapi.json`)).json()) as JsonObject;
  validate = compile(document);
  for (const each of operationsOf(document))
    operations.set(each.operationId.replace("ManagementService_", ""), each);
});
afterAll(() => setting.close());

type Call = {
  readonly method: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly body?: JsonObject;
  readonly headers?: Record<string, string>;
  readonly token?: string;
};

/** Call as the document says, and judge the answer by it. */
async function callByDocument({ method, parameters = {}, body, headers, token }: Call) {
  const operation = operations.get(method) as Operation;
  const url = new URL(
    operation.path.replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(parameters[name] ?? ""),
    ),
    setting.url,
  );
  for (const { in: where, name } of operation.parameters)
    if (where === "query") url.searchParams.set(String(name), parameters[String(name)] ?? "");
  const answer = await fetch(url, {
    method: operation.verb.toUpperCase(),
    headers: {
      ...(operation.security.length > 0 && {
        authorization: `Bearer ${token ?? setting.tokens.owner}`,
      }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const value = (await answer.json()) as JsonObject;
  const { pointer, isNamed } = responseOf(operation, answer.status);
  return {
    status: answer.status,
    value,
    isNamed,
    ofRequest: body === undefined ? [] : validate(operation.bodyPointer, body),
    ofAnswer: validate(`${pointer}/content/application~1json/schema`, value),
    extras: extraHeaders.filter((name) => answer.headers.has(name)),
    type: answer.headers.get("content-type"),
  };
}

/** Headers of answers that not every answer has. */
const extraHeaders = ["etag", "idempotent-replayed", "preference-applied", "x-giraffe-changed"];

/** The headers that ask for what the document says a method can do, with values that change no answer. */
function askingForExtras(method: string): Record<string, string> {
  const values = {
    idempotencyKey: randomUUID(),
    allowUnchanged: "true",
    prefer: "handling=strict",
    ifMatch: "*",
  };
  const { parameters } = operations.get(method) as Operation;
  const headers = document.components as { parameters: Record<string, { name: string }> };
  const named = parameters.map(({ $ref }) => String($ref).split("/").at(-1));
  const asked = Object.entries(values).filter(
    // No condition holds for a user who is being added.
    ([name]) => named.includes(name) && !(name === "ifMatch" && /Add|Create|Import/.test(method)),
  );
  return Object.fromEntries(
    asked.map(([name, value]) => [headers.parameters[name]?.name ?? "", value]),
  );
}

/** Those that the document says a method has, but for a repeat. */
function extrasInDocument(method: string): string[] {
  const { responses } = operations.get(method) as Operation;
  const { headers = {} } = responses["200"] as { headers?: object };
  return extraHeaders.filter((name) => name in headers && name !== "idempotent-replayed");
}

/** Where the document describes an answer, and whether it does so under its own status or under "default". */
function responseOf({ verb, path, responses }: Operation, status: number) {
  const isNamed = String(status) in responses;
  const name = isNamed ? String(status) : "default";
  const { $ref } = responses[name] as { $ref?: string };
  const place = `/paths/${path.replaceAll("/", "~1")}/${verb}/responses/${name}`;
  return { pointer: $ref?.slice(1) ?? place, isNamed };
}

const newHuman = (): JsonObject => ({
  userName: setting.newUserName(),
  profile: gigi,
  email: { email: "gigi@giraffe.example", isEmailVerified: true },
  phone: { phone: "+41 44 123 45 67" },
});

/** In the words of v2. */
const newPerson = (): JsonObject => ({
  profile: { givenName: "Gigi", familyName: "Giraffe", preferredLanguage: "en" },
  email: { email: "gigi@giraffe.example", isVerified: true },
  phone: { phone: "+41 44 123 45 67" },
});
/** An update of a profile; refused, if there is no such user. */
const nickOf = (userId: string) => ({
  userId,
  expectedSequence: "1",
  updateMask: "nickName",
  profile: { nickName: "Gi the second" },
});
const color = { key: "color", value: "cmVk" };

/** The bodies of calls that need one to succeed. */
const bodies: Readonly<Record<string, () => JsonObject>> = {
  UpdateHumanProfile: () => ({ ...gigi, nickName: "Gi the second" }),
  ListUserChanges: () => ({ query: { limit: 10, sequence: "0" } }),
  AddHumanUser: newHuman,
  ImportHumanUser: newHuman,
  UpdateUserName: () => ({ userName: setting.newUserName() }),
  UpdateHumanEmail: () => ({ email: "okapi@giraffe.example", isEmailVerified: true }),
  UpdateHumanPhone: () => ({ phone: "+41 71 000 00 00" }),
  SetUserMetadata: () => ({ value: "Ymx1ZQ==" }),
  BulkSetUserMetadata: () => ({ metadata: [{ key: "size", value: "NA==" }] }),
  BulkRemoveUserMetadata: () => ({ keys: ["color"] }),
  UserService_CreateUser: () => ({
    organizationId: setting.organizations.own,
    username: setting.newUserName(),
    human: newPerson(),
  }),
  UserService_AddHumanUser: () => ({ username: setting.newUserName(), ...newPerson() }),
  UserService_UpdateUser: () => ({
    human: { profile: { nickName: "Gi" }, phone: { phone: "" } },
    metadata: [color],
  }),
  UserService_UpdateHumanUser: newPerson,
  UserService_ListUsers: () => ({ queries: [{ stateQuery: { state: "USER_STATE_ACTIVE" } }] }),
  UserService_SetEmail: () => ({ email: "okapi@giraffe.example", isVerified: true }),
  UserService_SetPhone: () => ({ phone: "+41 71 000 00 00" }),
  UserService_SetUserMetadata: () => ({ metadata: [color] }),
  UserService_ListUserMetadata: () => ({ pagination: { limit: 10 } }),
};
const before: Readonly<Record<string, readonly [Method, JsonObject?]>> = {
  ReactivateUser: [methods.deactivateUser],
  UnlockUser: [methods.lockUser],
  GetUserMetadata: [methods.setUserMetadata, color],
  ListUserMetadata: [methods.setUserMetadata, color],
  RemoveUserMetadata: [methods.setUserMetadata, color],
  BulkRemoveUserMetadata: [methods.setUserMetadata, color],
  UserService_ReactivateUser: [methods.deactivateUser],
  UserService_UnlockUser: [methods.lockUser],
  UserService_DeleteUserMetadata: [methods.setUserMetadata, color],
  UserService_ListUserMetadata: [methods.setUserMetadata, color],
};

describe("what the server answers is what the document says", () => {
  const committed = JSON.parse(
    readFileSync(new URL("../../../gen/openapi.json", import.meta.url), "utf8"),
  );
  const names = operationsOf(committed).map(({ operationId }) =>
    operationId.replace("ManagementService_", ""),
  );

  test.for(names)("to %s", async (method) => {
    const human = newHuman();
    const id = String((await setting.call(methods.addHumanUser, human)).userId);
    const [first, request] = before[method] ?? [];
    if (first !== undefined) await setting.call(first, { id, ...request });
    const parameters = {
      userId: id,
      id,
      loginName: String(human.userName),
      key: "color",
      keys: "color",
      fields: "profile.first_name",
      since: "2020-01-01T00:00:00Z",
      until: "2200-01-01T00:00:00Z",
      sequence: "0",
      limit: "10",
      ascending: "true",
    };
    const bodyOfUser = { UserService_UpdateProfiles: { updates: [nickOf(id), nickOf("1")] } }[
      method
    ];
    const body = bodyOfUser ?? bodies[method]?.();
    const headers = askingForExtras(method);
    expect(
      await callByDocument({ method, parameters, headers, ...(body !== undefined && { body }) }),
    ).toMatchObject({
      status: 200,
      type: "application/json",
      isNamed: true,
      ofRequest: [],
      ofAnswer: [],
      extras: extrasInDocument(method),
    });
  });

  test("to GetUserByID of a machine", async () => {
    const parameters = { id: setting.users.machine };
    expect(await callByDocument({ method: "GetUserByID", parameters })).toMatchObject({
      status: 200,
      value: { user: { machine: {} } },
      ofAnswer: [],
    });
  });
});

describe("what the server refuses is described, too", () => {
  const unknown = { userId: "unknown", id: "unknown", loginName: "unknown" };
  test.for<
    { name: string; status: number; isNamed?: false; isRight?: true } & Omit<Call, "token"> & {
        who?: keyof Setting["tokens"];
      }
  >([
    { name: "an unknown user", method: "GetUserByID", status: 404 },
    {
      name: "an unknown profile",
      method: "UpdateHumanProfile",
      body: gigi,
      status: 400,
      isRight: true,
    },
    { name: "a bad token", method: "GetHumanProfile", who: "garbage", status: 401 },
    {
      name: "a bad header",
      method: "GetHumanProfile",
      headers: { authorization: "Basic x" },
      status: 401,
    },
    { name: "a missing permission", method: "RemoveUser", who: "viewer", status: 403 },
    {
      name: "an unknown organization",
      method: "LockUser",
      headers: { "x-zitadel-orgid": "unknown" },
      status: 403,
    },
    {
      name: "fields that break rules, in Japanese",
      method: "UpdateHumanProfile",
      body: {
        ...gigi,
        firstName: "",
        displayName: "x".repeat(201),
        preferredLanguage: "12345678901",
      },
      headers: { "accept-language": "ja" },
      status: 400,
    },
    { name: "everything missing", method: "AddHumanUser", body: {}, status: 400 },
    {
      name: "a password",
      method: "AddHumanUser",
      body: {
        userName: "with-a-password",
        profile: gigi,
        email: { email: "gigi@giraffe.example" },
        initialPassword: "secret",
      },
      status: 501,
      isNamed: false,
    },
    {
      name: "too large a message",
      method: "UpdateHumanProfile",
      body: { firstName: "x".repeat(70_000) },
      status: 429,
    },
  ])("$name", async ({ status, isNamed = true, isRight = false, who = "owner", name, ...call }) => {
    const answer = await callByDocument({
      ...call,
      parameters: unknown,
      token: setting.tokens[who],
    });
    expect(answer).toMatchObject({ status, isNamed, ofAnswer: [] });
    // What breaks a field rule or is not supported breaks the schema of the request, and nothing else does.
    if (call.body !== undefined) expect(answer.ofRequest.length === 0).toBe(isRight);
  });
});

test("an answer that is not described would be noticed", () => {
  const at = "/components/schemas/zitadel.v1.ObjectDetails";
  expect(validate(at, { sequence: "1" })).toEqual([]);
  expect(validate(at, { sequence: 1 })).not.toEqual([]);
  expect(validate(at, { sequence: "1", version: "1" })).not.toEqual([]);
  expect(validate(at, { changeDate: "yesterday" })).not.toEqual([]);
  const status = "/components/schemas/google.rpc.Status";
  expect(
    validate(status, { code: 9, details: [{ "@type": "type.googleapis.com/a.B" }] }),
  ).not.toEqual([]);
});
