import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ManagementService } from "../../gen/zitadel/management_pb.ts";
import { UserService } from "../../gen/zitadel/user/v2/user_service_pb.ts";
import { type Caller, callers, closeCallers, type Reply } from "../support/api/callers.ts";
import { gigi } from "../support/api/setting.ts";
import { startServer, type TestServer } from "../support/server.ts";

const v1 = ManagementService.method;
const v2 = UserService.method;

const rest = callers.filter(({ protocol }) => protocol === "REST");
const others = callers.filter(({ protocol }) => protocol !== "REST");

/** The two headers of an answer. */
const spoken = ({ headers }: Reply) => ({
  deprecation: headers.get("deprecation"),
  link: headers.get("link"),
});

const successorIs = (path: string) => ({
  deprecation: `@${Date.parse("2025-09-01T00:00:00Z") / 1_000}`,
  link: `<${path}>; rel="successor-version"`,
});
const silence = { deprecation: null, link: null };

let silent: TestServer;
let server: TestServer;
beforeAll(async () => {
  silent = await startServer([]);
  server = await startServer(["--deprecation-headers", "--cors-origin", "https://app.example"]);
});
afterAll(async () => {
  closeCallers();
  await silent.close();
  await server.close();
});

type Method = (typeof v1)[keyof typeof v1] | (typeof v2)[keyof typeof v2];

const call = (to: TestServer, caller: Caller, method: Method, request: JsonObject) =>
  caller.call(to.url, method, request, { token: to.adminToken });

/** Each with the path of its successor, if it has one. Most are refused, because nobody has the id 42. */
const calls: readonly { method: Method; request: JsonObject; successor?: string }[] = [
  { method: v1.updateHumanProfile, request: { userId: "42", ...gigi }, successor: "/v2/users/42" },
  {
    method: v1.updateUserName,
    request: { userId: "42", userName: "g" },
    successor: "/v2/users/42",
  },
  {
    method: v1.updateHumanEmail,
    request: { userId: "42", email: "g@g" },
    successor: "/v2/users/42",
  },
  {
    method: v1.updateHumanPhone,
    request: { userId: "42", phone: "+1" },
    successor: "/v2/users/42",
  },
  { method: v1.removeHumanPhone, request: { userId: "42" }, successor: "/v2/users/42" },
  { method: v1.getHumanProfile, request: { userId: "42" }, successor: "/v2/users/42" },
  { method: v1.getHumanEmail, request: { userId: "42" }, successor: "/v2/users/42" },
  { method: v1.getHumanPhone, request: { userId: "42" }, successor: "/v2/users/42" },
  { method: v1.getUserByID, request: { id: "42" }, successor: "/v2/users/42" },
  { method: v1.getUserByLoginNameGlobal, request: { loginName: "g" }, successor: "/v2/users" },
  { method: v1.isUserUnique, request: { userName: "g" }, successor: "/v2/users" },
  { method: v1.listUsers, request: {}, successor: "/v2/users" },
  { method: v1.addHumanUser, request: {}, successor: "/v2/users/new" },
  { method: v1.importHumanUser, request: {}, successor: "/v2/users/new" },
  { method: v1.deactivateUser, request: { id: "42" }, successor: "/v2/users/42/deactivate" },
  { method: v1.reactivateUser, request: { id: "42" }, successor: "/v2/users/42/reactivate" },
  { method: v1.lockUser, request: { id: "42" }, successor: "/v2/users/42/lock" },
  { method: v1.unlockUser, request: { id: "42" }, successor: "/v2/users/42/unlock" },
  { method: v1.removeUser, request: { id: "42" }, successor: "/v2/users/42" },
  {
    method: v1.setUserMetadata,
    request: { id: "42", key: "k", value: "dg==" },
    successor: "/v2/users/42/metadata",
  },
  { method: v1.bulkSetUserMetadata, request: { id: "42" }, successor: "/v2/users/42/metadata" },
  {
    method: v1.removeUserMetadata,
    request: { id: "42", key: "k" },
    successor: "/v2/users/42/metadata",
  },
  { method: v1.bulkRemoveUserMetadata, request: { id: "42" }, successor: "/v2/users/42/metadata" },
  {
    method: v1.getUserMetadata,
    request: { id: "42", key: "k" },
    successor: "/v2/users/42/metadata/search",
  },
  {
    method: v1.listUserMetadata,
    request: { id: "42" },
    successor: "/v2/users/42/metadata/search",
  },
  { method: v1.healthz, request: {} },
  { method: v1.getMyOrg, request: {} },
  { method: v1.listUserChanges, request: { userId: "42" } },
  { method: v1.listUserMemberships, request: { userId: "42" } },
  { method: v2.getUserByID, request: { userId: "42" } },
];

test("every method of v1 is called", () => {
  const called = calls
    .map(({ method }) => method)
    .filter(({ parent }) => parent === v1.healthz.parent);
  expect(new Set(called)).toEqual(new Set(ManagementService.methods));
});

describe.for(rest)("with --deprecation-headers, $name,", (caller) => {
  test.for(calls)("$method.name names its successor: $successor", async (row) => {
    const { method, request, successor } = row;
    const reply = await call(server, caller, method, request);
    expect(spoken(reply)).toEqual(successor === undefined ? silence : successorIs(successor));
  });

  test("a call that succeeds names it, too", async () => {
    const email = { email: "gigi@giraffe.example" };
    const request = { userName: caller.name, profile: gigi, email };
    const { body } = await call(server, caller, v1.importHumanUser, request);
    const reply = await call(server, caller, v1.getUserByID, { id: body?.userId as string });
    expect(reply.code).toBe(0);
    expect(spoken(reply)).toEqual(successorIs(`/v2/users/${body?.userId}`));
    // GET of the successor reads the same user.
    const found = await call(server, caller, v2.getUserByID, { userId: body?.userId as string });
    expect(found).toMatchObject({ code: 0, body: { user: { userId: body?.userId } } });
  });

  test("a call that is refused at the gate names it, too", async () => {
    const reply = await caller.call(server.url, v1.getUserByID, { id: "42" });
    expect(reply.code).toBe(16);
    expect(spoken(reply)).toEqual(successorIs("/v2/users/42"));
  });

  test.for([
    {
      name: "is escaped",
      id: '<a>; rel="x" ü%?',
      want: "/v2/users/%3Ca%3E%3B%20rel%3D%22x%22%20%C3%BC%25%3F",
    },
    {
      name: "is as long as an id may be",
      id: "1".repeat(200),
      want: `/v2/users/${"1".repeat(200)}`,
    },
  ])("an id that $name stays whole in the link", async ({ id, want }) => {
    const reply = await call(server, caller, v1.getUserByID, { id });
    expect(spoken(reply)).toEqual(successorIs(want));
  });

  test("an id that is too long has no link", async () => {
    const reply = await call(server, caller, v1.getUserByID, { id: "1".repeat(201) });
    expect(spoken(reply)).toEqual({ ...successorIs(""), link: null });
  });

  test("without the flag no call says anything", async () => {
    const replies = await Promise.all(
      calls.map(({ method, request }) => call(silent, caller, method, request)),
    );
    expect(replies.map(spoken)).toEqual(calls.map(() => silence));
  });
});

test.for(others)("$name says nothing, with the flag either", async (caller) => {
  const replies = await Promise.all(
    calls.map(({ method, request }) => call(server, caller, method, request)),
  );
  expect(replies.map(spoken)).toEqual(calls.map(() => silence));
});

test("pages of other origins may read the headers", async () => {
  const { headers } = await fetch(`${server.url}/management/v1/users/42`, {
    headers: { origin: "https://app.example" },
  });
  const exposed = headers.get("access-control-expose-headers")?.split(/, */) ?? [];
  expect(exposed).toEqual(expect.arrayContaining(["Deprecation", "Link"]));
});
