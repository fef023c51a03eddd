import { isDeepStrictEqual } from "node:util";
import {
  clearExtension,
  clone,
  create,
  createFileRegistry,
  createRegistry,
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type MessageShape,
  type Registry,
  setExtension,
  toJson,
} from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import {
  type DescriptorProto,
  EnumOptionsSchema,
  EnumValueOptionsSchema,
  type FieldDescriptorProto,
  type FieldOptions,
  FieldOptionsSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  MessageOptionsSchema,
  type MethodDescriptorProto,
  type MethodOptions,
  MethodOptionsSchema,
  OneofOptionsSchema,
  ServiceOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import * as officialHttp from "@zitadel/proto/google/api/annotations_pb.js";
import * as officialBehavior from "@zitadel/proto/google/api/field_behavior_pb.js";
import * as officialValidate from "@zitadel/proto/validate/validate_pb.js";
import * as officialChange from "@zitadel/proto/zitadel/change_pb.js";
import * as officialManagement from "@zitadel/proto/zitadel/management_pb.js";
import * as officialMessage from "@zitadel/proto/zitadel/message_pb.js";
import * as officialObject from "@zitadel/proto/zitadel/object_pb.js";
import * as officialOptions from "@zitadel/proto/zitadel/options_pb.js";
import * as officialOrg from "@zitadel/proto/zitadel/org_pb.js";
import * as officialUser from "@zitadel/proto/zitadel/user_pb.js";
import { describe, expect, test } from "vitest";
import { http } from "../gen/google/api/annotations_pb.ts";
import { field_behavior } from "../gen/google/api/field_behavior_pb.ts";
import { HttpRuleSchema } from "../gen/google/api/http_pb.ts";
import { required, rules } from "../gen/validate/validate_pb.ts";
import { file_zitadel_change } from "../gen/zitadel/change_pb.ts";
import {
  file_zitadel_management,
  ImportHumanUserRequestSchema,
  ManagementService,
} from "../gen/zitadel/management_pb.ts";
import { file_zitadel_message } from "../gen/zitadel/message_pb.ts";
import { file_zitadel_object } from "../gen/zitadel/object_pb.ts";
import { auth_option, file_zitadel_options } from "../gen/zitadel/options_pb.ts";
import { file_zitadel_org } from "../gen/zitadel/org_pb.ts";
import { file_zitadel_user } from "../gen/zitadel/user_pb.ts";

const ourFiles: readonly DescFile[] = [
  file_zitadel_change,
  file_zitadel_management,
  file_zitadel_message,
  file_zitadel_object,
  file_zitadel_options,
  file_zitadel_org,
  file_zitadel_user,
];

const officialFiles: readonly DescFile[] = [
  officialChange.file_zitadel_change,
  officialManagement.file_zitadel_management,
  officialMessage.file_zitadel_message,
  officialObject.file_zitadel_object,
  officialOptions.file_zitadel_options,
  officialOrg.file_zitadel_org,
  officialUser.file_zitadel_user,
];

// The options of both sides are read with the extensions of that side. Those of no concern to a
// client of ours (OpenAPI) are in neither registry and therefore do not show.
const ourExtensions = createRegistry(http, auth_option, rules, required, field_behavior);
const officialExtensions = createRegistry(
  officialHttp.http,
  officialOptions.auth_option,
  officialValidate.rules,
  officialValidate.required,
  officialBehavior.field_behavior,
);

/** What a client can rely on, by element: plain values that can be compared. */
type Facts = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

function factsOf(files: readonly DescFile[], registry: Registry): Facts {
  return new Map(files.flatMap((file) => [...factsOfFile(file, registry)]));
}

function* factsOfFile(
  file: DescFile,
  registry: Registry,
): Generator<[string, Record<string, unknown>]> {
  const options = <Desc extends DescMessage>(schema: Desc, set: MessageShape<Desc> | undefined) =>
    set === undefined ? {} : toJson(schema, set, { registry });

  yield [
    `file ${file.name}`,
    {
      package: file.proto.package,
      edition: file.edition,
      // The packages of other languages are added by whoever publishes the descriptors.
      goPackage: file.proto.options?.goPackage,
    },
  ];
  for (const type of nestedTypes(file)) {
    const within = { file: type.file.name };
    switch (type.kind) {
      case "message":
        yield [
          `${type}`,
          { ...within, options: options(MessageOptionsSchema, type.proto.options) },
        ];
        for (const field of type.fields)
          yield [
            `${field}`,
            { ...factsOfField(field), options: options(FieldOptionsSchema, field.proto.options) },
          ];
        for (const oneof of type.oneofs)
          yield [`${oneof}`, { options: options(OneofOptionsSchema, oneof.proto.options) }];
        for (const number of reservedNumbers(type)) yield [`${type} reserves ${number}`, {}];
        break;
      case "enum":
        yield [
          `${type}`,
          { ...within, open: type.open, options: options(EnumOptionsSchema, type.proto.options) },
        ];
        for (const value of type.values)
          yield [
            `${value} of ${type.typeName}`,
            {
              number: value.number,
              options: options(EnumValueOptionsSchema, value.proto.options),
            },
          ];
        break;
      case "service":
        yield [
          `${type}`,
          { ...within, options: options(ServiceOptionsSchema, type.proto.options) },
        ];
        for (const method of type.methods)
          yield [
            `${method}`,
            {
              ...factsOfMethod(method),
              options: options(MethodOptionsSchema, method.proto.options),
            },
          ];
        break;
      case "extension":
        yield [`${type}`, { ...within, ...factsOfField(type), extendee: type.extendee.typeName }];
        break;
    }
  }
}

function factsOfField(
  field: Pick<DescField, "number" | "jsonName" | "presence" | "proto" | "name"> & {
    readonly oneof: { readonly name: string } | undefined;
    readonly message: DescMessage | undefined;
    readonly enum: DescEnum | undefined;
  },
) {
  return {
    name: field.name,
    number: field.number,
    jsonName: field.jsonName,
    type: field.proto.type,
    typeName: field.message?.typeName ?? field.enum?.typeName,
    label: field.proto.label,
    presence: field.presence,
    oneof: field.oneof?.name,
  };
}

function factsOfMethod(method: DescMethod) {
  return {
    input: method.input.typeName,
    output: method.output.typeName,
    methodKind: method.methodKind,
    idempotency: method.idempotency,
  };
}

function reservedNumbers(message: DescMessage): number[] {
  return message.proto.reservedRange.flatMap(({ start, end }) =>
    Array.from({ length: end - start }, (_, index) => start + index),
  );
}

/** One line for each of our elements that is not, or is not the same, on the official side. */
function differences(ours: Facts, official: Facts): string[] {
  return [...ours]
    .filter(([name, facts]) => !isDeepStrictEqual(facts, official.get(name)))
    .map(([name, facts]) => {
      const published = official.get(name);
      if (published === undefined) return `${name} is not published`;
      const keys = Object.keys(facts).filter(
        (key) => !isDeepStrictEqual(facts[key], published[key]),
      );
      return `${name} differs in ${keys.join(", ")}`;
    });
}

const official = factsOf(officialFiles, officialExtensions);

/**
 * What ZITADEL has added since the newest descriptors that are published for JavaScript, `@zitadel/proto`
 * 1.3.1, of March 2026. When a newer package has one of these, the test fails: take it off the list.
 */
const addedSince = [
  // In ZITADEL 4.9.
  "field zitadel.management.v1.ImportHumanUserRequest.recovery_codes",
];
const newer = addedSince.map((name) => `${name} is not published`);

describe("our contract", () => {
  test("D7: says nothing that the published one does not say, but what is newer", () => {
    expect(differences(factsOf(ourFiles, ourExtensions), official)).toEqual(newer);
  });

  test("D7: has recovery codes as ZITADEL 4.9 has them", () => {
    const { recoveryCodes } = ImportHumanUserRequestSchema.field;
    expect(factsOfField(recoveryCodes)).toMatchObject({
      name: "recovery_codes",
      number: 11,
      jsonName: "recoveryCodes",
      type: Type.STRING,
      label: Label.REPEATED,
    });
  });

  test("D7: has every field of a request that it has at all", () => {
    const ours = factsOf(ourFiles, ourExtensions);
    const requests = new Set(
      ManagementService.methods.map(({ input }) => `field ${input.typeName}.`),
    );
    const missing = [...official.keys()]
      .filter((name) => [...requests].some((request) => name.startsWith(request)))
      .filter((name) => !ours.has(name));
    expect(missing).toEqual([]);
  });
});

/** What is different about our management.proto once it is changed. */
function differencesAfter(change: (file: FileDescriptorProto) => void): string[] {
  const proto = clone(FileDescriptorProtoSchema, file_zitadel_management.proto);
  change(proto);
  const file = createFileRegistry(proto, (name) =>
    file_zitadel_management.dependencies.find((each) => each.proto.name === name),
  ).getFile(proto.name) as DescFile;
  return differences(factsOf([file], ourExtensions), official);
}

describe("differences", () => {
  const method = (file: FileDescriptorProto, name: string) =>
    file.service[0]?.method.find((each) => each.name === name) as MethodDescriptorProto;
  const message = (file: FileDescriptorProto, name: string) =>
    file.messageType.find((each) => each.name === name) as DescriptorProto;
  const firstName = (file: FileDescriptorProto) =>
    message(file, "UpdateHumanProfileRequest").field[1] as FieldDescriptorProto;

  const healthz = "rpc zitadel.management.v1.ManagementService.Healthz";
  const update = "rpc zitadel.management.v1.ManagementService.UpdateHumanProfile";
  const field = "field zitadel.management.v1.UpdateHumanProfileRequest.first_name";

  test.for<{ name: string; change: (file: FileDescriptorProto) => void; want: string }>([
    {
      name: "another number",
      change: (file) => Object.assign(firstName(file), { number: 99 }),
      want: `${field} differs in number`,
    },
    {
      name: "another name",
      change: (file) => Object.assign(firstName(file), { name: "given_name" }),
      want: "field zitadel.management.v1.UpdateHumanProfileRequest.given_name is not published",
    },
    {
      name: "another JSON name",
      change: (file) => Object.assign(firstName(file), { jsonName: "givenName" }),
      want: `${field} differs in jsonName`,
    },
    {
      name: "another type",
      change: (file) => Object.assign(firstName(file), { type: Type.BYTES }),
      want: `${field} differs in type`,
    },
    {
      name: "another cardinality",
      change: (file) => Object.assign(firstName(file), { label: Label.REPEATED }),
      want: `${field} differs in label`,
    },
    {
      name: "no field behaviour",
      change: (file) => clearExtension(firstName(file).options as FieldOptions, field_behavior),
      want: `${field} differs in options`,
    },
    {
      name: "no field rules",
      change: (file) => clearExtension(firstName(file).options as FieldOptions, rules),
      want: `${field} differs in options`,
    },
    {
      name: "a field marked as deprecated",
      change: (file) => Object.assign(firstName(file).options as object, { deprecated: true }),
      want: `${field} differs in options`,
    },
    {
      name: "no permission",
      change: (file) =>
        clearExtension(method(file, "UpdateHumanProfile").options as MethodOptions, auth_option),
      want: `${update} differs in options`,
    },
    {
      name: "another path",
      change: (file) =>
        setExtension(
          method(file, "Healthz").options as MethodOptions,
          http,
          create(HttpRuleSchema, { pattern: { case: "get", value: "/health" } }),
        ),
      want: `${healthz} differs in options`,
    },
    {
      name: "another output",
      change: (file) =>
        Object.assign(method(file, "Healthz"), {
          outputType: ".zitadel.management.v1.HealthzRequest",
        }),
      want: `${healthz} differs in output`,
    },
    {
      name: "a stream",
      change: (file) => Object.assign(method(file, "Healthz"), { serverStreaming: true }),
      want: `${healthz} differs in methodKind`,
    },
    {
      name: "a method of our own",
      change: (file) => Object.assign(method(file, "Healthz"), { name: "Health" }),
      want: "rpc zitadel.management.v1.ManagementService.Health is not published",
    },
    {
      name: "a reserved number put to use",
      change: (file) => {
        const response = message(file, "ListUserChangesResponse");
        Object.assign(response, { reservedRange: [] });
        Object.assign(response.field[0] as FieldDescriptorProto, { number: 1 });
      },
      want: "field zitadel.management.v1.ListUserChangesResponse.result differs in number",
    },
  ])("show $name", ({ change, want }) => {
    const found = differencesAfter(change).filter((line) => !newer.includes(line));
    expect(found).toEqual([want]);
  });
});
