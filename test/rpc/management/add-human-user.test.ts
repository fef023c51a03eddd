import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import { brokenRules, fieldRules, type Refusal, refused } from "../../support/api/refusals.ts";
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

const notFound = (id: string, reason = "USER_NOT_FOUND"): Refusal => ({
  code: 5,
  text: "User could not be found",
  id,
  reason,
});
const date = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3}|\.\d{6})?Z$/);

describe.for(callers)("over $name,", (caller) => {
  const call = (method: Method, request: JsonObject, as?: As) =>
    setting.callOver(caller, method, request, as);
  const newHuman = (fields: JsonObject = {}) => {
    const userName = `${setting.newUserName()}.${randomUUID()}`;
    return { userName, profile: gigi, email: { email: "gigi@giraffe.example" }, ...fields };
  };

  describe.for([methods.addHumanUser, methods.importHumanUser])("$name", (method) => {
    test("adds an active user with the first sequence", async () => {
      const human = newHuman();
      const { body } = await call(method, human, { who: "editor" });
      const details = {
        sequence: "1",
        creationDate: date,
        changeDate: date,
        resourceOwner: setting.organizations.own,
      };
      expect(body).toEqual({ userId: expect.stringMatching(/^\d{18}$/), details });
      const { user } = await setting.call(methods.getUserByID, { id: String(body?.userId) });
      expect(user).toMatchObject({
        details: body?.details,
        state: "USER_STATE_ACTIVE",
        userName: human.userName,
        human: { profile: gigi, email: { email: "gigi@giraffe.example" } },
      });
    });

    test("trims only the names that must not be blank", async () => {
      const human = newHuman();
      const profile = { ...gigi, firstName: " Gigi\t", lastName: "\nGiraffe ", nickName: " Gi " };
      const { body } = await call(method, { ...human, userName: ` ${human.userName} `, profile });
      const { user } = await setting.call(methods.getUserByID, { id: String(body?.userId) });
      expect(user).toMatchObject({
        userName: human.userName,
        human: { profile: { ...gigi, nickName: " Gi " } },
      });
    });

    test.for([
      { name: "none", displayName: "" },
      { name: "a blank one", displayName: "  " },
    ])("makes a display name of first and last name if there is $name", async ({ displayName }) => {
      const profile = { ...gigi, firstName: " Olaf", lastName: "Okapi ", displayName };
      const { body } = await call(method, newHuman({ profile }));
      expect(await setting.readProfile(String(body?.userId))).toMatchObject({
        profile: { displayName: "Olaf Okapi" },
      });
    });

    test.for([
      { name: "as it is", change: (userName: string) => userName },
      { name: "in another case", change: (userName: string) => userName.toUpperCase() },
      { name: "with blanks around it", change: (userName: string) => ` ${userName}\n` },
    ])("refuses a user name that is taken, $name", async ({ change }) => {
      const { userName } = newHuman();
      await setting.call(method, newHuman({ userName }));
      const want = {
        code: 6,
        text: "User already exists",
        id: "V3-DKcYh",
        reason: "USER_ALREADY_EXISTS",
      };
      const human = newHuman({ userName: change(userName) });
      expect(await call(method, human)).toEqual(refused(caller, want));
      expect(await call(method, human, { where: "other" })).toEqual(refused(caller, want));
    });

    test("lets another user take a removed user's name", async () => {
      const human = newHuman();
      const first = await setting.call(method, human);
      await setting.call(methods.removeUser, { id: String(first.userId) });
      const second = await call(method, human);
      expect(second.code).toBe(0);
      expect(second.body?.userId).not.toBe(first.userId);
    });

    const rule = (
      place: string,
      field: string,
      violation: (typeof brokenRules)[keyof typeof brokenRules],
    ) => fieldRules(place, { field, ...violation });
    const inside = (field: string) =>
      `${method.name}Request.${field}: embedded message failed validation | caused by: invalid ${method.name}Request_${field}`;

    test.for<{ name: string; fields: JsonObject; want: Refusal }>([
      {
        name: "a blank user name",
        fields: { userName: " \t" },
        want: {
          code: 3,
          text: "Argument is invalid",
          id: "V2-zzad3",
          reason: "USER_NAME_BLANK",
        },
      },
      {
        name: "a blank first name",
        fields: { profile: { ...gigi, firstName: " " } },
        want: {
          code: 3,
          text: "Given name in profile is empty",
          id: "USER-UCej2",
          reason: "FIRST_NAME_BLANK",
        },
      },
      {
        name: "a blank last name",
        fields: { profile: { ...gigi, lastName: "\u00a0" } },
        want: {
          code: 3,
          text: "Family name in profile is empty",
          id: "USER-4hB7d",
          reason: "LAST_NAME_BLANK",
        },
      },
      {
        name: "an empty user name",
        fields: { userName: "" },
        want: rule(`${method.name}Request.UserName`, "user_name", brokenRules.length1To200),
      },
      {
        name: "no profile",
        fields: { profile: null },
        want: rule(`${method.name}Request.Profile`, "profile", brokenRules.required),
      },
      {
        name: "no e-mail address",
        fields: { email: null },
        want: rule(`${method.name}Request.Email`, "email", brokenRules.required),
      },
      {
        name: "an empty first name",
        fields: { profile: { ...gigi, firstName: "" } },
        want: rule(
          `${inside("Profile")}.FirstName`,
          "profile.first_name",
          brokenRules.length1To200,
        ),
      },
      {
        name: "what is no e-mail address",
        fields: { email: { email: "gigi" } },
        want: rule(`${inside("Email")}.Email`, "email.email", brokenRules.email),
      },
      {
        name: "a phone number without its country",
        fields: { phone: { phone: "0441234567" } },
        want: rule(`${inside("Phone")}.Phone`, "phone.phone", brokenRules.plus),
      },
      {
        name: "a phone number of 51 characters",
        fields: { phone: { phone: `+${"1".repeat(50)}` } },
        want: rule(`${inside("Phone")}.Phone`, "phone.phone", brokenRules.length1To50),
      },
    ])("refuses $name", async ({ fields, want }) => {
      expect(await call(method, newHuman(fields))).toEqual(refused(caller, want));
    });

    const phoneInvalid = {
      code: 3,
      text: "Phone is invalid",
      id: "PHONE-so0wa",
      reason: "PHONE_INVALID",
    };

    test.for([
      { name: "no digits", phone: "+" },
      { name: "letters only", phone: "+abc" },
      { name: "a country code that there is not", phone: "+999 123 456 789" },
      { name: "too few digits", phone: "+41 4" },
      { name: "16 digits, one more than E.164 has", phone: "+49 3012 3456 7890 12" },
      { name: "more digits than a double holds", phone: `+41${"4".repeat(17)}` },
    ])("C8: refuses a phone with $name", async ({ phone }) => {
      const human = newHuman({ phone: { phone } });
      expect(await call(method, human)).toEqual(refused(caller, phoneInvalid));
    });

    test("C8: reports blank names before an invalid phone", async () => {
      const human = newHuman({ phone: { phone: "+" }, profile: { ...gigi, lastName: " " } });
      const { details } = await call(method, human);
      expect(JSON.stringify(details)).toContain("LAST_NAME_BLANK");
    });

    test.for([
      { name: "as it is", phone: "+41446681800", want: "+41446681800" },
      { name: "with spaces", phone: "+41 44 668 18 00", want: "+41446681800" },
      {
        name: "with the zero of calls from within",
        phone: "+41 (0)44 668-18-00",
        want: "+41446681800",
      },
      { name: "with the zero that Italy keeps", phone: "+39 06 1234567", want: "+39061234567" },
      { name: "with an extension", phone: "+1 (650) 253-0000 ext. 12", want: "+16502530000" },
      { name: "that nobody was given", phone: "+41 71 000 00 00", want: "+41710000000" },
      { name: "of 15 digits", phone: "+49 3012 3456 7890 1", want: "+493012345678901" },
    ])("C8: stores a phone $name in E.164", async ({ phone, want }) => {
      const { body } = await call(method, newHuman({ phone: { phone, isPhoneVerified: true } }));
      expect(await setting.call(methods.getUserByID, { id: String(body?.userId) })).toMatchObject({
        user: { human: { phone: { phone: want, isPhoneVerified: true } } },
      });
    });

    test("reports all violations, those in nested messages included", async () => {
      const human = newHuman({ profile: { ...gigi, lastName: "" }, email: { email: "@" } });
      const reply = await call(method, human);
      expect(reply.details[0]?.value).toMatchObject({
        fieldViolations: [{ field: "profile.last_name" }, { field: "email.email" }],
      });
    });
  });

  test.for<{ method: Method; field: string; value: JsonObject }>([
    { method: methods.addHumanUser, field: "initial_password", value: { initialPassword: "x" } },
    { method: methods.importHumanUser, field: "password", value: { password: "x" } },
    {
      method: methods.importHumanUser,
      field: "hashed_password",
      value: { hashedPassword: { value: "$2a$" } },
    },
    {
      method: methods.importHumanUser,
      field: "password_change_required",
      value: { passwordChangeRequired: true },
    },
    {
      method: methods.importHumanUser,
      field: "request_passwordless_registration",
      value: { requestPasswordlessRegistration: true },
    },
    { method: methods.importHumanUser, field: "otp_code", value: { otpCode: "x" } },
    {
      method: methods.importHumanUser,
      field: "recovery_codes",
      value: { recoveryCodes: ["x"] },
    },
    {
      method: methods.importHumanUser,
      field: "idps",
      value: { idps: [{ configId: "1", externalUserId: "2" }] },
    },
  ])("$method.name refuses $field and names it", async ({ method, field, value }) => {
    const human = newHuman(value);
    expect(await call(method, human)).toEqual(
      refused(caller, {
        code: 12,
        text: `field ${field} is not supported`,
        reason: "FIELD_NOT_SUPPORTED",
      }),
    );
    expect(await call(methods.getUserByLoginNameGlobal, { loginName: human.userName })).toEqual(
      refused(caller, notFound("QUERY-Dfbg2")),
    );
  });
});
