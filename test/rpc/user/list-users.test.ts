import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { type Refusal, refusals, refused } from "../../support/api/refusals.ts";
import type { As } from "../../support/api/setting.ts";
import { methods, startUserSetting, type UserSetting } from "../../support/api/user-setting.ts";
import { notSupported } from "./refusals.ts";

let setting: UserSetting;
/** Three people in either of two organizations, in the order of their names. */
let people: Record<"ada" | "bob" | "cyd" | "dot" | "eve" | "fay", string>;
const run = randomUUID().slice(0, 8);

beforeAll(async () => {
  setting = await startUserSetting();
  const { own, other } = setting.organizations;
  const add = async (name: string, organizationId: string, phone?: string) => {
    const human = {
      profile: {
        givenName: name,
        familyName: run,
        nickName: name.toUpperCase(),
        displayName: `${name} ${run}`,
      },
      email: { email: `${name}.${run}@giraffe.example` },
      ...(phone !== undefined && { phone: { phone } }),
    };
    const request = { organizationId, username: `${name}-${run}`, human };
    return text((await setting.call(methods.createUser, request)).id);
  };
  people = {
    ada: await add("ada", own, "+41441234567"),
    bob: await add("bob", other, "+41449999999"),
    cyd: await add("cyd", own),
    dot: await add("dot", other),
    eve: await add("eve", own),
    fay: await add("fay", other),
  };
  await setting.call(methods.lockUser, { userId: people.cyd });
});
afterAll(() => setting.close());

const ofThisRun: JsonObject = {
  lastNameQuery: { lastName: run, method: "TEXT_QUERY_METHOD_EQUALS" },
};
const queryTooDeep: Refusal = {
  code: 3,
  text: "The query is nested too deeply",
  id: "USER-zsQ97",
  reason: "QUERY_TOO_DEEP",
};
const queryTooLarge: Refusal = {
  code: 3,
  text: "the search has too many queries",
  reason: "QUERY_TOO_LARGE",
};
const limitExceeded: Refusal = {
  code: 3,
  text: "Limit exceeded",
  id: "QUERY-4M0fs",
  reason: "LIMIT_EXCEEDED",
};

describe.for(callers)("over $name,", (caller) => {
  const call = (request: JsonObject, as: As) =>
    setting.callOver(caller, methods.listUsers, request, as);
  const nameOf = (id: string) => Object.entries(people).find(([, each]) => each === id)?.[0] ?? id;
  /** Who is found, and how many there are on all pages. */
  const found = async (queries: JsonObject[], as: As, rest: JsonObject = {}) => {
    const order = { query: { asc: true }, sortingColumn: "USER_FIELD_NAME_FIRST_NAME" };
    const { body } = await call({ queries: [ofThisRun, ...queries], ...order, ...rest }, as);
    const { details, result = [] } = object(body);
    const names = list(result).map((user) => nameOf(text(object(user).userId)));
    return [Number(object(details).totalResult ?? 0), ...names];
  };
  const all: As = { who: "owner" };

  test("shows everybody to those who may read everybody, whatever the header says", async () => {
    const everybody = [6, "ada", "bob", "cyd", "dot", "eve", "fay"];
    expect(await found([], all)).toEqual(everybody);
    expect(await found([], { ...all, where: "other" })).toEqual(everybody);
    expect(await found([], { token: setting.manager })).toEqual(everybody);
  });

  test("shows members those of their own organization", async () => {
    expect(await found([], { who: "editor" })).toEqual([3, "ada", "cyd", "eve"]);
    expect(await found([], { who: "viewer", where: "other" })).toEqual([3, "ada", "cyd", "eve"]);
    expect(await found([], { who: "outsider" })).toEqual([3, "bob", "dot", "fay"]);
  });

  test("shows those with roles that do not read nobody but themselves", async () => {
    expect(await found([], { who: "settings" })).toEqual([0]);
    const { body } = await call({}, { who: "settings" });
    expect(list(object(body).result)).toHaveLength(1);
  });

  test("shows people themselves, beside those whom they may read", async () => {
    const self: As = { token: setting.tokenOf(people.bob) };
    expect(await found([], self)).toEqual([1, "bob"]);
    const nobody = { firstNameQuery: { firstName: "x", method: "TEXT_QUERY_METHOD_EQUALS" } };
    expect(await found([nobody], self)).toEqual([0]);
    const reader = people.fay;
    await setting.giveRole(reader, "ORG_OWNER_VIEWER", setting.organizations.own);
    expect(await found([], { token: setting.tokenOf(reader) })).toEqual([
      4,
      "ada",
      "cyd",
      "eve",
      "fay",
    ]);
  });

  test("shows whoever may read two organizations both", async () => {
    const reader = people.eve;
    await setting.giveRole(reader, "ORG_OWNER_VIEWER", setting.organizations.own);
    await setting.giveRole(reader, "ORG_OWNER_VIEWER", setting.organizations.other);
    expect(await found([], { token: setting.tokenOf(reader) })).toEqual([
      6,
      "ada",
      "bob",
      "cyd",
      "dot",
      "eve",
      "fay",
    ]);
  });

  test.for<[name: string, query: JsonObject, ...want: string[]]>([
    [
      "user name",
      { userNameQuery: { userName: `BOB-${run}`, method: "TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE" } },
      "bob",
    ],
    [
      "login name",
      { loginNameQuery: { loginName: "ad", method: "TEXT_QUERY_METHOD_STARTS_WITH" } },
      "ada",
    ],
    [
      "given name",
      { firstNameQuery: { firstName: "Y", method: "TEXT_QUERY_METHOD_CONTAINS_IGNORE_CASE" } },
      "cyd",
      "fay",
    ],
    [
      "nick name",
      { nickNameQuery: { nickName: "ot", method: "TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE" } },
      "dot",
    ],
    ["display name", { displayNameQuery: { displayName: `eve ${run}` } }, "eve"],
    [
      "e-mail",
      { emailQuery: { emailAddress: "fay", method: "TEXT_QUERY_METHOD_STARTS_WITH" } },
      "fay",
    ],
    ["phone", { phoneQuery: { number: "+41441234567" } }, "ada"],
    [
      "part of a phone",
      { phoneQuery: { number: "+4144", method: "TEXT_QUERY_METHOD_STARTS_WITH" } },
      "ada",
      "bob",
    ],
    ["no phone", { phoneQuery: { number: "" } }, "cyd", "dot", "eve", "fay"],
    ["state", { stateQuery: { state: "USER_STATE_LOCKED" } }, "cyd"],
    ["a state that nobody has", { stateQuery: { state: "USER_STATE_INITIAL" } }],
    ["type", { typeQuery: { type: "TYPE_MACHINE" } }],
    ["e-mails", { inUserEmailsQuery: { userEmails: [`ada.${run}@giraffe.example`, "x"] } }, "ada"],
    ["not", { notQuery: { query: { phoneQuery: { number: "" } } } }, "ada", "bob"],
    [
      "or",
      {
        orQuery: {
          queries: [
            { firstNameQuery: { firstName: "ada" } },
            {
              andQuery: {
                queries: [
                  { firstNameQuery: { firstName: "fay" } },
                  { stateQuery: { state: "USER_STATE_ACTIVE" } },
                ],
              },
            },
          ],
        },
      },
      "ada",
      "fay",
    ],
  ])("finds by %s", async ([, query, ...want]) => {
    expect(await found([query], all)).toEqual([want.length, ...want]);
  });

  test("finds by ids and by organization, and never beyond what may be read", async () => {
    const { own, other } = setting.organizations;
    const ids = { inUserIdsQuery: { userIds: [people.ada, people.bob] } };
    const of = (organizationId: string) => ({ organizationIdQuery: { organizationId } });
    expect(await found([ids], all)).toEqual([2, "ada", "bob"]);
    expect(await found([of(other)], all)).toEqual([3, "bob", "dot", "fay"]);
    expect(await found([{ notQuery: { query: of(other) } }], all)).toEqual([
      3,
      "ada",
      "cyd",
      "eve",
    ]);
    expect(await found([{ orQuery: { queries: [of(own), of(other)] } }, ids], all)).toEqual([
      2,
      "ada",
      "bob",
    ]);
    const editor: As = { who: "editor" };
    expect(await found([ids], editor)).toEqual([1, "ada"]);
    expect(await found([of(other)], editor)).toEqual([0]);
    expect(await found([{ orQuery: { queries: [of(own), of(other)] } }], editor)).toEqual([
      3,
      "ada",
      "cyd",
      "eve",
    ]);
  });

  test("sorts, and shows a part", async () => {
    const page = (offset: number, limit: number, asc: boolean) =>
      found([], all, { query: { offset: String(offset), limit, asc } });
    expect(await page(0, 2, true)).toEqual([6, "ada", "bob"]);
    expect(await page(4, 3, true)).toEqual([6, "eve", "fay"]);
    expect(await page(1, 2, false)).toEqual([6, "eve", "dot"]);
    expect(await page(9, 2, true)).toEqual([6]);
    const byState = { sortingColumn: "USER_FIELD_NAME_STATE", query: { asc: false, limit: 1 } };
    expect(await found([], all, byState)).toEqual([6, "cyd"]);
  });

  test("shows machines, those of all organizations, to those who may read them", async () => {
    const machines = { typeQuery: { type: "TYPE_MACHINE" } };
    const { body } = await call({ queries: [machines], query: { limit: 1000 } }, all);
    const names = list(object(body).result).map((user) => text(object(user).username));
    expect(names).toEqual(expect.arrayContaining(["admin", "viewer", "outsider", "manager"]));
    const ofZoo = await call({ queries: [machines] }, { who: "outsider" });
    expect(list(object(ofZoo.body).result).map((user) => object(user).username)).toEqual([
      "outsider",
    ]);
    const { own } = setting.organizations;
    const inOwn = { queries: [machines, { organizationIdQuery: { organizationId: own } }] };
    const { result = [] } = object((await call(inOwn, { who: "outsider" })).body);
    expect(result).toEqual([]);
  });

  test("bounds nesting, number and limit", async () => {
    const nested = (levels: number): JsonObject =>
      levels === 0 ? ofThisRun : { notQuery: { query: nested(levels - 1) } };
    expect(await call({ queries: [nested(20)] }, all)).toMatchObject({ code: 0 });
    expect(await call({ queries: [nested(21)] }, all)).toEqual(refused(caller, queryTooDeep));
    const many = Array.from({ length: 101 }, () => ofThisRun);
    expect(await call({ queries: many.slice(1) }, all)).toMatchObject({ code: 0 });
    expect(await call({ queries: many }, all)).toEqual(refused(caller, queryTooLarge));
    const ofMetadata = Array.from({ length: 20 }, () => ({ metadataKeyFilter: { key: "k" } }));
    const more = { notQuery: { query: { metadataValueFilter: { value: "eA==" } } } };
    expect(await call({ queries: ofMetadata }, all)).toMatchObject({ code: 0 });
    expect(await call({ queries: [...ofMetadata, more] }, all)).toEqual(
      refused(caller, queryTooLarge),
    );
    expect(await call({ query: { limit: 1_000 } }, all)).toMatchObject({ code: 0 });
    expect(await call({ query: { limit: 1_001 } }, all)).toEqual(refused(caller, limitExceeded));
  });

  test("refuses ways to compare metadata that no index answers", async () => {
    const key = { metadataKeyFilter: { key: "k", method: "TEXT_FILTER_METHOD_CONTAINS" } };
    const value = { metadataValueFilter: { value: "", method: "BYTE_FILTER_METHOD_NOT_EQUALS" } };
    expect(await call({ queries: [key] }, all)).toEqual(
      refused(caller, notSupported("metadata_key_filter.method")),
    );
    expect(await call({ queries: [value] }, all)).toEqual(
      refused(caller, notSupported("metadata_value_filter.method")),
    );
  });

  test("refuses nobody but those without a valid token", async () => {
    expect(await call({}, { who: "nobody" })).toEqual(refused(caller, refusals.headerMissing));
    expect(await call({}, { who: "editor", where: "unknown" })).toEqual(
      refused(caller, refusals.organizationNotFound),
    );
  });

  test("sees a change that was answered before", async () => {
    const username = `x-${randomUUID()}`;
    const userId = await setting.addUser();
    await setting.call(methods.updateHumanUser, { userId, username });
    const query = { userNameQuery: { userName: username } };
    expect((await call({ queries: [query] }, all)).body).toMatchObject({
      result: [{ userId, username }],
    });
  });
});
