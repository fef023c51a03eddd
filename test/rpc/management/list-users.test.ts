import type { JsonObject } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Caller, callers } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { fieldRules, type Refusal, refusals, refused } from "../../support/api/refusals.ts";
import {
  type As,
  gigi,
  type Method,
  methods,
  type Setting,
  startSetting,
} from "../../support/api/setting.ts";

/** The users that the tests here have made, in order of their user names. */
const people = [
  {
    userName: "lu-anna",
    email: "Anna@Giraffe.Example",
    profile: { ...gigi, firstName: "Anna", lastName: "Ärger", nickName: "", displayName: "zebra" },
  },
  {
    userName: "lu-Bert",
    email: "bert@giraffe.example",
    profile: { ...gigi, firstName: "Bert", lastName: "Straße", nickName: "B%", displayName: "Yak" },
    leave: methods.lockUser,
  },
  {
    userName: "lu-cleo",
    email: "cleo@okapi.example",
    profile: { ...gigi, firstName: "anna", lastName: "O'Neill", nickName: "ce", displayName: "a" },
    leave: methods.deactivateUser,
  },
  {
    userName: "lu-Dora",
    email: "dora@giraffe.example",
    profile: { ...gigi, firstName: "Dora", lastName: "strasse", nickName: "b", displayName: "B_" },
  },
] as const;

type Name = (typeof people)[number]["userName"];

let setting: Setting;
const ids = new Map<string, string>();
beforeAll(async () => {
  setting = await startSetting();
  // Created in reverse, so that no expected order is the order of creation by chance.
  for (const { userName, email, profile, ...rest } of people.toReversed()) {
    const id = await addUser(userName, profile, email);
    ids.set(userName, id);
    if ("leave" in rest) await setting.call(rest.leave, { id });
  }
  await setting.call(methods.removeUser, { id: await addUser("lu-gone", gigi) });
});
afterAll(() => setting.close());

async function addUser(
  userName: string,
  profile: JsonObject,
  email = `${userName}@giraffe.example`,
  headers: Record<string, string> = {},
): Promise<string> {
  const request = { userName, profile, email: { email } };
  return text((await setting.call(methods.importHumanUser, request, headers)).userId);
}

const ofThese: JsonObject = {
  userNameQuery: { userName: "lu-", method: "TEXT_QUERY_METHOD_STARTS_WITH" },
};
const method = (name: string) => `TEXT_QUERY_METHOD_${name}`;

function namesIn(body: Record<string, unknown> | undefined): string[] {
  return list(body?.result ?? []).map((user) => text(object(user).userName));
}

function totalIn(body: Record<string, unknown> | undefined): number {
  return Number(object(body?.details).totalResult ?? 0);
}

type Row = { readonly name: string; readonly query: JsonObject; readonly want: readonly Name[] };

const firstName = (name: string, how: string): JsonObject => ({
  firstNameQuery: { firstName: name, method: method(how) },
});

const rows: readonly Row[] = [
  { name: "user name", query: { userNameQuery: { userName: "lu-Bert" } }, want: ["lu-Bert"] },
  {
    name: "user name in another case",
    query: { userNameQuery: { userName: "lu-bert" } },
    want: [],
  },
  {
    name: "login name",
    query: { loginNameQuery: { loginName: "LU-BERT", method: method("EQUALS_IGNORE_CASE") } },
    want: ["lu-Bert"],
  },
  { name: "first name", query: firstName("Anna", "EQUALS"), want: ["lu-anna"] },
  {
    name: "first name, in any case",
    query: firstName("ANNA", "EQUALS_IGNORE_CASE"),
    want: ["lu-anna", "lu-cleo"],
  },
  { name: "beginning", query: firstName("An", "STARTS_WITH"), want: ["lu-anna"] },
  {
    name: "beginning, in any case",
    query: firstName("aN", "STARTS_WITH_IGNORE_CASE"),
    want: ["lu-anna", "lu-cleo"],
  },
  { name: "middle", query: firstName("er", "CONTAINS"), want: ["lu-Bert"] },
  {
    name: "middle, in any case",
    query: firstName("ER", "CONTAINS_IGNORE_CASE"),
    want: ["lu-Bert"],
  },
  { name: "end", query: firstName("a", "ENDS_WITH"), want: ["lu-anna", "lu-cleo", "lu-Dora"] },
  {
    name: "end, in any case",
    query: firstName("NNA", "ENDS_WITH_IGNORE_CASE"),
    want: ["lu-anna", "lu-cleo"],
  },
  {
    name: "last name, C7: where ß is not ss",
    query: { lastNameQuery: { lastName: "STRASSE", method: method("EQUALS_IGNORE_CASE") } },
    want: ["lu-Dora"],
  },
  {
    name: "quote",
    query: { lastNameQuery: { lastName: "'", method: method("CONTAINS") } },
    want: ["lu-cleo"],
  },
  { name: "no nick name", query: { nickNameQuery: {} }, want: ["lu-anna"] },
  {
    name: "per cent sign, literally",
    query: { nickNameQuery: { nickName: "%", method: method("ENDS_WITH") } },
    want: ["lu-Bert"],
  },
  {
    name: "underscore, literally",
    query: { displayNameQuery: { displayName: "_", method: method("CONTAINS") } },
    want: ["lu-Dora"],
  },
  {
    name: "e-mail address",
    query: { emailQuery: { emailAddress: "@giraffe.example", method: method("ENDS_WITH") } },
    want: ["lu-Bert", "lu-Dora"],
  },
  {
    name: "e-mail address, in any case",
    query: {
      emailQuery: { emailAddress: "@giraffe.example", method: method("ENDS_WITH_IGNORE_CASE") },
    },
    want: ["lu-anna", "lu-Bert", "lu-Dora"],
  },
  {
    name: "e-mail addresses",
    query: { inUserEmailsQuery: { userEmails: ["anna@giraffe.example", "cleo@okapi.example"] } },
    want: ["lu-cleo"],
  },
  {
    name: "active",
    query: { stateQuery: { state: "USER_STATE_ACTIVE" } },
    want: ["lu-anna", "lu-Dora"],
  },
  { name: "locked", query: { stateQuery: { state: "USER_STATE_LOCKED" } }, want: ["lu-Bert"] },
  { name: "inactive", query: { stateQuery: { state: "USER_STATE_INACTIVE" } }, want: ["lu-cleo"] },
  { name: "deleted", query: { stateQuery: { state: "USER_STATE_DELETED" } }, want: [] },
  { name: "no state", query: { stateQuery: {} }, want: [] },
  {
    name: "human",
    query: { typeQuery: { type: "TYPE_HUMAN" } },
    want: ["lu-anna", "lu-Bert", "lu-cleo", "lu-Dora"],
  },
  { name: "machine", query: { typeQuery: { type: "TYPE_MACHINE" } }, want: [] },
  { name: "no type", query: { typeQuery: {} }, want: [] },
  { name: "no ids", query: { inUserIdsQuery: {} }, want: [] },
  {
    name: "either",
    query: {
      orQuery: {
        queries: [
          { stateQuery: { state: "USER_STATE_LOCKED" } },
          { nickNameQuery: { nickName: "b" } },
        ],
      },
    },
    want: ["lu-Bert", "lu-Dora"],
  },
  { name: "either of none", query: { orQuery: {} }, want: [] },
  {
    name: "both",
    query: {
      andQuery: {
        queries: [
          firstName("ANNA", "EQUALS_IGNORE_CASE"),
          { stateQuery: { state: "USER_STATE_INACTIVE" } },
        ],
      },
    },
    want: ["lu-cleo"],
  },
  {
    name: "all of none",
    query: { andQuery: {} },
    want: ["lu-anna", "lu-Bert", "lu-cleo", "lu-Dora"],
  },
  {
    name: "not",
    query: { notQuery: { query: { stateQuery: { state: "USER_STATE_ACTIVE" } } } },
    want: ["lu-Bert", "lu-cleo"],
  },
];

const columns: readonly { readonly column: string; readonly want: readonly Name[] }[] = [
  { column: "USER_NAME", want: ["lu-anna", "lu-Bert", "lu-cleo", "lu-Dora"] },
  // Equal users are sorted by id; cleo was made before anna.
  { column: "FIRST_NAME", want: ["lu-cleo", "lu-anna", "lu-Bert", "lu-Dora"] },
  { column: "LAST_NAME", want: ["lu-cleo", "lu-Dora", "lu-Bert", "lu-anna"] },
  { column: "NICK_NAME", want: ["lu-anna", "lu-Dora", "lu-Bert", "lu-cleo"] },
  { column: "DISPLAY_NAME", want: ["lu-cleo", "lu-Dora", "lu-Bert", "lu-anna"] },
  { column: "EMAIL", want: ["lu-anna", "lu-Bert", "lu-cleo", "lu-Dora"] },
  { column: "STATE", want: ["lu-Dora", "lu-anna", "lu-cleo", "lu-Bert"] },
  { column: "TYPE", want: ["lu-Dora", "lu-cleo", "lu-Bert", "lu-anna"] },
  { column: "CREATION_DATE", want: ["lu-Dora", "lu-cleo", "lu-Bert", "lu-anna"] },
  { column: "UNSPECIFIED", want: ["lu-Dora", "lu-cleo", "lu-Bert", "lu-anna"] },
];

const date = expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);

const nested = (levels: number): JsonObject =>
  Array.from({ length: levels }).reduce<JsonObject>(
    (query) => ({ orQuery: { queries: [query] } }),
    ofThese,
  );

describe.for(callers)("ListUsers over $name", (caller) => {
  const call = (request: JsonObject, as?: As) =>
    setting.callOver(caller, methods.listUsers as Method, request, as);
  const names = async (request: JsonObject, as?: As) => {
    const { code, message, body } = await call(request, as);
    expect([code, message]).toEqual([0, ""]);
    return namesIn(body);
  };
  const byName = { query: { asc: true }, sortingColumn: "USER_FIELD_NAME_USER_NAME" };

  test.for(rows)("finds users by $name", async ({ query, want }) => {
    const { body } = await call({ ...byName, queries: [query, ofThese] }, { who: "viewer" });
    expect([namesIn(body), totalIn(body)]).toEqual([want, want.length]);
  });

  test("finds users by ids", async () => {
    const userIds = ["lu-Dora", "lu-anna"].map((name) => text(ids.get(name)));
    const { removed, unknown, foreign } = setting.users;
    const inUserIdsQuery = { userIds: [...userIds, removed, unknown, foreign] };
    expect(await names({ ...byName, queries: [{ inUserIdsQuery }] })).toEqual([
      "lu-anna",
      "lu-Dora",
    ]);
  });

  test.for(columns)("sorts by $column, ascending and descending", async ({ column, want }) => {
    const request = { sortingColumn: `USER_FIELD_NAME_${column}`, queries: [ofThese] };
    expect(await names({ ...request, query: { asc: true } })).toEqual(want);
    expect(await names(request)).toEqual(want.toReversed());
  });

  test("returns a human as GetUserByID does, and the details of the list", async () => {
    const id = text(ids.get("lu-Bert"));
    const { user } = await setting.call(methods.getUserByID, { id });
    const { body } = await call({ ...byName, queries: [{ inUserIdsQuery: { userIds: [id] } }] });
    expect(body).toEqual({
      details: { totalResult: "1", viewTimestamp: date },
      sortingColumn: "USER_FIELD_NAME_USER_NAME",
      result: [user],
    });
  });

  test("returns machines as GetUserByID does, sorted among the humans", async () => {
    const { machine } = setting.users;
    const { user } = await setting.call(methods.getUserByID, { id: machine });
    const userIds = [machine, ...ids.values()];
    const queries = [{ inUserIdsQuery: { userIds } }];
    const { body } = await call({ ...byName, queries });
    expect(body).toMatchObject({ details: { totalResult: "5" } });
    expect(list(body?.result ?? [])[4]).toEqual(user);
    const typed = { ...byName, queries: [...queries, { typeQuery: { type: "TYPE_MACHINE" } }] };
    expect(await names(typed)).toEqual(["viewer"]);
    const { body: pageOf } = await call({
      queries,
      query: { asc: false, offset: "1", limit: 2 },
      sortingColumn: "USER_FIELD_NAME_USER_NAME",
    });
    expect([namesIn(pageOf), totalIn(pageOf)]).toEqual([["lu-Dora", "lu-cleo"], 5]);
  });

  test("D11: never sets processedSequence, because a list shows everything that was stored before", async () => {
    for (const queries of [[ofThese], []]) {
      const { body } = await call({ ...byName, queries });
      expect(Object.keys(object(body?.details))).toEqual(["totalResult", "viewTimestamp"]);
    }
  });

  test("returns an empty list", async () => {
    const { body } = await call({ queries: [{ orQuery: {} }] });
    expect(body).toEqual({ details: { viewTimestamp: date } });
  });

  test("sees every change that was acknowledged before", async () => {
    const userName = setting.newUserName();
    const find = (query: JsonObject) =>
      names({ queries: [{ userNameQuery: { userName } }, query] });
    const id = await addUser(userName, gigi);
    expect(await find(firstName("Gigi", "EQUALS"))).toEqual([userName]);
    await setting.call(methods.updateHumanProfile, { userId: id, ...gigi, firstName: "GIGI" });
    expect(await find(firstName("Gigi", "EQUALS"))).toEqual([]);
    expect(await find(firstName("GI", "STARTS_WITH"))).toEqual([userName]);
    await setting.call(methods.lockUser, { id });
    expect(await find({ stateQuery: { state: "USER_STATE_LOCKED" } })).toEqual([userName]);
    await setting.call(methods.removeUser, { id });
    expect(await find({ andQuery: {} })).toEqual([]);
  });

  test("O9: neither returns nor counts users of another organization", async () => {
    const { foreign } = setting.users;
    const inUserIdsQuery = { userIds: [foreign, text(ids.get("lu-anna"))] };
    const queries: JsonObject[] = [
      { inUserIdsQuery },
      { orQuery: { queries: [{ inUserIdsQuery }] } },
      { notQuery: { query: { notQuery: { query: { inUserIdsQuery } } } } },
    ];
    for (const query of queries) {
      const { body } = await call({ queries: [query] }, { who: "owner", where: "own" });
      expect([namesIn(body), totalIn(body)]).toEqual([["lu-anna"], 1]);
    }
    const { body } = await call({}, { who: "outsider" });
    const owners = list(body?.result ?? []).map(
      (user) => object(object(user).details).resourceOwner,
    );
    expect(new Set(owners)).toEqual(new Set([setting.organizations.other]));
    expect(totalIn(body)).toBe(owners.length);
  });

  type Refused = As & {
    readonly name: string;
    readonly request: JsonObject;
    readonly want: Refusal;
  };

  test.for<Refused>([
    {
      name: "queries that are nested too deeply",
      request: { queries: [nested(21)] },
      want: {
        code: 3,
        text: "The query is nested too deeply",
        id: "USER-zsQ97",
        reason: "QUERY_TOO_DEEP",
      },
    },
    {
      name: "too many queries",
      request: { queries: Array.from({ length: 101 }, () => ofThese) },
      want: { code: 3, text: "the search has too many queries", reason: "QUERY_TOO_LARGE" },
    },
    {
      name: "not of nothing",
      request: { queries: [{ notQuery: {} }] },
      want: { code: 3, text: "List.Query.Invalid", id: "GRPC-vR9nC", reason: "QUERY_INVALID" },
    },
    {
      name: "an empty query",
      request: { queries: [ofThese, {}] },
      want: fieldRules(
        "ListUsersRequest.Queries[1]: embedded message failed validation | caused by: invalid SearchQuery.Query",
        {
          field: "queries[1].query",
          description: "value is required",
          reason: "ONEOF_REQUIRED",
          localizedMessage: { locale: "en", message: "This field is required" },
        },
      ),
    },
    {
      name: "a method that there is not",
      request: { queries: [{ firstNameQuery: { method: 8 } }] },
      want: fieldRules(
        "ListUsersRequest.Queries[0]: embedded message failed validation | caused by: invalid SearchQuery.FirstNameQuery: embedded message failed validation | caused by: invalid FirstNameQuery.Method",
        {
          field: "queries[0].first_name_query.method",
          description: "value must be one of the defined enum values",
          reason: "ENUM_DEFINED_ONLY",
          localizedMessage: { locale: "en", message: "Must be one of the listed values" },
        },
      ),
    },
    { name: "who may not read", who: "settings", request: {}, want: refusals.permissionMissing },
    {
      name: "who is nobody here",
      who: "outsider",
      where: "own",
      request: {},
      want: refusals.membershipNotFound,
    },
  ])("refuses $name", async ({ request, want, ...as }) => {
    expect(await call(request, as)).toEqual(refused(caller, want));
  });

  test("accepts the deepest nesting and the most queries that are allowed", async () => {
    expect(await names({ queries: [nested(20)], query: { limit: 1 } })).toHaveLength(1);
    const queries = Array.from({ length: 100 }, () => ofThese);
    expect(await names({ queries, query: { limit: 1 } })).toHaveLength(1);
  });

  test("treats an unknown column as none", async () => {
    expect(await names({ queries: [ofThese], sortingColumn: 99 })).toHaveLength(4);
  });
});

const byDefault = callers[0] as Caller;

test("ListUsers lists 100 users by default and 1,000 at most, and every user on one page", async () => {
  const headers = { "x-zitadel-orgid": setting.organizations.other };
  await Promise.all(
    Array.from({ length: 1_102 }, (_, index) =>
      addUser(`many-${String(index).padStart(4, "0")}`, gigi, undefined, headers),
    ),
  );
  const part = async (query: JsonObject) => {
    const sortingColumn = "USER_FIELD_NAME_USER_NAME";
    const body = await setting.call(methods.listUsers, { query, sortingColumn }, headers);
    // With the foreign user of the setting, and a machine.
    expect(totalIn(body)).toBe(1_104);
    return namesIn(body);
  };
  expect(await part({})).toHaveLength(100);
  expect(await part({ limit: 101 })).toHaveLength(101);
  expect(await part({ limit: 4_294_967_295 })).toHaveLength(1_000);
  expect(await part({ limit: 1, offset: "1104" })).toEqual([]);
  expect(await part({ offset: "18446744073709551615" })).toEqual([]);
  const all: string[] = [];
  for (let offset = 0; offset < 1_104; offset += 300) {
    all.push(...(await part({ asc: true, limit: 300, offset: String(offset) })));
  }
  expect(all).toEqual([...all].sort());
  expect(new Set(all).size).toBe(1_104);
  expect(await part({ asc: false, limit: 3, offset: "2" })).toEqual(all.toReversed().slice(2, 5));
});

test("ListUsers agrees with a plain filter over random users and queries", async () => {
  const letter = fc.constantFrom("a", "A", "ä", "Ä", "ß", "S", "s", "%");
  const word = fc.array(letter, { minLength: 1, maxLength: 3 }).map((letters) => letters.join(""));
  const statuses = ["active", "inactive", "locked"] as const;
  const person = fc.record({
    firstName: word,
    lastName: word,
    nickName: fc.oneof(fc.constant(""), word),
    displayName: word,
    status: fc.constantFrom(...statuses),
  });
  type Person = { id: string; userName: string; type: string } & Record<string, string>;
  const people = await Promise.all(
    fc.sample(person, 30).map(async ({ status, ...names }): Promise<Person> => {
      const userName = setting.newUserName();
      const id = await addUser(userName, { ...gigi, ...names });
      if (status === "inactive") await setting.call(methods.deactivateUser, { id });
      if (status === "locked") await setting.call(methods.lockUser, { id });
      const email = `${userName}@giraffe.example`;
      return { id, userName, email, ...names, status, type: "HUMAN" };
    }),
  );
  const none = { firstName: "", lastName: "", nickName: "", displayName: "", email: "" };
  const machine = { ...none, id: setting.users.machine, userName: "viewer" };
  const everyone: Person[] = [...people, { ...machine, status: "active", type: "MACHINE" }];
  const ofEveryone: JsonObject = { inUserIdsQuery: { userIds: everyone.map(({ id }) => id) } };

  /** A query, and what it means. */
  type Meant = { json: JsonObject; isTrue: (person: Person) => boolean };
  const lowerCase = (text: string) => text.toLowerCase();
  const comparisons = {
    EQUALS: (a: string, b: string) => a === b,
    STARTS_WITH: (a: string, b: string) => a.startsWith(b),
    CONTAINS: (a: string, b: string) => a.includes(b),
    ENDS_WITH: (a: string, b: string) => a.endsWith(b),
  };
  const fields = ["firstName", "lastName", "nickName", "displayName", "userName"];
  const textQuery: fc.Arbitrary<Meant> = fc
    .record({
      field: fc.constantFrom(...fields),
      how: fc.constantFrom(...Object.entries(comparisons)),
      ignoreCase: fc.boolean(),
      part: fc.oneof(fc.constant(""), word, fc.constantFrom("user-1", "vie", "1")),
    })
    .map(({ field, how: [name, compare], ignoreCase, part }) => ({
      json: {
        [`${field}Query`]: {
          [field]: part,
          method: method(name + (ignoreCase ? "_IGNORE_CASE" : "")),
        },
      },
      isTrue: (each) => {
        const text = each[field] ?? "";
        return ignoreCase ? compare(lowerCase(text), lowerCase(part)) : compare(text, part);
      },
    }));
  const otherQuery: fc.Arbitrary<Meant> = fc.oneof(
    fc.constantFrom(...statuses).map((status) => ({
      json: { stateQuery: { state: `USER_STATE_${status.toUpperCase()}` } },
      isTrue: (each: Person) => each.status === status,
    })),
    fc.constantFrom("HUMAN", "MACHINE").map((type) => ({
      json: { typeQuery: { type: `TYPE_${type}` } },
      isTrue: (each: Person) => each.type === type,
    })),
    fc.subarray(everyone, { maxLength: 5 }).map((some) => ({
      json: { inUserIdsQuery: { userIds: some.map(({ id }) => id) } },
      isTrue: (each: Person) => some.includes(each),
    })),
    fc.subarray(people, { maxLength: 5 }).map((some) => ({
      json: { inUserEmailsQuery: { userEmails: some.map(({ email }) => email ?? "") } },
      isTrue: (each: Person) => some.includes(each),
    })),
  );
  const { query } = fc.letrec<{ query: Meant }>((tie) => ({
    query: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      { arbitrary: textQuery, weight: 3 },
      otherQuery,
      fc.array(tie("query"), { maxLength: 3 }).map((inside) => ({
        json: { orQuery: { queries: inside.map(({ json }) => json) } },
        isTrue: (each: Person) => inside.some(({ isTrue }) => isTrue(each)),
      })),
      fc.array(tie("query"), { maxLength: 3 }).map((inside) => ({
        json: { andQuery: { queries: inside.map(({ json }) => json) } },
        isTrue: (each: Person) => inside.every(({ isTrue }) => isTrue(each)),
      })),
      tie("query").map(({ json, isTrue }) => ({
        json: { notQuery: { query: json } },
        isTrue: (each: Person) => !isTrue(each),
      })),
    ),
  }));
  const columns = {
    USER_NAME: "userName",
    FIRST_NAME: "firstName",
    LAST_NAME: "lastName",
    NICK_NAME: "nickName",
    DISPLAY_NAME: "displayName",
    EMAIL: "email",
    STATE: "status",
    TYPE: "type",
    UNSPECIFIED: "",
  };
  const compare = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  const property = fc.asyncProperty(
    query,
    fc.constantFrom(...Object.entries(columns)),
    fc.boolean(),
    fc.record({ offset: fc.nat(6), limit: fc.integer({ min: 1, max: 9 }) }),
    async ({ json, isTrue }, [column, field], asc, { offset, limit }) => {
      const found = everyone
        .filter(isTrue)
        .sort(
          (a, b) =>
            compare(lowerCase(a[field] ?? ""), lowerCase(b[field] ?? "")) || compare(a.id, b.id),
        )
        .map(({ id }) => id);
      if (!asc) found.reverse();
      const { body, message } = await setting.callOver(byDefault, methods.listUsers as Method, {
        queries: [json, ofEveryone],
        sortingColumn: `USER_FIELD_NAME_${column}`,
        query: { asc, offset: String(offset), limit },
      });
      expect(message).toBe("");
      expect(list(body?.result ?? []).map((user) => object(user).id)).toEqual(
        found.slice(offset, offset + limit),
      );
      expect(totalIn(body)).toBe(found.length);
    },
  );
  await fc.assert(property, { numRuns: 200 });
});
