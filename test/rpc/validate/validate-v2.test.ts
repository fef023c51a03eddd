import { create, type DescMessage, fromJson, type JsonObject } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  AddHumanUserRequestSchema,
  CreateUserRequestSchema,
  DeleteUserMetadataRequestSchema,
  ListUserMetadataRequestSchema,
  ListUsersRequestSchema,
  SetEmailRequestSchema,
  SetPhoneRequestSchema,
  SetUserMetadataRequestSchema,
  UpdateHumanUserRequestSchema,
  UpdateUserRequestSchema,
} from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import { FieldRulesError } from "../../../src/rpc/validate/field-violation.ts";
import { createFieldRules } from "../../../src/rpc/validate/validate.ts";

const assertFieldRules = createFieldRules();

function refusalOf(schema: DescMessage, request: JsonObject): FieldRulesError | undefined {
  try {
    assertFieldRules(schema, fromJson(schema, request));
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(FieldRulesError);
    return error as FieldRulesError;
  }
}

const inside = "embedded message failed validation | caused by:";
const between = "value length must be between 1 and 200 runes, inclusive";
const email = { email: "gigi@giraffe.example" };
const profile = { givenName: "Gigi", familyName: "Giraffe" };
const base64 = (bytes: number) => Buffer.alloc(bytes, "x").toString("base64");

describe("the rules of v2", () => {
  test.for<[schema: DescMessage, request: JsonObject]>([
    [UpdateHumanUserRequestSchema, { userId: "1" }],
    [UpdateHumanUserRequestSchema, { userId: "1", email: { ...email, isVerified: false } }],
    [UpdateHumanUserRequestSchema, { userId: "1", phone: { phone: "" } }],
    [UpdateHumanUserRequestSchema, { userId: "1", profile: { ...profile, gender: 7 } }],
    [UpdateHumanUserRequestSchema, { userId: "1", profile: { ...profile, nickName: "" } }],
    [UpdateUserRequestSchema, { userId: "1" }],
    [UpdateUserRequestSchema, { userId: "1", metadata: [{ key: "a", value: "" }] }],
    [UpdateUserRequestSchema, { userId: "1", metadata: [{ key: "a", value: base64(500_000) }] }],
    [SetEmailRequestSchema, { userId: "1", ...email, isVerified: true }],
    [DeleteUserMetadataRequestSchema, { keys: ["a"] }],
    [CreateUserRequestSchema, { organizationId: "1", human: { profile, email } }],
  ])("allow %s %o", ([schema, request]) => {
    expect(refusalOf(schema, request)).toBeUndefined();
  });

  test.for<[name: string, schema: DescMessage, request: JsonObject, want: string]>([
    [
      "a profile without family name",
      UpdateHumanUserRequestSchema,
      { userId: "1", profile: { givenName: "G" } },
      `invalid UpdateHumanUserRequest.Profile: ${inside} invalid SetHumanProfile.FamilyName: ${between}`,
    ],
    [
      "an empty nick name in UpdateUser",
      UpdateUserRequestSchema,
      { userId: "1", human: { profile: { nickName: "" } } },
      `invalid UpdateUserRequest.Human: ${inside} invalid UpdateUserRequest_Human.Profile: ${inside} ` +
        `invalid UpdateUserRequest_Human_Profile.NickName: ${between}`,
    ],
    [
      "a long nick name",
      UpdateHumanUserRequestSchema,
      { userId: "1", profile: { ...profile, nickName: "🦒".repeat(201) } },
      `invalid UpdateHumanUserRequest.Profile: ${inside} invalid SetHumanProfile.NickName: ` +
        "value length must be at most 200 runes",
    ],
    [
      "an undefined gender in UpdateUser",
      UpdateUserRequestSchema,
      { userId: "1", human: { profile: { gender: 7 } } },
      `invalid UpdateUserRequest.Human: ${inside} invalid UpdateUserRequest_Human.Profile: ${inside} ` +
        "invalid UpdateUserRequest_Human_Profile.Gender: value must be one of the defined enum values",
    ],
    [
      "an empty query",
      ListUsersRequestSchema,
      { queries: [{}] },
      `invalid ListUsersRequest.Queries[0]: ${inside} invalid SearchQuery.Query: value is required`,
    ],
    [
      "an empty filter of metadata",
      ListUserMetadataRequestSchema,
      { userId: "1", filters: [{}] },
      `invalid ListUserMetadataRequest.Filters[0]: ${inside} invalid MetadataSearchFilter.Filter: value is required`,
    ],
    [
      "a user of no type",
      CreateUserRequestSchema,
      { organizationId: "1" },
      "invalid CreateUserRequest.UserType: value is required",
    ],
    [
      "a long phone: a least length of 0 is named",
      UpdateHumanUserRequestSchema,
      { userId: "1", phone: { phone: "1".repeat(201) } },
      `invalid UpdateHumanUserRequest.Phone: ${inside} invalid SetHumanPhone.Phone: ` +
        "value length must be between 0 and 200 runes, inclusive",
    ],
    [
      "a phone that is said not to be verified",
      SetPhoneRequestSchema,
      { userId: "1", phone: "+41791234567", isVerified: false },
      "invalid SetPhoneRequest.IsVerified: value must equal true",
    ],
    [
      "an address that is none",
      SetEmailRequestSchema,
      { userId: "1", email: "gigi" },
      "invalid SetEmailRequest.Email: value must be a valid email address | caused by: " +
        "mail: missing '@' or angle-addr",
    ],
    [
      "a value that is too large",
      SetUserMetadataRequestSchema,
      { userId: "1", metadata: [{ key: "a" }, { key: "b", value: base64(500_001) }] },
      `invalid SetUserMetadataRequest.Metadata[1]: ${inside} invalid Metadata.Value: ` +
        "value length must be at most 500000 bytes",
    ],
    [
      "an entry without value",
      AddHumanUserRequestSchema,
      { profile, email, metadata: [{ key: "a" }] },
      `invalid AddHumanUserRequest.Metadata[0]: ${inside} invalid SetMetadataEntry.Value: ` +
        "value length must be between 1 and 500000 bytes, inclusive",
    ],
    [
      "an empty key in a list of keys",
      DeleteUserMetadataRequestSchema,
      { userId: "1", keys: ["a", ""] },
      `invalid DeleteUserMetadataRequest.Keys[1]: ${between}`,
    ],
    [
      "NUL in a list of keys",
      DeleteUserMetadataRequestSchema,
      { userId: "1", keys: ["\u0000"] },
      "invalid DeleteUserMetadataRequest.Keys[0]: value must not contain U+0000",
    ],
  ])("refuse %s", ([, schema, request, want]) => {
    expect(refusalOf(schema, request)?.message).toBe(want);
  });

  test("look at plain fields first, as they are declared, then at oneofs, then at optional fields", () => {
    const long = "x".repeat(201);
    const paths = (schema: DescMessage, request: JsonObject) =>
      refusalOf(schema, request)?.violations.map(({ field }) => field);
    expect(
      paths(AddHumanUserRequestSchema, {
        userId: long,
        username: long,
        totpSecret: long,
        password: { password: long },
        email: {},
      }),
    ).toEqual([
      "profile",
      "email.email",
      "email.email",
      "password.password",
      "user_id",
      "username",
      "totp_secret",
    ]);
    expect(
      paths(UpdateUserRequestSchema, {
        userId: "",
        username: "",
        human: { profile: { givenName: "" } },
        metadata: [{ key: "" }],
      }),
    ).toEqual(["user_id", "metadata[0].key", "human.profile.given_name", "username"]);
  });

  test("name the rule, and say in the language of people what is wrong", () => {
    const refused = refusalOf(AddHumanUserRequestSchema, {
      profile,
      email,
      phone: { phone: "1", isVerified: false },
      metadata: [{ key: "a" }],
    });
    expect(refused?.violations).toMatchObject([
      {
        rule: "BOOL_TRUE",
        text: { key: "Errors.Field.True", values: {} },
      },
      {
        rule: "BYTES_LENGTH",
        text: { key: "Errors.Field.Bytes.Between", values: { min: "1", max: "500000" } },
      },
    ]);
    const long = create(UpdateUserRequestSchema, {
      userId: "1",
      metadata: [{ key: "a", value: new Uint8Array(500_001) }],
    });
    expect(() => assertFieldRules(UpdateUserRequestSchema, long)).toThrow(
      expect.objectContaining({
        violations: [
          expect.objectContaining({
            text: { key: "Errors.Field.Bytes.Max", values: { max: "500000" } },
          }),
        ],
      }),
    );
  });
});
