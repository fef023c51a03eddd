import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import {
  brokenRules,
  fieldRules,
  type Refusal,
  refusals,
  refused,
  type Violation,
} from "../../support/api/refusals.ts";
import { type As, gigi, methods, type Setting, startSetting } from "../../support/api/setting.ts";

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(() => setting.close());

/** Gigi, but for these fields; `undefined` leaves one out. */
function gigiBut(fields: Record<string, string | number | undefined>): JsonObject {
  return JSON.parse(JSON.stringify({ ...gigi, ...fields }));
}

const emoji = "🦒".repeat(200);
/** Seven code points, eleven UTF-16 units, one letter to the eye. */
const family = "👨‍👩‍👧‍👦";

type Success = {
  readonly name: string;
  /** What is stored before. Default: gigi. */
  readonly given?: JsonObject;
  readonly when: JsonObject;
  /** What is stored after, as GetHumanProfile tells it. Default: what was sent. */
  readonly want?: JsonObject;
};

const successes: readonly Success[] = [
  { name: "changes one field", when: gigiBut({ lastName: "Okapi" }) },
  {
    name: "changes every field",
    when: {
      firstName: "Olaf",
      lastName: "Okapi",
      nickName: "Oki",
      displayName: "Olaf O.",
      preferredLanguage: "de-CH",
      gender: "GENDER_DIVERSE",
    },
  },
  { name: "clears a nick name that is left out", when: gigiBut({ nickName: undefined }) },
  {
    name: "clears an empty nick name",
    when: gigiBut({ nickName: "" }),
    want: gigiBut({ nickName: undefined }),
  },
  {
    name: "forgets a language that is left out",
    when: gigiBut({ preferredLanguage: undefined }),
    want: gigiBut({ preferredLanguage: "und" }),
  },
  { name: "forgets a gender that is left out", when: gigiBut({ gender: undefined }) },
  {
    name: "replaces the whole profile",
    when: { firstName: "Olaf", lastName: "Okapi", displayName: "Olaf O." },
    want: {
      firstName: "Olaf",
      lastName: "Okapi",
      displayName: "Olaf O.",
      preferredLanguage: "und",
    },
  },
  { name: "keeps the display name when a name changes", when: gigiBut({ firstName: "Georgina" }) },

  { name: "stores a blank as a name", when: gigiBut({ firstName: " ", displayName: " " }) },
  { name: "does not trim", when: gigiBut({ firstName: " Gigi\t", nickName: "\n" }) },
  {
    name: "C10: stores 200 emoji",
    when: gigiBut({ firstName: emoji, lastName: emoji, nickName: emoji }),
  },
  {
    name: "C10: counts every combining mark",
    when: gigiBut({ displayName: "e\u0301".repeat(100) }),
  },
  {
    name: "C10: counts a family as seven",
    when: gigiBut({ displayName: `${family.repeat(28)}abcd` }),
  },
  {
    name: "C11: does not normalise",
    given: gigiBut({ firstName: "Zo\u00eb" }),
    when: gigiBut({ firstName: "Zoe\u0308" }),
  },
  { name: "does not ignore case", when: gigiBut({ firstName: "gigi" }) },
  {
    name: "C11: stores control characters, noncharacters and marks as they are",
    when: gigiBut({ nickName: "\u0001\u007f\u0085\u200b\u202e\ufeff\ufffd\uffff\u{10ffff}" }),
  },
  {
    name: "C11: stores what other systems take for code",
    when: gigiBut({ nickName: `'; drop table users; -- <b>&amp;\\u0041%2F\${1}` }),
  },
  {
    name: "C12: stores names of prototypes",
    when: gigiBut({ firstName: "__proto__", nickName: "constructor" }),
  },

  ...[
    { sent: "", stored: "und" },
    { sent: "und", stored: "und" },
    { sent: "not valid", stored: "und" },
    { sent: "english", stored: "und" },
    { sent: "🦒", stored: "und" },
    { sent: "fr-foobar", stored: "fr" },
    { sent: "xx", stored: "und" },
    { sent: "xx-US", stored: "und-US" },
    { sent: "EN-us", stored: "en-US" },
    { sent: "EN_us", stored: "en-US" },
    { sent: "zh_hant", stored: "zh-Hant" },
    { sent: "iw", stored: "he" },
    { sent: "iw-foobar", stored: "iw" },
    { sent: "cmn", stored: "cmn" },
    { sent: "en-Latn", stored: "en-Latn" },
    { sent: "zh-Hant-HK", stored: "zh-Hant-HK" },
    { sent: "sr-Latn-RS", stored: "sr-Latn-RS" },
    { sent: "de-CH-1996", stored: "de-CH-1996" },
    { sent: "tlh", stored: "tlh" },
  ].map(({ sent, stored }) => ({
    name: `stores the language ${JSON.stringify(sent)} as ${stored}`,
    when: gigiBut({ preferredLanguage: sent }),
    want: gigiBut({ preferredLanguage: stored }),
  })),

  { name: "stores male", when: gigiBut({ gender: "GENDER_MALE" }) },
  { name: "stores diverse", when: gigiBut({ gender: "GENDER_DIVERSE" }) },
  {
    name: "stores female",
    given: gigiBut({ gender: undefined }),
    when: gigiBut({ gender: "GENDER_FEMALE" }),
  },
  ...["GENDER_UNSPECIFIED", 4, 99, -1, 2_147_483_647, -2_147_483_648].map((gender) => ({
    name: `stores the gender ${gender} as unspecified`,
    when: gigiBut({ gender }),
    want: gigiBut({ gender: undefined }),
  })),
];

/** The refusals of this method. */
const wants = {
  notFound: {
    code: 9,
    text: "Profile not found",
    id: "COMMAND-3M9sd",
    reason: "PROFILE_NOT_FOUND",
  },
  notChanged: {
    code: 9,
    text: "Profile not changed",
    id: "COMMAND-2M0fs",
    reason: "PROFILE_NOT_CHANGED",
  },
} as const satisfies Record<string, Refusal>;

const { length1To200, length200, length10, noNul } = brokenRules;

const rules = (field: string, ...violations: [Violation, ...Violation[]]) =>
  fieldRules(`UpdateHumanProfileRequest.${field}`, ...violations);

type Refused = As & {
  readonly name: string;
  /** What is stored. Default: gigi. */
  readonly given?: JsonObject;
  /** Whose profile. Default: that of a user who exists. */
  readonly whom?: keyof Setting["users"];
  /** Default: a request that would succeed. */
  readonly when?: JsonObject;
  readonly want: Refusal;
};

const okapi = gigiBut({ lastName: "Okapi" });
const nameless = gigiBut({ firstName: "" });
const german = { "accept-language": "de" };

const refusedCalls: readonly Refused[] = [
  { name: "a call without a token", who: "nobody", want: refusals.headerMissing },
  {
    name: "an empty Authorization",
    who: "nobody",
    headers: { authorization: "" },
    want: refusals.headerMissing,
  },
  ...[
    "Basic Z2lnaTpnaWdp",
    "garbage",
    "bearer garbage",
    "BEARER garbage",
    "Bearer",
    "Bearer  garbage",
    "Bearer\tgarbage",
    "Bearer garbage x",
    "x Bearer garbage",
    "Bearer garbage, Bearer garbage",
  ].map((authorization) => ({
    name: `the Authorization ${JSON.stringify(authorization)}`,
    who: "nobody" as const,
    headers: { authorization },
    want: refusals.headerInvalid,
  })),
  { name: "a token of nobody's", who: "garbage", want: refusals.tokenInvalid },
  { name: "a revoked token", who: "revoked", want: refusals.tokenInvalid },
  { name: "an unknown organization", where: "unknown", want: refusals.organizationNotFound },
  {
    name: "a caller without membership in the organization",
    who: "outsider",
    where: "own",
    want: refusals.membershipNotFound,
  },
  {
    name: "a caller who may call in its own organization, in another one",
    who: "editor",
    where: "other",
    want: refusals.membershipNotFound,
  },
  { name: "a caller who may only read", who: "viewer", want: refusals.permissionMissing },
  { name: "a caller without permissions", who: "settings", want: refusals.permissionMissing },

  {
    name: "an empty first name",
    when: nameless,
    want: rules("FirstName", { field: "first_name", ...length1To200 }),
  },
  {
    name: "an empty last name",
    when: gigiBut({ lastName: "" }),
    want: rules("LastName", { field: "last_name", ...length1To200 }),
  },
  {
    name: "an empty display name, which is not computed",
    when: gigiBut({ displayName: "" }),
    want: rules("DisplayName", { field: "display_name", ...length1To200 }),
  },
  {
    name: "C10: a first name of 201 emoji",
    when: gigiBut({ firstName: `${emoji}🦒` }),
    want: rules("FirstName", { field: "first_name", ...length1To200 }),
  },
  {
    name: "a last name of 201 letters",
    when: gigiBut({ lastName: "a".repeat(201) }),
    want: rules("LastName", { field: "last_name", ...length1To200 }),
  },
  {
    name: "a nick name of 201 code points, half of them marks",
    when: gigiBut({ nickName: `${"e\u0301".repeat(100)}e` }),
    want: rules("NickName", { field: "nick_name", ...length200 }),
  },
  {
    name: "C10: a display name of 29 families",
    when: gigiBut({ displayName: family.repeat(29) }),
    want: rules("DisplayName", { field: "display_name", ...length1To200 }),
  },
  {
    name: "a language of 11 characters, even a valid one",
    when: gigiBut({ preferredLanguage: "zh-Hant-HKG" }),
    want: rules("PreferredLanguage", { field: "preferred_language", ...length10 }),
  },
  {
    name: "everything at once, the first in the message and all in the details",
    when: { nickName: "n".repeat(201), preferredLanguage: "x".repeat(11), gender: 99 },
    want: rules(
      "FirstName",
      { field: "first_name", ...length1To200 },
      { field: "last_name", ...length1To200 },
      { field: "nick_name", ...length200 },
      { field: "display_name", ...length1To200 },
      { field: "preferred_language", ...length10 },
    ),
  },
  {
    name: "C6: U+0000 in names",
    when: gigiBut({ firstName: "Gi\u0000gi", nickName: "\u0000" }),
    want: rules("FirstName", { field: "first_name", ...noNul }, { field: "nick_name", ...noNul }),
  },
  {
    name: "C6: U+0000 in the language",
    when: gigiBut({ preferredLanguage: "e\u0000n" }),
    want: rules("PreferredLanguage", { field: "preferred_language", ...noNul }),
  },
  {
    name: "a message above the limit",
    when: gigiBut({ firstName: "a".repeat(66_000) }),
    want: refusals.tooLarge,
  },

  { name: "an unknown user", whom: "unknown", want: wants.notFound },
  { name: "a removed user", whom: "removed", want: wants.notFound },
  { name: "a machine", whom: "machine", want: wants.notFound },
  { name: "a user of another organization", whom: "foreign", want: wants.notFound },
  {
    name: "a user of the own organization, in another one",
    where: "other",
    want: wants.notFound,
  },
  { name: "what changes nothing", when: gigi, want: wants.notChanged },
  {
    name: "the same language in another spelling",
    given: gigiBut({ preferredLanguage: "en-US" }),
    when: gigiBut({ preferredLanguage: "EN_us" }),
    want: wants.notChanged,
  },
  {
    name: "the same language under its old code",
    given: gigiBut({ preferredLanguage: "he" }),
    when: gigiBut({ preferredLanguage: "iw" }),
    want: wants.notChanged,
  },
  {
    name: "one unusable language instead of another",
    given: gigiBut({ preferredLanguage: "english" }),
    when: gigiBut({ preferredLanguage: "not valid" }),
    want: wants.notChanged,
  },
  {
    name: "an unknown gender instead of none",
    given: gigiBut({ gender: undefined }),
    when: gigiBut({ gender: -1 }),
    want: wants.notChanged,
  },

  {
    name: "what changes nothing, in German",
    headers: german,
    when: gigi,
    want: { ...wants.notChanged, text: "Profil nicht verändert" },
  },
  {
    name: "an unknown user, in Swiss German",
    headers: { "accept-language": "fr;q=0, de-CH, en;q=0.5" },
    whom: "unknown",
    want: { ...wants.notFound, text: "Profil nicht gefunden" },
  },
  {
    name: "an unknown user, in Korean",
    headers: { "accept-language": "ko-KR,ko;q=0.9,en;q=0.8" },
    whom: "unknown",
    want: { ...wants.notFound, text: "프로필을 찾을 수 없습니다" },
  },
  {
    name: "what changes nothing, with 8,000 characters of languages",
    headers: { "accept-language": `fr, ${"de-CH-1996, ".repeat(660)}en` },
    when: gigi,
    want: { ...wants.notChanged, text: "Le profil n'a pas changé" },
  },
  {
    name: "what changes nothing, in English to who reads nothing that is known",
    headers: { "accept-language": "nb, *;q=0.1" },
    when: gigi,
    want: wants.notChanged,
  },
  {
    name: "an invalid header, which is not translated",
    who: "nobody",
    headers: { ...german, authorization: "garbage" },
    want: refusals.headerInvalid,
  },
  {
    name: "an invalid token, which is not translated",
    who: "garbage",
    headers: german,
    want: refusals.tokenInvalid,
  },
  {
    name: "an unknown organization, which is not translated",
    where: "unknown",
    headers: german,
    want: refusals.organizationNotFound,
  },
  {
    name: "a missing permission, which is not translated",
    who: "viewer",
    headers: german,
    want: refusals.permissionMissing,
  },
  {
    name: "an empty name, of which only the text for people is translated",
    headers: german,
    when: nameless,
    want: rules("FirstName", {
      field: "first_name",
      ...length1To200,
      localizedMessage: { locale: "de", message: "Muss zwischen 1 und 200 Zeichen lang sein" },
    }),
  },

  {
    name: "a missing token before an unknown organization",
    who: "nobody",
    where: "unknown",
    want: refusals.headerMissing,
  },
  {
    name: "an invalid token before an empty name",
    who: "garbage",
    when: nameless,
    want: refusals.tokenInvalid,
  },
  {
    name: "an unknown organization before a missing permission",
    who: "viewer",
    where: "unknown",
    want: refusals.organizationNotFound,
  },
  {
    name: "a missing membership before an empty name",
    who: "outsider",
    where: "own",
    when: nameless,
    want: refusals.membershipNotFound,
  },
  {
    name: "a missing permission before an empty name",
    who: "viewer",
    when: nameless,
    want: refusals.permissionMissing,
  },
  {
    name: "a missing permission before an unknown user",
    who: "viewer",
    whom: "unknown",
    want: refusals.permissionMissing,
  },
  {
    name: "an empty name before an unknown user",
    whom: "unknown",
    when: nameless,
    want: rules("FirstName", { field: "first_name", ...length1To200 }),
  },
  {
    name: "a declared length above the limit before a missing token",
    who: "nobody",
    // Above the limit of gRPC-Web's text form, too, which is twice as high.
    when: gigiBut({ firstName: "a".repeat(140_000) }),
    want: refusals.tooLarge,
  },
];

describe.for(callers)("UpdateHumanProfile, $name,", (caller) => {
  test.for(successes)("$name", async ({ given = gigi, when, want = when }) => {
    const userId = await setting.addUser(given);
    const added = await setting.readProfile(userId);
    const reply = await setting.callOver(
      caller,
      methods.updateHumanProfile,
      { userId, ...when },
      { who: "editor" },
    );
    expect(reply).toMatchObject({ code: 0, message: "", details: [], status: 200 });
    const { creationDate } = added.details as Record<string, string>;
    const details = {
      sequence: "2",
      creationDate,
      changeDate: expect.any(String),
      resourceOwner: setting.organizations.own,
    };
    expect(reply.body).toEqual({ details });
    expect(await setting.readProfile(userId)).toEqual({ ...reply.body, profile: want });
  });

  test.for(refusedCalls)("refuses $name", async ({ given, whom, when = okapi, want, ...as }) => {
    const userId = await setting.addUser(given);
    const before = await setting.readProfile(userId);
    const reply = await setting.callOver(
      caller,
      methods.updateHumanProfile,
      { userId: whom === undefined ? userId : setting.users[whom], ...when },
      as,
    );
    expect(reply).toEqual(refused(caller, want));
    expect(await setting.readProfile(userId)).toEqual(before);
  });

  test.for([
    { name: "a locked user", transition: methods.lockUser },
    { name: "an inactive user", transition: methods.deactivateUser },
  ])("changes $name like an active one", async ({ transition }) => {
    const userId = await setting.addUser();
    await setting.call(transition, { id: userId });
    const reply = await setting.callOver(
      caller,
      methods.updateHumanProfile,
      { userId, ...okapi },
      { who: "editor" },
    );
    expect(reply.body).toMatchObject({ details: { sequence: "3" } });
    expect(await setting.readProfile(userId)).toMatchObject({ profile: okapi });
  });

  test("increments the sequence, keeps the creation date, and never sets the change date back", async () => {
    const userId = await setting.addUser();
    const replies = [];
    for (const lastName of ["A", "B", "C"])
      replies.push(
        await setting.callOver(
          caller,
          methods.updateHumanProfile,
          { userId, ...gigi, lastName },
          { who: "editor" },
        ),
      );
    const details = replies.map((reply) => reply.body?.details as Record<string, string>);
    expect(details.map(({ sequence }) => sequence)).toEqual(["2", "3", "4"]);
    expect(new Set(details.map(({ creationDate }) => creationDate)).size).toBe(1);
    const dates = details.map(({ changeDate = "" }) => Date.parse(changeDate));
    expect(dates).toEqual(dates.toSorted((a, b) => a - b));
  });

  test("stores texts that every other protocol reads back unchanged", async () => {
    const userId = await setting.addUser();
    const profile = gigiBut({
      firstName: ` Zoe\u0308 \u00eb ${family}`,
      lastName: '\u202e\u0001 %2F+&=?#"\\/',
      nickName: "\u{10ffff}\ufeff\u2028",
      displayName: emoji,
      preferredLanguage: "zh-Hant-HK",
      gender: "GENDER_DIVERSE",
    });
    const options = { token: setting.tokens.editor };
    const written = await caller.call(
      setting.url,
      methods.updateHumanProfile,
      { userId, ...profile },
      options,
    );
    const read = await Promise.all(
      callers.map((reader) =>
        reader.call(setting.url, methods.getHumanProfile, { userId }, options),
      ),
    );
    const want = { ...written.body, profile };
    expect(read.map(({ body }) => body)).toEqual(callers.map(() => want));
  });

  test("acts in the organization that the header names, in any letter case", async () => {
    const organization = setting.organizations.other;
    const userId = await setting.addUser(gigi, { "x-zitadel-orgid": organization });
    const reply = await caller.call(
      setting.url,
      methods.updateHumanProfile,
      { userId, ...okapi },
      { token: setting.tokens.owner, headers: { "X-Zitadel-OrgID": organization } },
    );
    expect(reply.body).toMatchObject({ details: { sequence: "2", resourceOwner: organization } });
  });

  test.for([
    { name: "a success", when: okapi },
    { name: "a refusal", when: gigi },
    { name: "a refusal of a large body", when: gigiBut({ nickName: "a".repeat(66_000) }) },
  ])("sends its headers with $name", async ({ when }) => {
    const userId = await setting.addUser();
    const call = () =>
      caller.call(
        setting.url,
        methods.updateHumanProfile,
        { userId, ...when },
        { token: setting.tokens.editor },
      );
    const [first, second] = await Promise.all([call(), call()]);
    const names = ["cache-control", "pragma", "x-content-type-options", "vary"];
    expect(names.map((name) => first.headers.get(name))).toEqual([
      "no-store",
      "no-cache",
      "nosniff",
      "Origin",
    ]);
    const uuid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
    expect(first.headers.get("x-request-id")).toMatch(uuid);
    expect(second.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"));
  });
});

describe.for(callers.filter(({ protocol }) => protocol !== "REST"))(
  "UpdateHumanProfile, $name,",
  (caller) => {
    test.for([
      { name: "an empty user id", userId: "" },
      { name: "a user id of 201 code points", userId: emoji + family },
    ])("refuses $name", async ({ userId }) => {
      const reply = await setting.callOver(
        caller,
        methods.updateHumanProfile,
        { userId, ...gigi },
        { who: "editor" },
      );
      const violation = { field: "user_id", ...length1To200 };
      expect(reply).toEqual(refused(caller, rules("UserId", violation)));
    });

    test("answers a user id of 200 code points, whatever they are", async () => {
      const { headers: _, ...reply } = await caller.call(
        setting.url,
        methods.updateHumanProfile,
        { userId: emoji, ...gigi },
        { token: setting.tokens.editor },
      );
      expect(reply).toEqual(refused(caller, wants.notFound));
    });
  },
);
