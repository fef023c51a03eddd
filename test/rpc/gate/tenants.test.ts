import { request as http1Request } from "node:http";
import { connect } from "node:http2";
import { text as textOf } from "node:stream/consumers";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Caller, callers, closeCallers, type Reply } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { type Permission, permissionsOf } from "../../support/api/permissions.ts";
import { type Refusal, refusals, refused } from "../../support/api/refusals.ts";
import { gigi, type Method, methods } from "../../support/api/setting.ts";
import { startServer, type TestServer } from "../../support/server.ts";

/** The two organizations. The first is the one that the server made. */
type Organization = "A" | "B";

/** Who calls. Roles of the instance have their home in A, but hold in B as well. */
type Who = { readonly role: string; readonly home: Organization };

const everyone: readonly Who[] = Object.keys(permissionsOf).flatMap((role): Who[] =>
  role.startsWith("IAM_")
    ? [{ role, home: "A" }]
    : [
        { role, home: "A" },
        { role, home: "B" },
      ],
);

/** One of each kind: all organizations, the own one, another one, reading only, no permission. */
const someone: readonly Who[] = [
  { role: "IAM_OWNER", home: "A" },
  { role: "ORG_OWNER", home: "A" },
  { role: "ORG_OWNER", home: "B" },
  { role: "ORG_OWNER_VIEWER", home: "A" },
  { role: "ORG_SETTINGS_MANAGER", home: "B" },
];

/** What the header `x-zitadel-orgid` says. */
type Header = Organization | "unknown" | "empty" | "absent";

const headers: readonly Header[] = ["absent", "A", "B", "unknown", "empty"];

const whoms = ["human of A", "human of B", "machine of A", "removed from A", "unknown"] as const;

type Whom = (typeof whoms)[number];

/** One way to reach for a user. */
type Reach = {
  readonly method: Method;
  readonly permission: Permission;
  readonly request: (id: string) => JsonObject;
  /** The reply for a user that the caller cannot reach; "nothing" is an empty list. */
  readonly missing: Refusal | "nothing";
  /** The reply for a machine of the organization. Default: that for a user who does not exist. */
  readonly machine?: Refusal | "found";
  /** What it does to a human. */
  readonly writes?: string;
};

const noUser = (id: string, reason: string): Refusal => ({
  code: 5,
  text: "User could not be found",
  id,
  reason,
});
const notHuman = (id: string, reason: string): Refusal => ({
  code: 9,
  text: "The User must be personal",
  id,
  reason,
});
const okapi = { ...gigi, lastName: "Okapi" };

const reaches: readonly Reach[] = [
  {
    method: methods.updateHumanProfile,
    permission: "user.write",
    request: (userId) => ({ userId, ...okapi }),
    missing: {
      code: 9,
      text: "Profile not found",
      id: "COMMAND-3M9sd",
      reason: "PROFILE_NOT_FOUND",
    },
    writes: "user.human.profile.changed",
  },
  {
    method: methods.getHumanProfile,
    permission: "user.read",
    request: (userId) => ({ userId }),
    missing: noUser("QUERY-HNhb3", "HUMAN_NOT_FOUND"),
    machine: notHuman("QUERY-WLTce", "USER_NOT_HUMAN"),
  },
  {
    method: methods.getUserByID,
    permission: "user.read",
    request: (id) => ({ id }),
    missing: noUser("QUERY-Dfbg2", "USER_NOT_FOUND"),
    machine: "found",
  },
  {
    method: methods.listUsers,
    permission: "user.read",
    request: (id) => ({ queries: [{ inUserIdsQuery: { userIds: [id] } }] }),
    missing: "nothing",
    machine: "found",
  },
  {
    method: methods.updateUserName,
    permission: "user.write",
    // The id, because nobody else may have the name.
    request: (userId) => ({ userId, userName: `okapi ${userId}` }),
    missing: noUser("COMMAND-5N9ds", "CHANGE_USER_NAME_NOT_FOUND"),
    writes: "user.username.changed",
  },
  {
    method: methods.getHumanEmail,
    permission: "user.read",
    request: (userId) => ({ userId }),
    missing: noUser("QUERY-Hms2s", "GET_EMAIL_NOT_FOUND"),
    machine: notHuman("QUERY-pt7HY", "GET_EMAIL_NOT_HUMAN"),
  },
  {
    method: methods.updateHumanEmail,
    permission: "user.write",
    request: (userId) => ({ userId, email: "okapi@giraffe.example" }),
    missing: {
      code: 9,
      text: "Email not found",
      id: "COMMAND-0Pe4r",
      reason: "CHANGE_EMAIL_NOT_FOUND",
    },
    writes: "user.human.email.changed",
  },
  {
    method: methods.getHumanPhone,
    permission: "user.read",
    request: (userId) => ({ userId }),
    missing: noUser("QUERY-DAvb3", "GET_PHONE_NOT_FOUND"),
    machine: notHuman("QUERY-hliQl", "GET_PHONE_NOT_HUMAN"),
  },
  {
    method: methods.updateHumanPhone,
    permission: "user.write",
    request: (userId) => ({ userId, phone: "+41441234567" }),
    missing: { ...noUser("COMMAND-3M0fs", "CHANGE_PHONE_NOT_FOUND"), code: 9 },
    writes: "user.human.phone.changed",
  },
  {
    method: methods.removeHumanPhone,
    permission: "user.write",
    request: (userId) => ({ userId }),
    missing: { ...noUser("COMMAND-3M9fs", "REMOVE_PHONE_NOT_FOUND"), code: 9 },
    writes: "user.human.phone.removed",
  },
  {
    method: methods.setUserMetadata,
    permission: "user.write",
    request: (id) => ({ id, key: "color", value: "cmVk" }),
    missing: { ...noUser("COMMAND-uXHNj", "METADATA_USER_NOT_FOUND"), code: 9 },
    writes: "user.metadata.set",
  },
  {
    method: methods.bulkSetUserMetadata,
    permission: "user.write",
    request: (id) => ({ id, metadata: [{ key: "size", value: "NA==" }] }),
    missing: { ...noUser("COMMAND-uXHNj", "METADATA_USER_NOT_FOUND"), code: 9 },
    writes: "user.metadata.set",
  },
  {
    method: methods.removeUser,
    permission: "user.delete",
    request: (id) => ({ id }),
    missing: noUser("COMMAND-m9od", "REMOVE_NOT_FOUND"),
    writes: "user.removed",
  },
];

type Cell = { readonly header: Header; readonly whom: Whom; readonly reach: Reach };

const cells: readonly Cell[] = headers.flatMap((header) =>
  whoms.flatMap((whom) => reaches.map((reach) => ({ header, whom, reach }))),
);

const titleOf = ({ header, whom, reach }: Cell) =>
  `${reach.method.name} of ${whom}, organization ${header}`;

/** The expected outcome of a call: the organization in which it succeeds, an empty list, or a refusal. */
type Outcome = Organization | "nothing" | Refusal;

function outcomeOf({ role, home }: Who, { header, whom, reach }: Cell): Outcome {
  if (header === "unknown") return refusals.organizationNotFound;
  const organization = header === "A" || header === "B" ? header : home;
  const isMember = role.startsWith("IAM_") || organization === home;
  if (!isMember) return refusals.membershipNotFound;
  if (!permissionsOf[role]?.includes(reach.permission)) return refusals.permissionMissing;
  if (whom === `human of ${organization}`) return organization;
  if (whom !== `machine of ${organization}`) return reach.missing;
  return reach.machine === "found" ? organization : (reach.machine ?? reach.missing);
}

/** The reply without headers; of a success, the user and the organization. */
function wantedReply(caller: Caller, outcome: Outcome, id: string) {
  if (typeof outcome !== "string") return refused(caller, outcome);
  const body = outcome === "nothing" ? {} : { id, resourceOwner: organizations[outcome] };
  return { code: 0, message: "", details: [], body, status: 200 };
}

let server: TestServer;
let organizations: Record<Header, string>;
let tokens: ReadonlyMap<string, string>;
/** The users that no call may change. */
let fixed: Record<"machine of A" | "machine of B" | "removed from A" | "removed from B", string>;
const unknown = "1";

const byDefault = callers[0] as Caller;
const tokenOf = ({ role, home }: Who) => text(tokens.get(`${role} of ${home}`));

/** Makes a call as the owner of the instance, and throws unless it succeeds. */
async function call(method: Method, request: JsonObject, organization: string) {
  const reply = await byDefault.call(server.url, method, request, {
    token: server.adminToken,
    headers: { "x-zitadel-orgid": organization },
  });
  if (reply.body === undefined) throw new Error(`${method.name}: ${reply.message}`);
  return reply.body;
}

let userNames = 0;
async function addUser(organization: string, userName = `user-${userNames++}`): Promise<string> {
  const contact = { email: { email: "gigi@giraffe.example" }, phone: { phone: "+41710000000" } };
  const request = { userName, profile: gigi, ...contact };
  return text((await call(methods.importHumanUser, request, organization)).userId);
}

/** The changes of a user, the oldest first. */
async function changesOf(userId: string, organization: string): Promise<string[]> {
  const request = { userId, query: { asc: true } };
  const { result = [] } = await call(methods.listUserChanges, request, organization);
  return list(result).map((change) =>
    text(object(object(change).eventType).key).replace("EventTypes.", ""),
  );
}

beforeAll(async () => {
  server = await startServer([]);
  const A = server.organization;
  const B = text((await server.administer("org", "create", "Zoo")).id);
  organizations = { A, B, unknown, empty: "", absent: "" };
  const created = new Map<string, Record<string, unknown>>();
  for (const { role, home } of everyone) {
    const place = role.startsWith("IAM_") ? [] : ["--org", organizations[home]];
    const name = ["--name", `${role} of ${home}`, "--role", role];
    const document = await server.administer("token", "create", ...name, ...place);
    created.set(`${role} of ${home}`, document);
  }
  tokens = new Map([...created].map(([name, { secret }]) => [name, text(secret)]));
  const machineOf = (home: Organization) =>
    text(object(created.get(`ORG_OWNER of ${home}`)?.account).id);
  const removedFrom = async (organization: string) => {
    const id = await addUser(organization);
    await call(methods.removeUser, { id }, organization);
    return id;
  };
  fixed = {
    "machine of A": machineOf("A"),
    "machine of B": machineOf("B"),
    "removed from A": await removedFrom(A),
    "removed from B": await removedFrom(B),
  };
});
afterAll(async () => {
  closeCallers();
  await server.close();
});

/** Without headers, which differ each time; of a success, only the user and the organization. */
async function replyTo(caller: Caller, who: Who, { header, reach }: Cell, id: string) {
  const { headers: _, ...reply } = await caller.call(server.url, reach.method, reach.request(id), {
    token: tokenOf(who),
    headers: header === "absent" ? {} : { "x-zitadel-orgid": organizations[header] },
  });
  if (reply.body === undefined) return reply;
  if (reach.missing === "nothing") return { ...reply, body: listed(reply.body) };
  const named = object(reply.body.user ?? { id, ...reply.body });
  const { resourceOwner } = object(named.details);
  return { ...reply, body: { id: named.id, resourceOwner } };
}

/** The user in a list of at most one. */
function listed({ details, result = [] }: Record<string, unknown>) {
  const users = list(result);
  expect(object(details).totalResult ?? "0").toBe(String(users.length));
  return Object.assign(
    {},
    ...users.map((user) => {
      const { id, details } = object(user);
      return { id, resourceOwner: object(details).resourceOwner };
    }),
  );
}

/**
 * The users of one test. Each call that may write has a human of its own, so that only this call can have
 * changed it. All others have the same.
 */
function newUsers(): (cell: Cell) => Promise<string> | string {
  const read = new Map<Whom, Promise<string>>();
  return ({ whom, reach }) => {
    if (whom === "unknown") return unknown;
    if (whom !== "human of A" && whom !== "human of B") return fixed[whom];
    const home = whom === "human of A" ? organizations.A : organizations.B;
    if (reach.writes !== undefined) return addUser(home);
    const id = read.get(whom) ?? addUser(home);
    read.set(whom, id);
    return id;
  };
}

/** How a human is found after a call. */
async function traceOf(home: string, id: string) {
  const changes = await changesOf(id, home);
  const headers = { "x-zitadel-orgid": home };
  const options = { token: server.adminToken, headers };
  const { body } = await byDefault.call(
    server.url,
    methods.getHumanProfile,
    { userId: id },
    options,
  );
  return { changes, profile: body?.profile };
}

/** The expected state of a human that was changed by one call. */
function wantedTrace(writes: string) {
  const profiles: Readonly<Record<string, JsonObject | undefined>> = {
    "user.removed": undefined,
    "user.human.profile.changed": okapi,
  };
  const profile = writes in profiles ? profiles[writes] : gigi;
  return { changes: ["user.human.added", writes], profile };
}

/** By their ids, how many changes humans have had, and their profiles. */
async function statesOf(home: string, userIds: readonly string[]) {
  const request = {
    query: { limit: 1_000 },
    queries: [{ inUserIdsQuery: { userIds: [...userIds] } }],
  };
  const { result } = await call(methods.listUsers, request, home);
  const states = list(result).map((user) => {
    const { id, details, human } = object(user);
    const { profile } = object(human);
    return [text(id), { changes: object(details).sequence, profile }] as const;
  });
  return Object.fromEntries(states);
}

const inTheWhole = ["gRPC over h2c", "REST over HTTP/1.1"];

describe("I13: who reaches whom, where:", () => {
  const rows = callers.flatMap((caller) =>
    (inTheWhole.includes(caller.name) ? everyone : someone).map((who) => ({ caller, who })),
  );

  test.for(rows)(
    "$who.role of $who.home, over $caller.name, just as the roles say",
    async ({ caller, who }) => {
      const idFor = newUsers();
      const attempts = await Promise.all(
        cells.map(async (cell) => ({
          cell,
          title: titleOf(cell),
          outcome: outcomeOf(who, cell),
          id: await idFor(cell),
        })),
      );
      const replies = await Promise.all(
        attempts.map(async ({ cell, title, id }) => [title, await replyTo(caller, who, cell, id)]),
      );
      expect(Object.fromEntries(replies)).toEqual(
        Object.fromEntries(
          attempts.map(({ title, outcome, id }) => [title, wantedReply(caller, outcome, id)]),
        ),
      );

      for (const home of ["A", "B"] as const) {
        const humans = attempts.filter(({ cell }) => cell.whom === `human of ${home}`);
        const changed = humans.flatMap(({ cell, title, outcome, id }) => {
          const { writes } = cell.reach;
          return typeof outcome === "string" && writes !== undefined ? [{ title, writes, id }] : [];
        });
        const traces = await Promise.all(
          changed.map(async ({ title, id }) => [title, await traceOf(organizations[home], id)]),
        );
        expect(Object.fromEntries(traces)).toEqual(
          Object.fromEntries(changed.map(({ title, writes }) => [title, wantedTrace(writes)])),
        );
        const ids = new Set(humans.map(({ id }) => id));
        for (const { id } of changed) ids.delete(id);
        expect(await statesOf(organizations[home], [...ids])).toEqual(
          Object.fromEntries([...ids].map((id) => [id, { changes: "1", profile: gigi }])),
        );
      }
      const wasRemoved = ["user.human.added", "user.removed"];
      const others = [fixed["machine of A"], fixed["removed from A"], unknown];
      const changesIn = (organization: string) =>
        Promise.all(others.map((id) => changesOf(id, organization)));
      expect(await changesIn(organizations.A)).toEqual([[], wasRemoved, []]);
      expect(await changesIn(organizations.B)).toEqual([[], [], []]);
    },
  );
});

/** Everything that a client can see of a reply, except its time. */
function visible({ headers, ...reply }: Reply) {
  const entries = [...headers].filter(([name]) => name !== "date" && name !== "x-request-id");
  return { ...reply, headers: Object.fromEntries(entries), names: [...headers.keys()].sort() };
}

describe.for(callers)(
  "I12: whether a user of another organization exists, over $name,",
  (caller) => {
    /** @param alike The users at home for whom the reply is that for a user who does not exist. */
    const byId = (method: Method, ...alike: (keyof typeof fixed)[]) => ({
      method,
      alike,
      request: (id: string): JsonObject => ({ id }),
    });
    const byUserId = (
      method: Method,
      fields: JsonObject = {},
      ...alike: (keyof typeof fixed)[]
    ) => ({
      method,
      alike,
      request: (userId: string): JsonObject => ({ userId, ...fields }),
    });
    const all = [
      byUserId(methods.updateHumanProfile, okapi, "machine of A", "removed from A"),
      byUserId(methods.getHumanProfile, {}, "removed from A"),
      byUserId(methods.updateUserName, { userName: "okapi" }, "machine of A", "removed from A"),
      byUserId(methods.getHumanEmail, {}, "removed from A"),
      byUserId(methods.updateHumanEmail, { email: "o@k" }, "machine of A", "removed from A"),
      byUserId(methods.getHumanPhone, {}, "removed from A"),
      byUserId(
        methods.updateHumanPhone,
        { phone: "+41441234567" },
        "machine of A",
        "removed from A",
      ),
      byUserId(methods.removeHumanPhone, {}, "machine of A", "removed from A"),
      byUserId(methods.listUserChanges, {}, "machine of A"),
      byId(methods.getUserByID, "removed from A"),
      byId(methods.removeUser, "machine of A", "removed from A"),
      byId(methods.deactivateUser, "machine of A", "removed from A"),
      byId(methods.reactivateUser, "machine of A", "removed from A"),
      byId(methods.lockUser, "machine of A", "removed from A"),
      byId(methods.unlockUser, "machine of A", "removed from A"),
    ];
    const rows = all.flatMap((reach) => [
      { ...reach, who: { role: "ORG_OWNER", home: "A" } as const, where: "absent" as const },
      { ...reach, who: { role: "IAM_OWNER", home: "A" } as const, where: "A" as const },
    ]);

    test.for(rows)(
      "cannot be told from the replies to $method.name, for $who.role",
      async ({ method, request, alike, who, where }) => {
        const foreign = await addUser(organizations.B);
        const others = ["machine of B", "removed from B", ...alike] as const;
        const ids = [foreign, ...others.map((other) => fixed[other]), unknown];
        const headers = { "x-zitadel-orgid": organizations[where] };
        const options = { token: tokenOf(who), headers };
        const replies = await Promise.all(
          ids.map(async (id) =>
            visible(await caller.call(server.url, method, request(id), options)),
          ),
        );
        expect(replies).toEqual(replies.map(() => replies.at(-1)));
        expect(await traceOf(organizations.B, foreign)).toEqual({
          changes: ["user.human.added"],
          profile: gigi,
        });
      },
    );

    test("cannot be told from the refusal of a caller without permission", async () => {
      const options = { token: tokenOf({ role: "ORG_OWNER_VIEWER", home: "A" }) };
      const ids = [await addUser(organizations.A), await addUser(organizations.B), unknown];
      const replies = await Promise.all(
        ids.map(async (userId) => {
          const request = { userId, ...okapi };
          const method = methods.updateHumanProfile;
          return visible(await caller.call(server.url, method, request, options));
        }),
      );
      expect(replies).toEqual(replies.map(() => replies.at(-1)));
      expect(replies[0]).toMatchObject({ code: 7 });
    });
  },
);

/** Bytes of UTF-8, as Node.js wants them in a header. */
const bytesOf = (value: string) => Buffer.from(value).toString("latin1");

/** Texts that are no id of an organization, although some look like one. */
function oddValues(A: string, B: string): string[] {
  const places = [...A].map((_, at) => at);
  const values = [
    ...places.map((at) => A.slice(0, at + 1)).filter((value) => value !== A),
    ...places.map((at) => A.slice(at)).filter((value) => value !== A),
    ...places.map((at) => `${A.slice(0, at)}${(Number(A[at]) + 1) % 10}${A.slice(at + 1)}`),
    ...places.map((at) => `${A.slice(0, at)} ${A.slice(at)}`).filter((value) => value[0] !== " "),
    ...places.map((at) => `${A.slice(0, at)},${A.slice(at)}`),
    ...places.map((at) => `${A.slice(0, at)}%${A.slice(at)}`),
    ...places.map((at) => `${A.slice(0, at)}_${A.slice(at + 1)}`),
    ...[A, B].flatMap((first) =>
      [A, B].flatMap((second) =>
        [", ", ",", " ", ";", "; ", "|", "/", "\t", "&", " or "].map(
          (between) => first + between + second,
        ),
      ),
    ),
    ...["0", "+", "-", "'", '"', "x", ",", "=", "/", "../../", "%20", "%00"].map(
      (start) => start + A,
    ),
    ...["0", ".0", "'", '"', ",", "=", "/", "/..", "%20", "%00", ";", "e0"].map((end) => A + end),
    ...[`"${A}"`, `'${A}'`, `[${A}]`, `["${A}"]`, `{${A}}`, `{"id":"${A}"}`, `(${A})`, `<${A}>`],
    ...[Number(A).toExponential(), `0x${BigInt(A).toString(16)}`, encodeURIComponent(`${A},`)],
    [...A].map((digit) => `%3${digit}`).join(""),
    Buffer.from(A).toString("base64"),
    ...["1".repeat(200), "1".repeat(201), "1".repeat(4_000), A.padStart(200, "0"), A.repeat(11)],
    ...["*", "%", "_", "?", "-", ".", "..", "/", "\\", "null", "undefined", "true", "0", "NaN"],
    ...["__proto__", "constructor", "toString", "hasOwnProperty", "prototype"],
    ...["Giraffe", "Zoo", "giraffe.example", "localhost", "instance", "IAM", "default", "me"],
    ...[
      "' or '1'='1",
      `${A}' --`,
      `${A}' or 1=1 --`,
      `' union select id from organizations --`,
      `'; drop table organizations; --`,
      `"; delete from heads; --`,
      `${A}'||'`,
      `' || (select id from organizations limit 1) || '`,
      "$1",
      ":id",
      "@id",
      "?1",
      "{{7*7}}",
      "<script>alert(1)</script>",
    ],
    ...[
      "６９６２９０２３９０６４８８３３４",
      "🦒",
      "🦒".repeat(50),
      "é",
      "ＺＯＯ",
      "\u00a0",
      "\u2028",
      "\ufeff",
    ].map(bytesOf),
    ...[`${A}\u200b`, `\u202e${A}`, `${A}\u0301`, `${A}\u00ad`].map(bytesOf),
    "\u00ff\u00fe",
  ];
  return [...new Set(values)];
}

/** The headers of a reply, without the id that is drawn for it: a few digits may well be in that. */
function wordsOf(headers: Headers): string {
  return JSON.stringify([...headers].filter(([name]) => name !== "x-request-id"));
}

describe.for(callers)("W19: the header that names the organization, over $name,", (caller) => {
  const reach = (id: string, headers: Record<string, string>) =>
    caller.call(
      server.url,
      methods.updateHumanProfile,
      { userId: id, ...okapi },
      { token: server.adminToken, headers },
    );

  test("is refused with whatever is no id of an organization", async () => {
    const values = oddValues(organizations.A, organizations.B);
    const id = await addUser(organizations.A);
    const replies = await Promise.all(
      values.map(async (value) => {
        const { headers, ...reply } = await reach(id, { "x-zitadel-orgid": value });
        const isRepeated = wordsOf(headers).includes(value) && value.length > 3;
        return { value, reply, isRepeated };
      }),
    );
    expect(values.length).toBeGreaterThan(200);
    const reply = refused(caller, refusals.organizationNotFound);
    expect(replies).toEqual(values.map((value) => ({ value, reply, isRepeated: false })));
    expect(await changesOf(id, organizations.A)).toEqual(["user.human.added"]);
  });

  test.for(["x-zitadel-orgid", "X-Zitadel-OrgId", "X-ZITADEL-ORGID", "x-Zitadel-orgID"])(
    "is heard as %s",
    async (name) => {
      const id = await addUser(organizations.B);
      expect(await reach(id, { [name]: organizations.B })).toMatchObject({
        code: 0,
        body: { details: { sequence: "2", resourceOwner: organizations.B } },
      });
      const { headers: _, ...reply } = await reach(id, { [name]: unknown });
      expect(reply).toEqual(refused(caller, refusals.organizationNotFound));
    },
  );

  test.for([
    "x-zitadel-org",
    "x-zitadel-orgdomain",
    "x-zitadel-org-id",
    "x-zitadel-orgid-bin",
    "x-zitadel-orgids",
    "x_zitadel_orgid",
    "zitadel-orgid",
    "orgid",
    "grpc-metadata-x-zitadel-orgid",
    "Grpc-Metadata-X-Zitadel-Orgid",
    "grpcgateway-x-zitadel-orgid",
    "x-zitadel-instance-host",
    "x-zitadel-public-host",
    "x-forwarded-host",
    "x-original-host",
    "forwarded",
    "cookie",
    "baggage",
  ])("is not %s", async (name) => {
    const [own, foreign] = [await addUser(organizations.A), await addUser(organizations.B)];
    const headers = { [name]: name === "forwarded" ? `host=${organizations.B}` : organizations.B };
    expect(await reach(own, headers)).toMatchObject({
      code: 0,
      body: { details: { sequence: "2", resourceOwner: organizations.A } },
    });
    expect(await reach(foreign, headers)).toMatchObject({ code: 9 });
    expect(await changesOf(foreign, organizations.B)).toEqual(["user.human.added"]);
  });
});

/** GetUserByID over REST, with the header in as many lines as there are values. */
const readers = [
  {
    name: "HTTP/1.1",
    readUser: (id: string, values: readonly string[]) =>
      new Promise<unknown>((resolve, reject) => {
        const headers = { ...authorization(), "x-zitadel-orgid": [...values] };
        const url = `${server.url}/management/v1/users/${id}`;
        http1Request(url, { headers, agent: false }, (response) => {
          textOf(response).then((json) => resolve(JSON.parse(json)), reject);
        })
          .on("error", reject)
          .end();
      }),
  },
  {
    name: "h2c",
    readUser: async (id: string, values: readonly string[]) => {
      const session = connect(server.url);
      const stream = session.request({
        ":path": `/management/v1/users/${id}`,
        ...authorization(),
        "x-zitadel-orgid": [...values],
      });
      const json = await textOf(stream);
      session.close();
      return JSON.parse(json);
    },
  },
];

const authorization = () => ({ authorization: `Bearer ${server.adminToken}` });

describe.for(readers)("several headers that name organizations, over $name,", ({ readUser }) => {
  test.for<{ name: string; values: readonly Header[] }>([
    { name: "the same twice", values: ["A", "A"] },
    { name: "two that exist", values: ["A", "B"] },
    { name: "two that exist, in the other order", values: ["B", "A"] },
    { name: "one that exists before one that does not", values: ["A", "unknown"] },
    { name: "one that exists after one that does not", values: ["unknown", "A"] },
    { name: "an empty one last", values: ["A", "empty"] },
    { name: "an empty one first", values: ["empty", "A"] },
    { name: "nothing but empty ones", values: ["empty", "empty"] },
    { name: "three", values: ["A", "A", "A"] },
  ])("are refused: $name", async ({ values }) => {
    const id = await addUser(organizations.A);
    const { code, text: message, id: errorId } = refusals.organizationNotFound;
    const named = values.map((value) => organizations[value]);
    expect(await readUser(id, named)).toMatchObject({ code, message: `${message} (${errorId})` });
  });
});

describe("I17: what was removed", () => {
  test("gives its user name back, but never its id, in whichever organization", async () => {
    const userName = "gone@giraffe.example";
    const id = await addUser(organizations.A, userName);
    await call(methods.removeUser, { id }, organizations.A);
    const again = await addUser(organizations.B, userName);
    expect(again).not.toBe(id);
    expect(await traceOf(organizations.B, again)).toEqual({
      changes: ["user.human.added"],
      profile: gigi,
    });
    expect(await changesOf(again, organizations.A)).toEqual([]);
    expect(await changesOf(id, organizations.B)).toEqual([]);
    expect(await traceOf(organizations.A, id)).toEqual({
      changes: ["user.human.added", "user.removed"],
      profile: undefined,
    });
  });

  test.for(callers)("leaves no way to add a user to nowhere, over $name", async (caller) => {
    const userName = `nowhere-${caller.name}`;
    const request = { userName, profile: gigi, email: { email: "gigi@giraffe.example" } };
    const options = { token: server.adminToken, headers: { "x-zitadel-orgid": unknown } };
    for (const method of [methods.addHumanUser, methods.importHumanUser]) {
      const { headers: _, ...reply } = await caller.call(server.url, method, request, options);
      expect(reply).toEqual(refused(caller, refusals.organizationNotFound));
    }
    await expect(addUser(organizations.A, userName)).resolves.toMatch(/^\d{18}$/);
  });
});
