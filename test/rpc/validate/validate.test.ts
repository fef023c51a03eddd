import {
  create,
  createFileRegistry,
  type DescService,
  type MessageInitShape,
  setExtension,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import {
  type DescriptorProtoSchema,
  type EnumDescriptorProtoSchema,
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FieldRulesSchema, rules } from "../../../gen/validate/validate_pb.ts";
import {
  AddHumanUserRequestSchema,
  ImportHumanUserRequestSchema,
  ListUsersRequestSchema,
  ManagementService,
  UpdateHumanProfileRequestSchema,
} from "../../../gen/zitadel/management_pb.ts";
import type { SearchQuerySchema } from "../../../gen/zitadel/user_pb.ts";
import { services } from "../../../src/rpc/routes.ts";
import { compileMessage } from "../../../src/rpc/validate/compile-rules.ts";
import { FieldRulesError, type FieldViolation } from "../../../src/rpc/validate/field-violation.ts";
import type { RuleText } from "../../../src/rpc/validate/rule-text.ts";
import { createFieldRules, createValidate } from "../../../src/rpc/validate/validate.ts";

const assertFieldRules = createFieldRules();

function thrownBy(check: () => void): unknown {
  try {
    check();
    return undefined;
  } catch (error) {
    return error;
  }
}

function refusal(check: () => void): FieldRulesError {
  const thrown = thrownBy(check);
  expect(thrown).toBeInstanceOf(FieldRulesError);
  return thrown as FieldRulesError;
}

const between = "value length must be between 1 and 200 runes, inclusive";
const gigi = { userId: "1", firstName: "Gigi", lastName: "Giraffe", displayName: "Gigi" };
type Update = MessageInitShape<typeof UpdateHumanProfileRequestSchema>;
const update = (change: Update) => () =>
  assertFieldRules(
    UpdateHumanProfileRequestSchema,
    create(UpdateHumanProfileRequestSchema, { ...gigi, ...(change as object) }),
  );

describe("the rules of UpdateHumanProfile", () => {
  test.for<{ name: string; change: Update }>([
    { name: "what the contract asks for", change: {} },
    { name: "200 characters", change: { firstName: "x".repeat(200) } },
    { name: "200 emoji, which are 400 UTF-16 units", change: { firstName: "🦒".repeat(200) } },
    { name: "a blank as a name", change: { firstName: " " } },
    { name: "a language of 10 characters", change: { preferredLanguage: "not valid!" } },
    { name: "an unknown gender", change: { gender: 99 as 0 } },
    { name: "markup, controls and bidi marks", change: { nickName: "<b>\u0001\u202e</b>" } },
  ])("accept $name", ({ change }) => {
    expect(update(change)).not.toThrow();
  });

  test.for<{ name: string; change: Update; want: string }>([
    { name: "an empty id", change: { userId: "" }, want: `UserId: ${between}` },
    { name: "an empty name", change: { firstName: "" }, want: `FirstName: ${between}` },
    { name: "201 letters", change: { lastName: "x".repeat(201) }, want: `LastName: ${between}` },
    { name: "201 emoji", change: { lastName: "🦒".repeat(201) }, want: `LastName: ${between}` },
    {
      name: "29 family emoji, which are 203 code points",
      change: { displayName: "👨‍👩‍👧‍👦".repeat(29) },
      want: `DisplayName: ${between}`,
    },
    {
      name: "101 decomposed letters",
      change: { displayName: "e\u0301".repeat(101) },
      want: `DisplayName: ${between}`,
    },
    {
      name: "a long nick name",
      change: { nickName: "x".repeat(201) },
      want: "NickName: value length must be at most 200 runes",
    },
    {
      name: "a long language",
      change: { preferredLanguage: "x".repeat(11) },
      want: "PreferredLanguage: value length must be at most 10 runes",
    },
    {
      name: "U+0000",
      change: { firstName: "Gi\u0000gi" },
      want: "FirstName: value must not contain U+0000",
    },
    {
      name: "a lone surrogate",
      change: { nickName: "Gigi\ud83e" },
      want: "NickName: value must be valid Unicode",
    },
    {
      name: "too long a text with U+0000 because of its length",
      change: { firstName: "\u0000".repeat(201) },
      want: `FirstName: ${between}`,
    },
  ])("refuse $name", ({ change, want }) => {
    expect(refusal(update(change)).message).toBe(`invalid UpdateHumanProfileRequest.${want}`);
  });

  test("report every violation in order of field numbers", () => {
    const change = { preferredLanguage: "x".repeat(11), lastName: "", userId: "\u0000" };
    expect(refusal(update(change))).toMatchObject({
      message: "invalid UpdateHumanProfileRequest.UserId: value must not contain U+0000",
      violations: [
        { field: "user_id", description: "value must not contain U+0000", rule: "STRING_NO_NUL" },
        { field: "last_name", description: between, rule: "STRING_LENGTH" },
        {
          field: "preferred_language",
          description: "value length must be at most 10 runes",
          rule: "STRING_LENGTH",
        },
      ],
    });
  });

  test("agree with counting code points", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("x", "🦒", "\ud83e"), { minLength: 90, maxLength: 220 }),
        (parts) => {
          const firstName = parts.join("");
          const isValid = [...firstName].length <= 200 && firstName.isWellFormed();
          expect(thrownBy(update({ firstName })) === undefined).toBe(isValid);
        },
      ),
    );
  });
});

type Import = MessageInitShape<typeof ImportHumanUserRequestSchema>;
const importHuman = (change: Import) => () =>
  assertFieldRules(
    ImportHumanUserRequestSchema,
    create(ImportHumanUserRequestSchema, {
      userName: "gigi",
      profile: { firstName: "Gigi", lastName: "Giraffe" },
      email: { email: "gigi@giraffe.example" },
      ...(change as object),
    }),
  );

describe("the rules of nested messages", () => {
  test("are those of the message's own type", () => {
    const request = create(AddHumanUserRequestSchema, { userName: "gigi", profile: {}, email: {} });
    const { message } = refusal(() => assertFieldRules(AddHumanUserRequestSchema, request));
    expect(message).toBe(
      `invalid AddHumanUserRequest.Profile: embedded message failed validation | caused by: invalid AddHumanUserRequest_Profile.FirstName: ${between}`,
    );
  });

  test.for<{ name: string; change: Import; message: string; violation: FieldViolation }>([
    {
      name: "a missing message",
      change: { profile: undefined } as object,
      message: "Profile: value is required",
      violation: {
        field: "profile",
        description: "value is required",
        rule: "MESSAGE_REQUIRED",
        text: { key: "Errors.Field.Required", values: {} },
      },
    },
    {
      name: "an item of a list",
      change: { idps: [{ configId: "1", externalUserId: "1" }, { externalUserId: "1" }] },
      message: `Idps[1]: embedded message failed validation | caused by: invalid ImportHumanUserRequest_IDP.ConfigId: ${between}`,
      violation: {
        field: "idps[1].config_id",
        description: between,
        rule: "STRING_LENGTH",
        text: { key: "Errors.Field.Length.Between", values: { min: "1", max: "200" } },
      },
    },
    {
      name: "a phone without prefix",
      change: { phone: { phone: "0041" } },
      message: `Phone: embedded message failed validation | caused by: invalid ImportHumanUserRequest_Phone.Phone: value does not have prefix "+"`,
      violation: {
        field: "phone.phone",
        description: 'value does not have prefix "+"',
        rule: "STRING_PREFIX",
        text: { key: "Errors.Field.Prefix", values: { prefix: "+" } },
      },
    },
    {
      name: "U+0000 in a field without rules",
      change: { hashedPassword: { value: "\u0000" } },
      message:
        "HashedPassword: embedded message failed validation | caused by: invalid ImportHumanUserRequest_HashedPassword.Value: value must not contain U+0000",
      violation: {
        field: "hashed_password.value",
        description: "value must not contain U+0000",
        rule: "STRING_NO_NUL",
        text: { key: "Errors.Field.NoNul", values: {} },
      },
    },
  ])("refuse $name", ({ change, message, violation }) => {
    const { message: text, violations } = refusal(importHuman(change));
    expect(text).toBe(`invalid ImportHumanUserRequest.${message}`);
    expect(violations).toEqual([violation]);
  });

  test("report two rules that one field breaks", () => {
    const { violations } = refusal(importHuman({ phone: {} }));
    expect(violations.map((violation) => violation.rule)).toEqual([
      "STRING_LENGTH",
      "STRING_PREFIX",
    ]);
  });

  test("report the first 32 violations of a long list", () => {
    const idps = Array.from({ length: 20_000 }, () => ({}));
    expect(refusal(importHuman({ idps })).violations).toHaveLength(32);
  });
});

describe("the rules of a oneof", () => {
  type Query = MessageInitShape<typeof SearchQuerySchema>;
  const listUsers = (queries: Query[]) => () =>
    assertFieldRules(ListUsersRequestSchema, create(ListUsersRequestSchema, { queries }));
  const userName = (text: string): Query => ({
    query: { case: "userNameQuery", value: { userName: text } },
  });
  const either = (queries: Query[]): Query => ({ query: { case: "orQuery", value: { queries } } });
  const caused = "embedded message failed validation | caused by: invalid";

  test("accept one of the fields", () => {
    expect(listUsers([either([userName("x".repeat(200))])])).not.toThrow();
  });

  test.for<{ name: string; query: Query; message: string; violation: FieldViolation }>([
    {
      name: "none of the fields",
      query: {},
      message: "SearchQuery.Query: value is required",
      violation: {
        field: "queries[0].query",
        description: "value is required",
        rule: "ONEOF_REQUIRED",
        text: { key: "Errors.Field.Required", values: {} },
      },
    },
    {
      name: "none of the fields, further inside",
      query: either([userName(""), {}]),
      message: `SearchQuery.OrQuery: ${caused} OrQuery.Queries[1]: ${caused} SearchQuery.Query: value is required`,
      violation: {
        field: "queries[0].or_query.queries[1].query",
        description: "value is required",
        rule: "ONEOF_REQUIRED",
        text: { key: "Errors.Field.Required", values: {} },
      },
    },
    {
      name: "a field that breaks a rule",
      query: userName("x".repeat(201)),
      message: `SearchQuery.UserNameQuery: ${caused} UserNameQuery.UserName: value length must be at most 200 runes`,
      violation: {
        field: "queries[0].user_name_query.user_name",
        description: "value length must be at most 200 runes",
        rule: "STRING_LENGTH",
        text: { key: "Errors.Field.Length.Max", values: { max: "200" } },
      },
    },
  ])("refuse $name", ({ query, message, violation }) => {
    const { message: text, violations } = refusal(listUsers([query]));
    expect(text).toBe(`invalid ListUsersRequest.Queries[0]: ${caused} ${message}`);
    expect(violations).toEqual([violation]);
  });

  test("report no more violations than headers can hold", () => {
    const deep = Array.from({ length: 20 }).reduce<Query>((query) => either([query]), {});
    const { violations } = refusal(listUsers(Array.from({ length: 32 }, () => deep)));
    expect(violations.length).toBeGreaterThan(1);
    expect(violations.length).toBeLessThan(32);
  });
});

// The expected causes are those of Go 1.26 (net/mail) and protoc-gen-validate 1.3, unless said.
describe("the e-mail rule", () => {
  const a = (length: number) => "a".repeat(length);
  const email = (address: string) => importHuman({ email: { email: address } });

  test.for([
    "gigi@giraffe.example",
    "gigi+tag.o'neck@GIRAFFE",
    "grüße@giraffe.example",
    " gigi@giraffe.example\t",
    `${a(64)}@b`,
    `a@${a(63)}`,
    `a@${a(63)}.${a(63)}.${a(63)}.${a(60)}`,
  ])("accepts %j", (address) => {
    expect(email(address)).not.toThrow();
  });

  const odd = "hostname parts can only contain alphanumeric characters or hyphens, got";
  const notBare = "mail: only a bare address is accepted"; // ours: Go accepts more than an address
  test.for<[address: string, cause: string]>([
    ["", "mail: no address"],
    [" \t", "mail: no address"],
    ["gigi", "mail: missing '@' or angle-addr"],
    ["gigi@", "mail: missing '@' or angle-addr"],
    ["gigi @giraffe", "mail: missing '@' or angle-addr"],
    ["a..b@c", "mail: missing '@' or angle-addr"],
    [".a@c", "mail: missing '@' or angle-addr"],
    ["a@c.", "mail: missing '@' or angle-addr"],
    ["gigi giraffe", "mail: no angle-addr"],
    ["@giraffe", "mail: missing word in phrase: mail: invalid string"],
    ["\u0001", "mail: missing word in phrase: mail: invalid string"],
    ["a@b@c", 'mail: expected single address, got "@c"'],
    ["a@b, c@d", 'mail: expected single address, got ", c@d"'],
    [`${a(65)}@b`, "email address local phrase cannot exceed 64 characters"],
    [`${"é".repeat(33)}@b`, "email address local phrase cannot exceed 64 characters"],
    [`a@${a(64)}`, "hostname part must be non-empty and cannot exceed 63 characters"],
    [`a@${a(63)}.${a(63)}.${a(63)}.${a(61)}`, "email addresses cannot exceed 254 characters"],
    ["a@-b", "hostname parts cannot begin with hyphens"],
    ["a@b-", "hostname parts cannot end with hyphens"],
    ["a@b_c", `${odd} "_"`],
    ["a@Über", `${odd} "ü"`],
    ["a@🦒", `${odd} "🦒"`],
    ["Gigi <gigi@giraffe.example>", notBare],
    ["gigi@giraffe.example (Gigi)", notBare],
    ['"gigi giraffe"@giraffe.example', notBare],
    ["group: a@b;", notBare],
    [`${"a ".repeat(50_000)}<`, "email addresses cannot exceed 254 characters"], // ours: not read
  ])("refuses %j", ([address, cause]) => {
    expect(refusal(email(address)).violations[0]?.description).toBe(
      `value must be a valid email address | caused by: ${cause}`,
    );
  });

  test("throws nothing but FieldRulesError, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (address) => {
        const thrown = thrownBy(email(address));
        expect(thrown === undefined || thrown instanceof FieldRulesError).toBe(true);
      }),
    );
  });
});

type Rules = MessageInitShape<typeof FieldRulesSchema>;

/** A service whose one method takes `test.Request`. */
function serviceWith(
  request: MessageInitShape<typeof DescriptorProtoSchema>,
  enums: MessageInitShape<typeof EnumDescriptorProtoSchema>[] = [],
): DescService {
  const file = create(FileDescriptorProtoSchema, {
    name: "test.proto",
    package: "test",
    syntax: "proto3",
    messageType: [{ name: "Request", ...(request as object) }],
    enumType: enums,
    service: [
      {
        name: "TestService",
        method: [{ name: "Call", inputType: ".test.Request", outputType: ".test.Request" }],
      },
    ],
  });
  const service = createFileRegistry(file, () => undefined).getService("test.TestService");
  expect(service).toBeDefined();
  return service as DescService;
}

function withRules(fieldRules: Rules) {
  const options = create(FieldOptionsSchema);
  setExtension(options, rules, create(FieldRulesSchema, fieldRules));
  return options;
}

function requestOf(service: DescService) {
  return reflect((service.methods[0] as DescService["methods"][number]).input);
}

describe("createFieldRules", () => {
  const textField = { name: "text", number: 1, type: Type.STRING, label: Label.OPTIONAL };

  test.for<{ name: string; type: Type; fieldRules: Rules; want: string }>([
    {
      name: "a pattern",
      type: Type.STRING,
      fieldRules: { type: { case: "string", value: { pattern: "." } } },
      want: "the rule pattern of validate.StringRules is not implemented",
    },
    {
      name: "a number's rule",
      type: Type.INT32,
      fieldRules: { type: { case: "int32", value: { gt: 1 } } },
      want: "the rule int32 of validate.FieldRules is not implemented",
    },
    {
      name: "a rule of another type",
      type: Type.STRING,
      fieldRules: { type: { case: "enum", value: { definedOnly: true } } },
      want: "the rule enum of validate.FieldRules is not implemented",
    },
    {
      name: "a bool that must be false",
      type: Type.BOOL,
      fieldRules: { type: { case: "bool", value: { const: false } } },
      want: "the rule const: false is not implemented",
    },
    {
      name: "bytes of any length",
      type: Type.BYTES,
      fieldRules: { type: { case: "bytes", value: { minLen: 1n } } },
      want: "bytes without max_len",
    },
  ])("refuses $name", ({ type, fieldRules, want }) => {
    const service = serviceWith({
      field: [{ ...textField, type, options: withRules(fieldRules) }],
    });
    const { desc, message } = requestOf(service);
    const check = createFieldRules();
    // The second time, too: nothing half compiled is kept.
    for (const _ of [1, 2])
      expect(() => check(desc, message)).toThrow(`field test.Request.text: ${want}`);
  });

  test.for<{ name: string; fieldRules: Rules; want: string; text: RuleText }>([
    {
      name: "an exact length",
      fieldRules: { type: { case: "string", value: { minLen: 2n, maxLen: 2n } } },
      want: "value length must be 2 runes",
      text: { key: "Errors.Field.Length.Exact", values: { length: "2" } },
    },
    {
      name: "a minimum alone",
      fieldRules: { type: { case: "string", value: { minLen: 2n } } },
      want: "value length must be at least 2 runes",
      text: { key: "Errors.Field.Length.Min", values: { min: "2" } },
    },
  ])("knows $name", ({ fieldRules, want, text }) => {
    const service = serviceWith({ field: [{ ...textField, options: withRules(fieldRules) }] });
    const { desc, message } = requestOf(service);
    Object.assign(message, { text: "🦒" });
    expect(refusal(() => createFieldRules()(desc, message))).toMatchObject({
      message: `invalid Request.Text: ${want}`,
      violations: [{ description: want, text }],
    });
  });

  test("refuses enum values that are not defined", () => {
    const kind = {
      name: "machine_kind2x",
      number: 1,
      type: Type.ENUM,
      typeName: ".test.Kind",
      label: Label.OPTIONAL,
      options: withRules({ type: { case: "enum", value: { definedOnly: true } } }),
    };
    const value = [{ name: "KIND_A", number: 0 }];
    const service = serviceWith({ field: [kind] }, [{ name: "Kind", value }]);
    const { desc, message } = requestOf(service);
    const check = createFieldRules();
    expect(() => check(desc, message)).not.toThrow();
    const odd = Object.assign(message, { machineKind2x: 1 });
    expect(refusal(() => check(desc, odd))).toMatchObject({
      message: "invalid Request.MachineKind2X: value must be one of the defined enum values",
      violations: [{ text: { key: "Errors.Field.Enum", values: {} } }],
    });
  });

  test("reads text in lists, in oneofs and in messages that contain themselves", () => {
    const service = serviceWith({
      field: [
        { ...textField, name: "texts", label: Label.REPEATED },
        { ...textField, name: "choice", number: 2, oneofIndex: 0 },
        {
          name: "child",
          number: 3,
          type: Type.MESSAGE,
          typeName: ".test.Request",
          label: Label.OPTIONAL,
        },
      ],
      oneofDecl: [{ name: "one" }],
    });
    const { desc, message } = requestOf(service);
    const child = requestOf(service).message;
    Object.assign(child, { one: { case: "choice", value: "\ud800" } });
    Object.assign(message, { texts: ["a", "\u0000"], child });
    const { message: first, violations } = refusal(() => createFieldRules()(desc, message));
    expect(first).toBe("invalid Request.Texts[1]: value must not contain U+0000");
    expect(violations.map((violation) => violation.field)).toEqual(["texts[1]", "child.choice"]);
  });

  test("knows every rule of the requests that are served", () => {
    const inputs = services
      .flatMap(({ methods }) => methods)
      .filter(({ methodKind }) => methodKind === "unary")
      .map(({ input }) => input);
    expect(inputs.length).toBeGreaterThan(40);
    for (const input of inputs) expect(() => compileMessage(input, new Map())).not.toThrow();
  });
});

describe("createValidate", () => {
  let reached = 0;
  const transport = createRouterTransport(
    ({ service }) => {
      service(ManagementService, {
        updateHumanProfile: () => {
          reached++;
          return {};
        },
      });
    },
    {
      router: {
        interceptors: [
          (next) => async (request) => {
            try {
              return await next(request);
            } catch (error) {
              throw new ConnectError((error as Error).message, Code.InvalidArgument);
            }
          },
          createValidate(),
        ],
      },
    },
  );
  const client = createClient(ManagementService, transport);

  test("lets only valid requests reach the handler", async () => {
    await client.updateHumanProfile(gigi);
    expect(reached).toBe(1);
    await expect(client.updateHumanProfile({ ...gigi, firstName: "" })).rejects.toThrow(
      `[invalid_argument] invalid UpdateHumanProfileRequest.FirstName: ${between}`,
    );
    expect(reached).toBe(1);
  });
});
