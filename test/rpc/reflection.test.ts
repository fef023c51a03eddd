import { readFileSync } from "node:fs";
import { create, createFileRegistry, fromBinary, getOption, toBinary } from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { Code, createClient, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { http } from "../../gen/google/api/annotations_pb.ts";
import * as v1 from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import * as v1alpha from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { Health } from "../../gen/health/v1/health_pb.ts";
import { ManagementService } from "../../gen/zitadel/management_pb.ts";
import { errorMessages } from "../../src/rpc/errors.ts";
import { registerReflection } from "../../src/rpc/reflection.ts";

type Asked =
  | { case: "fileByFilename" | "fileContainingSymbol"; value: string }
  | { case: "allExtensionNumbersOfType" | "listServices"; value: string }
  | { case: "fileContainingExtension"; value: { containingType: string; extensionNumber: number } }
  | { case: undefined };
type Request = { host: string; messageRequest: Asked };
type Answer = v1.ServerReflectionResponse | v1alpha.ServerReflectionResponse;
type Version = "v1" | "v1alpha";

const transport = createRouterTransport((router) =>
  registerReflection(router, [ManagementService, Health], errorMessages),
);
const calls: Record<Version, (requests: AsyncIterable<Request>) => AsyncIterable<Answer>> = {
  v1: createClient(v1.ServerReflection, transport).serverReflectionInfo,
  v1alpha: createClient(v1alpha.ServerReflection, transport).serverReflectionInfo,
};

/** Sends all questions on one stream. */
async function ask(version: Version, ...asked: Asked[]): Promise<Answer[]> {
  async function* requests() {
    for (const messageRequest of asked) yield { host: "giraffe.example", messageRequest };
  }
  const answers: Answer[] = [];
  for await (const answer of calls[version](requests())) answers.push(answer);
  return answers;
}

function bytesOf(answer: Answer | undefined): Uint8Array[] {
  expect(answer?.messageResponse.case).toBe("fileDescriptorResponse");
  const response = answer?.messageResponse.value as v1.FileDescriptorResponse;
  return response.fileDescriptorProto;
}

const filesOf = (answer: Answer | undefined): FileDescriptorProto[] =>
  bytesOf(answer).map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
const namesOf = (answer: Answer | undefined) => filesOf(answer).map((file) => file.name);

const management = "zitadel.management.v1.ManagementService";
const byName = (value: string): Asked => ({ case: "fileByFilename", value });
const bySymbol = (value: string): Asked => ({ case: "fileContainingSymbol", value });
const numbersOf = (value: string): Asked => ({ case: "allExtensionNumbersOfType", value });
const byExtension = (containingType: string, extensionNumber: number): Asked => ({
  case: "fileContainingExtension",
  value: { containingType, extensionNumber },
});
const httpNumber = 72295728;

describe.for<Version>(["v1", "v1alpha"])("reflection %s", (version) => {
  test("lists the services and itself under both names", async () => {
    const [answer] = await ask(version, { case: "listServices", value: "" });
    expect(answer?.messageResponse).toMatchObject({
      case: "listServicesResponse",
      value: {
        service: [
          { name: "grpc.health.v1.Health" },
          { name: "grpc.reflection.v1.ServerReflection" },
          { name: "grpc.reflection.v1alpha.ServerReflection" },
          { name: management },
        ],
      },
    });
  });

  test("describes a service so fully that a client can call it, options included", async () => {
    const [answer] = await ask(version, bySymbol(management));
    const file = filesOf(answer).reverse();
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file }));
    const service = registry.getService(management);
    const method = service?.methods.find(({ name }) => name === "UpdateHumanProfile");
    expect(service?.methods).toHaveLength(ManagementService.methods.length);
    expect(method && getOption(method, http)).toMatchObject({
      pattern: { case: "put", value: "/users/{user_id}/profile" },
      body: "*",
    });
  });

  test("sends the bytes of the generated descriptors", async () => {
    const [answer] = await ask(version, byName("zitadel/management.proto"));
    expect(bytesOf(answer)[0]).toEqual(
      toBinary(FileDescriptorProtoSchema, ManagementService.file.proto),
    );
  });

  test.for<{ name: string; asked: Asked; file: string }>([
    {
      name: "a file",
      asked: byName("google/api/http.proto"),
      file: "google/api/http.proto",
    },
    {
      name: "a service",
      asked: bySymbol("grpc.health.v1.Health"),
      file: "health/v1/health.proto",
    },
    {
      name: "its own service",
      asked: bySymbol("grpc.reflection.v1alpha.ServerReflection"),
      file: "grpc/reflection/v1alpha/reflection.proto",
    },
    {
      name: "a method",
      asked: bySymbol(`${management}.UpdateHumanProfile`),
      file: "zitadel/management.proto",
    },
    {
      name: "a message",
      asked: bySymbol("grpc.health.v1.HealthCheckRequest"),
      file: "health/v1/health.proto",
    },
    {
      name: "a nested message",
      asked: bySymbol("google.protobuf.DescriptorProto.ExtensionRange"),
      file: "google/protobuf/descriptor.proto",
    },
    {
      name: "the entry of a map",
      asked: bySymbol("grpc.health.v1.HealthListResponse.StatusesEntry"),
      file: "health/v1/health.proto",
    },
    {
      name: "a field",
      asked: bySymbol("grpc.health.v1.HealthCheckRequest.service"),
      file: "health/v1/health.proto",
    },
    {
      name: "a oneof",
      asked: bySymbol("google.api.HttpRule.pattern"),
      file: "google/api/http.proto",
    },
    {
      name: "an enum",
      asked: bySymbol("google.api.FieldBehavior"),
      file: "google/api/field_behavior.proto",
    },
    {
      name: "a value, which stands beside its enum",
      asked: bySymbol("google.api.OUTPUT_ONLY"),
      file: "google/api/field_behavior.proto",
    },
    {
      name: "a value of a nested enum",
      asked: bySymbol("grpc.health.v1.HealthCheckResponse.SERVING"),
      file: "health/v1/health.proto",
    },
    {
      name: "an extension by name",
      asked: bySymbol("google.api.http"),
      file: "google/api/annotations.proto",
    },
    {
      name: "an extension by number",
      asked: byExtension("google.protobuf.MethodOptions", httpNumber),
      file: "google/api/annotations.proto",
    },
  ])("finds $name", async ({ asked, file }) => {
    const [answer] = await ask(version, asked);
    expect(namesOf(answer)[0]).toBe(file);
  });

  test.for<{ name: string; asked: Asked; message: string }>([
    { name: "a file", asked: byName("no.proto"), message: "file no.proto not found" },
    {
      name: "a file that no service needs",
      asked: byName("google/rpc/code.proto"),
      message: "file google/rpc/code.proto not found",
    },
    { name: "a symbol", asked: bySymbol("a.B"), message: "symbol a.B not found" },
    {
      name: "a symbol with a leading dot",
      asked: bySymbol(`.${management}`),
      message: `symbol .${management} not found`,
    },
    {
      name: "a value below its enum",
      asked: bySymbol("google.api.FieldBehavior.OUTPUT_ONLY"),
      message: "symbol google.api.FieldBehavior.OUTPUT_ONLY not found",
    },
    {
      name: "a name that every object has",
      asked: bySymbol("constructor"),
      message: "symbol constructor not found",
    },
    {
      name: "an extension of a known message",
      asked: byExtension("google.protobuf.MethodOptions", 1),
      message: "extension 1 of google.protobuf.MethodOptions not found",
    },
    {
      name: "an extension of an unknown message",
      asked: byExtension("a.B", httpNumber),
      message: `extension ${httpNumber} of a.B not found`,
    },
    {
      name: "extensions of an unknown message",
      asked: numbersOf("a.B"),
      message: "message a.B not found",
    },
    {
      name: "extensions of a service",
      asked: numbersOf(management),
      message: `message ${management} not found`,
    },
  ])("answers not found for $name", async ({ asked, message }) => {
    const [answer] = await ask(version, asked);
    expect(answer?.messageResponse).toMatchObject({
      case: "errorResponse",
      value: { errorCode: Code.NotFound, errorMessage: message },
    });
  });

  test.for([
    { name: "in ascending order", type: "google.protobuf.FieldOptions", numbers: [1052, 1071] },
    { name: "as none", type: "grpc.health.v1.HealthCheckRequest", numbers: [] },
  ])("has the extension numbers of a message $name", async ({ type, numbers }) => {
    const [answer] = await ask(version, numbersOf(type));
    expect(answer?.messageResponse).toMatchObject({
      case: "allExtensionNumbersResponse",
      value: { baseTypeName: type, extensionNumber: numbers },
    });
  });

  test("goes on after an error, and echoes host and request with every answer", async () => {
    const asked = [
      bySymbol("a.B"),
      { case: undefined },
      { case: "listServices", value: "" },
      bySymbol("grpc.health.v1.Health"),
      numbersOf("grpc.health.v1.HealthCheckRequest"),
    ] satisfies Asked[];
    const answers = await ask(version, ...asked);
    expect(answers).toMatchObject(
      asked.map((messageRequest) => ({
        validHost: "giraffe.example",
        originalRequest: { host: "giraffe.example", messageRequest },
      })),
    );
    expect(answers.map((answer) => answer.messageResponse.case)).toEqual([
      "errorResponse",
      "errorResponse",
      "listServicesResponse",
      "fileDescriptorResponse",
      "allExtensionNumbersResponse",
    ]);
  });

  test("answers invalid argument to a request that asks nothing", async () => {
    const [answer] = await ask(version, { case: undefined });
    expect(answer?.messageResponse).toMatchObject({
      case: "errorResponse",
      value: { errorCode: Code.InvalidArgument },
    });
  });

  test("sends each import once per stream, and the file that is asked for always", async () => {
    const asked = byName("google/api/annotations.proto");
    const [first, again, imported] = await ask(
      version,
      asked,
      asked,
      byName("google/api/http.proto"),
    );
    expect(namesOf(first)).toEqual([
      "google/api/annotations.proto",
      "google/protobuf/descriptor.proto",
      "google/api/http.proto",
    ]);
    expect(namesOf(again)).toEqual(["google/api/annotations.proto"]);
    expect(namesOf(imported)).toEqual(["google/api/http.proto"]);
    const [onAnotherStream] = await ask(version, asked);
    expect(namesOf(onAnotherStream)).toEqual(namesOf(first));
  });
});

describe("D8: what errors carry", () => {
  test.for([
    "google.rpc.Status",
    "google.rpc.ErrorInfo",
    "google.rpc.BadRequest",
    "google.rpc.BadRequest.FieldViolation",
    "google.rpc.LocalizedMessage",
    "google.rpc.RetryInfo",
    "google.protobuf.Duration",
    "google.protobuf.Any",
    "zitadel.v1.ErrorDetail",
  ])("%s is known in both versions, with all it needs", async (name) => {
    for (const version of ["v1", "v1alpha"] as const) {
      const [answer] = await ask(version, bySymbol(name));
      const registry = createFileRegistry(
        create(FileDescriptorSetSchema, { file: filesOf(answer).reverse() }),
      );
      expect(registry.getMessage(name)?.typeName).toBe(name);
    }
  });

  test("are all messages that the service and the wire give to an error", () => {
    const sources = ["../../src/rpc/errors.ts", "../../src/wire/refusal.ts"].map((path) =>
      readFileSync(new URL(path, import.meta.url), "utf8"),
    );
    const given = sources.flatMap((source) =>
      [...source.matchAll(/desc: (\w+)Schema/g)].map(([, name]) => name),
    );
    expect(given.length).toBeGreaterThan(4);
    expect(errorMessages.map(({ name }) => name)).toEqual(expect.arrayContaining(given));
  });
});
