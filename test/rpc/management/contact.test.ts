import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import { list, object } from "../../support/api/json.ts";
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

/** What a user is added with. */
const old = "gigi@giraffe.example";
const number = "+41441234567";

const emailNotChanged: Refusal = {
  code: 9,
  text: "Email not changed",
  id: "COMMAND-2b7fM",
  reason: "EMAIL_NOT_CHANGED",
};
const phoneNotChanged: Refusal = {
  code: 9,
  text: "Phone not changed",
  id: "COMMAND-wF94r",
  reason: "PHONE_NOT_CHANGED",
};
const phoneInvalid: Refusal = {
  code: 3,
  text: "Phone is invalid",
  id: "PHONE-so0wa",
  reason: "PHONE_INVALID",
};
const phoneNotFound: Refusal = {
  code: 5,
  text: "Phone not found",
  id: "COMMAND-p6rsc",
  reason: "PHONE_NOT_FOUND",
};

/** For each method: a request that would change a user, and its refusals. */
const all = [
  {
    method: methods.getHumanEmail,
    fields: {},
    missing: {
      code: 5,
      text: "User could not be found",
      id: "QUERY-Hms2s",
      reason: "GET_EMAIL_NOT_FOUND",
    },
    machine: {
      code: 9,
      text: "The User must be personal",
      id: "QUERY-pt7HY",
      reason: "GET_EMAIL_NOT_HUMAN",
    },
  },
  {
    method: methods.getHumanPhone,
    fields: {},
    missing: {
      code: 5,
      text: "User could not be found",
      id: "QUERY-DAvb3",
      reason: "GET_PHONE_NOT_FOUND",
    },
    machine: {
      code: 9,
      text: "The User must be personal",
      id: "QUERY-hliQl",
      reason: "GET_PHONE_NOT_HUMAN",
    },
  },
  {
    method: methods.updateHumanEmail,
    fields: { email: "okapi@giraffe.example" },
    missing: {
      code: 9,
      text: "Email not found",
      id: "COMMAND-0Pe4r",
      reason: "CHANGE_EMAIL_NOT_FOUND",
    },
  },
  {
    method: methods.updateHumanPhone,
    fields: { phone: number },
    missing: {
      code: 9,
      text: "User could not be found",
      id: "COMMAND-3M0fs",
      reason: "CHANGE_PHONE_NOT_FOUND",
    },
  },
  {
    method: methods.removeHumanPhone,
    fields: {},
    missing: {
      code: 9,
      text: "User could not be found",
      id: "COMMAND-3M9fs",
      reason: "REMOVE_PHONE_NOT_FOUND",
    },
  },
] satisfies { method: Method; fields: JsonObject; missing: Refusal; machine?: Refusal }[];

describe.for(callers)("over $name,", (caller) => {
  const call = (method: Method, request: JsonObject, as?: As) =>
    setting.callOver(caller, method, request, as);

  /** A new user with an address that is not verified, or with these parts. */
  const addUser = async (fields: JsonObject = {}) => {
    const request = { userName: setting.newUserName(), profile: gigi, email: { email: old } };
    const { userId } = await setting.call(methods.importHumanUser, { ...request, ...fields });
    return String(userId);
  };
  const verifiedEmail = { email: { email: old, isEmailVerified: true } };
  const withPhone = (isPhoneVerified = false) => ({ phone: { phone: number, isPhoneVerified } });

  /** Kinds of changes after the first, the oldest first. */
  const changesOf = async (userId: string) => {
    const request = { userId, query: { asc: true, sequence: "1" } };
    const { result = [] } = await setting.call(methods.listUserChanges, request);
    return list(result).map((each) => {
      const { sequence, eventType } = object(each);
      return `${sequence} ${object(eventType).localizedMessage}`;
    });
  };

  /** What the user is found with afterwards, by both methods, and the details that each shows. */
  const contactOf = async (userId: string) => {
    const email = await call(methods.getHumanEmail, { userId }, { who: "viewer" });
    const phone = await call(methods.getHumanPhone, { userId }, { who: "viewer" });
    const { user } = await setting.call(methods.getUserByID, { id: userId });
    const { human, details } = object(user);
    expect([email.body?.details, phone.body?.details]).toEqual([details, details]);
    expect(object(human).email).toEqual(email.body?.email);
    expect(object(human).phone ?? {}).toEqual(phone.body?.phone);
    return { details, email: email.body?.email, phone: phone.body?.phone };
  };

  type Row = {
    readonly name: string;
    readonly given?: JsonObject;
    readonly method: Method;
    readonly fields: JsonObject;
    readonly email?: JsonObject;
    readonly phone?: JsonObject;
    readonly changes: readonly string[];
  };

  test.for<Row>([
    {
      name: "changes an address, which then is not verified",
      given: verifiedEmail,
      method: methods.updateHumanEmail,
      fields: { email: "okapi@giraffe.example" },
      email: { email: "okapi@giraffe.example" },
      changes: ["2 Email address changed"],
    },
    {
      name: "changes an address to a verified one, by two changes",
      method: methods.updateHumanEmail,
      fields: { email: "okapi@giraffe.example", isEmailVerified: true },
      email: { email: "okapi@giraffe.example", isEmailVerified: true },
      changes: ["2 Email address changed", "3 Email address verified"],
    },
    {
      name: "changes the case of an address",
      method: methods.updateHumanEmail,
      fields: { email: "Gigi@giraffe.example" },
      email: { email: "Gigi@giraffe.example" },
      changes: ["2 Email address changed"],
    },
    {
      name: "trims an address",
      method: methods.updateHumanEmail,
      fields: { email: " okapi@giraffe.example\t" },
      email: { email: "okapi@giraffe.example" },
      changes: ["2 Email address changed"],
    },
    {
      name: "says that the same address is verified",
      method: methods.updateHumanEmail,
      fields: { email: old, isEmailVerified: true },
      email: { email: old, isEmailVerified: true },
      changes: ["2 Email address verified"],
    },
    {
      name: "adds a phone, in E.164",
      method: methods.updateHumanPhone,
      fields: { phone: "+41 (44) 123-45 67" },
      phone: { phone: number },
      changes: ["2 Phone number changed"],
    },
    {
      name: "adds a verified phone, by two changes",
      method: methods.updateHumanPhone,
      fields: { phone: number, isPhoneVerified: true },
      phone: { phone: number, isPhoneVerified: true },
      changes: ["2 Phone number changed", "3 Phone number verified"],
    },
    {
      name: "changes a phone, which then is not verified",
      given: withPhone(true),
      method: methods.updateHumanPhone,
      fields: { phone: "+41 71 000 00 00" },
      phone: { phone: "+41710000000" },
      changes: ["2 Phone number changed"],
    },
    {
      name: "says that the same phone is verified",
      given: withPhone(),
      method: methods.updateHumanPhone,
      fields: { phone: "+41 44 123 45 67", isPhoneVerified: true },
      phone: { phone: number, isPhoneVerified: true },
      changes: ["2 Phone number verified"],
    },
    {
      name: "removes a phone",
      given: withPhone(true),
      method: methods.removeHumanPhone,
      fields: {},
      changes: ["2 Phone number removed"],
    },
  ])("$method.name $name", async ({ given, method, fields, email, phone, changes }) => {
    const userId = await addUser(given);
    const before = await contactOf(userId);
    const reply = await call(method, { userId, ...fields }, { who: "editor" });
    const details = {
      sequence: String(1 + changes.length),
      creationDate: object(before.details).creationDate,
      changeDate: date,
      resourceOwner: setting.organizations.own,
    };
    expect(reply.body).toEqual({ details });
    const phoneAfter = method === methods.removeHumanPhone ? {} : before.phone;
    expect(await contactOf(userId)).toEqual({
      details: reply.body?.details,
      email: email ?? before.email,
      phone: phone ?? phoneAfter,
    });
    expect(await changesOf(userId)).toEqual(changes);
  });

  type Refused = Pick<Row, "name" | "given" | "method" | "fields"> &
    As & { readonly want: Refusal };

  test.for<Refused>([
    {
      name: "the same address",
      method: methods.updateHumanEmail,
      fields: { email: old },
      want: emailNotChanged,
    },
    {
      name: "the same address, but for blanks around it",
      method: methods.updateHumanEmail,
      fields: { email: ` ${old} ` },
      want: emailNotChanged,
    },
    {
      name: "the same address that is verified already",
      given: verifiedEmail,
      method: methods.updateHumanEmail,
      fields: { email: old, isEmailVerified: true },
      want: emailNotChanged,
    },
    {
      name: "the same address as no longer verified",
      given: verifiedEmail,
      method: methods.updateHumanEmail,
      fields: { email: old },
      want: emailNotChanged,
    },
    {
      name: "the same address, in French",
      method: methods.updateHumanEmail,
      fields: { email: old },
      headers: { "accept-language": "fr" },
      want: { ...emailNotChanged, text: "L'adresse e-mail n'a pas changé" },
    },
    ...["", "gigi", "gigi@"].map((email) => ({
      name: `what is no address: "${email}"`,
      method: methods.updateHumanEmail,
      fields: { email },
      want: expect.objectContaining({ code: 3 }),
    })),
    {
      name: "an address with a name",
      method: methods.updateHumanEmail,
      fields: { email: "Gigi <gigi@giraffe.example>" },
      want: fieldRules("UpdateHumanEmailRequest.Email", {
        field: "email",
        ...brokenRules.email,
        description:
          "value must be a valid email address | caused by: mail: only a bare address is accepted",
      }),
    },
    {
      name: "the same phone, written in another way",
      given: withPhone(),
      method: methods.updateHumanPhone,
      fields: { phone: "+41 44 123 45 67" },
      want: phoneNotChanged,
    },
    {
      name: "the same phone that is verified already",
      given: withPhone(true),
      method: methods.updateHumanPhone,
      fields: { phone: number, isPhoneVerified: true },
      want: phoneNotChanged,
    },
    {
      name: "what is no phone number",
      method: methods.updateHumanPhone,
      fields: { phone: "+41" },
      want: phoneInvalid,
    },
    {
      name: "a phone number of more than 15 digits",
      method: methods.updateHumanPhone,
      fields: { phone: "+1234567890123456" },
      want: phoneInvalid,
    },
    {
      name: "a phone number without the country",
      method: methods.updateHumanPhone,
      fields: { phone: "044 123 45 67" },
      want: fieldRules("UpdateHumanPhoneRequest.Phone", { field: "phone", ...brokenRules.plus }),
    },
    {
      name: "an empty phone number",
      method: methods.updateHumanPhone,
      fields: { phone: "" },
      want: fieldRules(
        "UpdateHumanPhoneRequest.Phone",
        { field: "phone", ...brokenRules.length1To50 },
        { field: "phone", ...brokenRules.plus },
      ),
    },
    {
      name: "to remove a phone that is not there",
      method: methods.removeHumanPhone,
      fields: {},
      want: phoneNotFound,
    },
    ...all
      .filter(({ method }) => method.name.startsWith("Get") === false)
      .flatMap(({ method, fields }): Refused[] => [
        {
          name: "who may only read",
          given: withPhone(),
          method,
          fields: fields.phone === undefined ? fields : { phone: "+41710000000" },
          who: "viewer",
          want: refusals.permissionMissing,
        },
        {
          name: "who is of another organization",
          given: withPhone(),
          method,
          fields: fields.phone === undefined ? fields : { phone: "+41710000000" },
          who: "outsider",
          where: "own",
          want: refusals.membershipNotFound,
        },
      ]),
  ])("$method.name refuses $name", async ({ given, method, fields, want, name: _, ...as }) => {
    const userId = await addUser(given);
    const before = await contactOf(userId);
    const reply = await call(method, { userId, ...fields }, as);
    if ("text" in want) expect(reply).toEqual(refused(caller, want));
    else expect(reply).toEqual(want);
    expect(await contactOf(userId)).toEqual(before);
    expect(await changesOf(userId)).toEqual([]);
  });

  test.for(
    all.flatMap((row) =>
      (["unknown", "removed", "foreign", "machine"] as const).map((whom) => ({ ...row, whom })),
    ),
  )("$method.name refuses a user who is $whom", async ({ method, fields, whom, ...row }) => {
    const want = whom === "machine" && "machine" in row ? row.machine : row.missing;
    const reply = await call(method, { userId: setting.users[whom], ...fields });
    expect(reply).toEqual(refused(caller, want));
  });

  test.for(all)("$method.name refuses an empty id and one that is too long", async (row) => {
    const { method, fields } = row;
    const place = `${method.name}Request.UserId`;
    const want = fieldRules(place, { field: "user_id", ...brokenRules.length1To200 });
    expect(await call(method, { userId: "x".repeat(201), ...fields })).toEqual(
      refused(caller, want),
    );
  });

  test("UpdateHumanPhone judges the number before it looks for the user", async () => {
    const request = { userId: setting.users.unknown, phone: "+41" };
    expect(await call(methods.updateHumanPhone, request)).toEqual(refused(caller, phoneInvalid));
  });

  test("contacts of inactive and locked users can be changed", async () => {
    for (const status of [methods.deactivateUser, methods.lockUser]) {
      const userId = await addUser();
      await setting.call(status, { id: userId });
      for (const { method, fields } of all.slice(2))
        expect(await call(method, { userId, ...fields })).toMatchObject({ code: 0 });
    }
  });
});
