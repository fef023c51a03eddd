/** `x-giraffe-ignore-accents`, in both versions of the API, over every protocol. */

import type { JsonObject } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserService } from "../../../gen/giraffe/v1/user_service_pb.ts";
import { type Caller, callers } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { gigi, type Setting, startSetting, methods as v1 } from "../../support/api/setting.ts";
import { methods as v2 } from "../../support/api/user-setting.ts";

const lists = { v1: v1.listUsers, v2: v2.listUsers } as const;
type Version = keyof typeof lists;
const versions = Object.keys(lists) as Version[];
const byDefault = callers[0] as Caller;
const ignored = { "x-giraffe-ignore-accents": "true" };

const people = {
  anna: { firstName: "Änna", lastName: "Müller", nickName: "", displayName: "Änna Müller" },
  bert: { firstName: "Bert", lastName: "MULLER", nickName: "Øre", displayName: "हिन्दी" },
  cleo: { firstName: "Mu\u0308lle", lastName: "Straße", nickName: "ore", displayName: "İstanbul" },
  dung: { firstName: "Nguyễn", lastName: "STRASSE", nickName: "Ế", displayName: "Đặng Ế" },
} as const;
type Person = keyof typeof people;

let setting: Setting;
const ids = {} as Record<Person, string>;
beforeAll(async () => {
  setting = await startSetting();
  for (const [name, profile] of Object.entries(people)) {
    ids[name as Person] = await addUser(`ñ-${name}`, profile);
  }
  await setting.administer("token", "create", "--name", "Bóty", "--role", "IAM_OWNER_VIEWER");
});
afterAll(() => setting.close());

async function addUser(userName: string, names: JsonObject): Promise<string> {
  const profile = { ...gigi, ...names };
  const request = { userName, profile, email: { email: `${userName}@giraffe.example` } };
  return text((await setting.call(v1.importHumanUser, request)).userId);
}

const fieldOf = (field: string) => (field === "email" ? "emailAddress" : field);
const asks = (field: string, value: string, how = "EQUALS_IGNORE_CASE"): JsonObject => ({
  [`${field}Query`]: { [fieldOf(field)]: value, method: `TEXT_QUERY_METHOD_${how}` },
});

async function found(
  query: JsonObject,
  headers: Record<string, string> = ignored,
  version: Version = "v1",
  caller = byDefault,
): Promise<string[]> {
  const request = { queries: [query], sortingColumn: "USER_FIELD_NAME_USER_NAME" };
  const asked = { ...request, query: { asc: true } };
  const { body, message } = await setting.callOver(caller, lists[version], asked, { headers });
  expect(message).toBe("");
  const names = list(body?.result ?? []).map((user) => {
    const { userName, username } = object(user);
    return text(userName ?? username).replace("ñ-", "");
  });
  expect(Number(object(body?.details).totalResult ?? 0)).toBe(names.length);
  return names;
}

describe.for(versions)("ListUsers of %s", (version) => {
  test.for<[name: string, query: JsonObject, with_: string[], without: string[]]>([
    ["a plain text", asks("lastName", "muller"), ["anna", "bert"], ["bert"]],
    ["a text with an accent", asks("lastName", "Müller"), ["anna", "bert"], ["anna"]],
    ["another accent", asks("lastName", "mûller"), ["anna", "bert"], []],
    ["a name in parts", asks("firstName", "MÜLLE", "STARTS_WITH_IGNORE_CASE"), ["cleo"], []],
    ["ss", asks("lastName", "strasse"), ["cleo", "dung"], ["dung"]],
    ["ß", asks("lastName", "AẞE", "ENDS_WITH_IGNORE_CASE"), ["cleo", "dung"], ["cleo"]],
    ["ø", asks("nickName", "øre"), ["bert", "cleo"], ["bert"]],
    ["o", asks("nickName", "ore"), ["bert", "cleo"], ["cleo"]],
    ["two marks", asks("firstName", "uye", "CONTAINS_IGNORE_CASE"), ["dung"], []],
    ["marks one by one", asks("nickName", "e\u0302\u0301"), ["dung"], []],
    ["letters", asks("displayName", "dang", "STARTS_WITH_IGNORE_CASE"), ["dung"], []],
    ["vowels of Hindi", asks("displayName", "हन्दी"), [], []],
    ["all of Hindi", asks("displayName", "हिन्दी"), ["bert"], ["bert"]],
    ["a dotted I", asks("displayName", "istanbul"), ["cleo"], ["cleo"]],
    ["a dotless i", asks("displayName", "ıstanbul"), ["cleo"], []],
    ["nothing but an accent", asks("nickName", "\u0301"), [], []],
    ["case", asks("lastName", "muller", "EQUALS"), [], []],
    ["accents, with case", asks("lastName", "Müller", "EQUALS"), ["anna"], ["anna"]],
    ["its own field alone", asks("firstName", "muller"), [], []],
    ["the e-mail address", asks("email", "n-anna@giraffe.example"), ["anna"], []],
    ["the login name", asks("loginName", "N-ANNA"), ["anna"], []],
    ["machines", asks("userName", "boty"), ["Bóty"], []],
    [
      "not",
      {
        andQuery: {
          queries: [
            { notQuery: { query: asks("lastName", "muller") } },
            asks("userName", "n-", "STARTS_WITH_IGNORE_CASE"),
          ],
        },
      },
      ["cleo", "dung"],
      [],
    ],
    [
      "or",
      { orQuery: { queries: [asks("lastName", "muller"), asks("nickName", "e")] } },
      ["anna", "bert", "dung"],
      ["bert"],
    ],
  ])("finds by %s", async ([, query, with_, without]) => {
    expect(await found(query, ignored, version)).toEqual(with_);
    expect(await found(query, {}, version)).toEqual(without);
    expect(await found(query, { "x-giraffe-ignore-accents": "false" }, version)).toEqual(without);
  });

  test.for(callers)("ignores accents over $name", async (caller) => {
    expect(await found(asks("lastName", "muller"), ignored, version, caller)).toEqual([
      "anna",
      "bert",
    ]);
  });

  test.for(["1", "TRUE", "true, true", ""])("refuses %j", async (value) => {
    const headers = { "x-giraffe-ignore-accents": value };
    for (const caller of callers) {
      const { code, details } = await setting.callOver(caller, lists[version], {}, { headers });
      expect(code).toBe(3);
      const metadata = { header: "x-giraffe-ignore-accents" };
      expect(details).toEqual([
        {
          type: "google.rpc.ErrorInfo",
          value: { reason: "HEADER_NOT_BOOLEAN", domain: "giraffe", metadata },
        },
      ]);
    }
  });

  test("counts the queries that were sent", async () => {
    const hundred = (more: number) => ({
      queries: Array.from({ length: 99 + more }, () => asks("lastName", "Müller")),
    });
    expect(await found({ orQuery: hundred(0) }, ignored, version)).toEqual(["anna", "bert"]);
    const request = { queries: [{ orQuery: hundred(1) }] };
    const as = { headers: ignored };
    const { code } = await setting.callOver(byDefault, lists[version], request, as);
    expect(code).toBe(3);
  });
});

test("whoever is renamed is found by what the name is now, and by nothing when removed or erased", async () => {
  const names = { ...gigi, firstName: "Ren", displayName: "Renamed" };
  const userId = await addUser("renamed", { ...names, lastName: "Konig" });
  const erased = await addUser("erased", { ...names, lastName: "König" });
  const rename = (lastName: string) =>
    setting.call(v1.updateHumanProfile, { ...names, userId, lastName });
  const both = ["erased", "renamed"];
  for (const how of ["EQUALS_IGNORE_CASE", "CONTAINS_IGNORE_CASE"]) {
    expect(await found(asks("lastName", "könig", how))).toEqual(both);
    await rename("Kőnig");
    expect(await found(asks("lastName", "konig", how))).toEqual(both);
    await rename("Kaiser");
    expect(await found(asks("lastName", "konig", how))).toEqual(["erased"]);
    await rename("Konig");
  }
  await rename("König");
  await setting.call(v1.removeUser, { id: userId });
  expect(await found(asks("lastName", "konig"))).toEqual(["erased"]);
  await setting.call(UserService.method.eraseUser, { userId: erased });
  expect(await found(asks("lastName", "konig"))).toEqual([]);
  expect(await found(asks("lastName", "nig", "CONTAINS_IGNORE_CASE"))).toEqual([]);
});

test("agrees with a plain model over random names and queries", async () => {
  /** Letters, and what is left of them. */
  const letters = {
    ...{ a: "a", A: "a", ä: "a", Ǻ: "a", ß: "ss", ẞ: "ss", s: "s", S: "s", "s\u0323": "s" },
    ...{
      Ế: "e",
      e: "e",
      "e\u0301": "e",
      ø: "o",
      o: "o",
      İ: "i",
      ı: "i",
      I: "i",
      हि: "हि",
      が: "が",
    },
  };
  const word = fc.array(fc.constantFrom(...Object.entries(letters)), { maxLength: 4 });
  const written = (spelled: [string, string][]) => spelled.map(([letter]) => letter).join("");
  const plain = (spelled: [string, string][]) => spelled.map(([, letter]) => letter).join("");
  const fields = ["firstName", "lastName", "nickName", "displayName"] as const;
  const person = fc.record({ firstName: word, lastName: word, nickName: word, displayName: word });
  const random = await Promise.all(
    fc.sample(person, 40).map(async (names, index) => {
      const profile = { firstName: "x", lastName: "x", displayName: "x", nickName: "" };
      const set: Record<string, [string, string][]> = {};
      for (const field of fields) {
        const name = names[field].length > 0 || field === "nickName" ? names[field] : [["x", "x"]];
        set[field] = name as [string, string][];
        profile[field] = written(set[field]);
      }
      const userName = `random-${String(index).padStart(2, "0")}`;
      await addUser(userName, profile);
      return { userName, set };
    }),
  );
  const comparisons = {
    EQUALS: (a: string, b: string) => a === b,
    STARTS_WITH: (a: string, b: string) => a.startsWith(b),
    CONTAINS: (a: string, b: string) => a.includes(b),
    ENDS_WITH: (a: string, b: string) => a.endsWith(b),
  };
  const how = fc.constantFrom(...Object.entries(comparisons));
  const ofThese = asks("userName", "random-", "STARTS_WITH");
  const property = fc.asyncProperty(
    fc.array(fc.tuple(fc.constantFrom(...fields), how, word), { minLength: 1, maxLength: 3 }),
    fc.constantFrom("orQuery", "andQuery"),
    fc.boolean(),
    async (asked, kind, negated) => {
      const queries = asked.map(([field, [name], part]) =>
        asks(field, written(part), `${name}_IGNORE_CASE`),
      );
      const all = { [kind]: { queries } };
      const query = negated ? { notQuery: { query: all } } : all;
      const matches = ({ set }: (typeof random)[number]) => {
        const isTrue = ([field, [, compare], part]: (typeof asked)[number]) =>
          compare(plain(set[field] ?? []), plain(part));
        return kind === "orQuery" ? asked.some(isTrue) : asked.every(isTrue);
      };
      const want = random.filter((each) => matches(each) !== negated);
      expect(await found({ andQuery: { queries: [query, ofThese] } })).toEqual(
        want.map(({ userName }) => userName),
      );
    },
  );
  await fc.assert(property, { numRuns: 150 });
});
