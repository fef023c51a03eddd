import {
  createRegistry,
  type DescFile,
  type DescMessage,
  type DescService,
  toBinary,
} from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import * as v1 from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import * as v1alpha from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";

type Request = v1.ServerReflectionRequest | v1alpha.ServerReflectionRequest;

/** `message_response`, alike in both versions. */
type Answer =
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | {
      case: "allExtensionNumbersResponse";
      value: { baseTypeName: string; extensionNumber: number[] };
    }
  | { case: "errorResponse"; value: { errorCode: Code; errorMessage: string } };

/**
 * Let clients ask for the descriptors of `services`: gRPC server reflection under both of its names,
 * `grpc.reflection.v1` and `v1alpha`, which differ in nothing else.
 *
 * Callers can read the whole contract: every file that a service needs, with everything that it
 * declares, also methods that are not served. It holds no data of users.
 *
 * Descriptors are indexed at the first request, not at start-up.
 *
 * Source: grpc/grpc doc/server-reflection.md.
 *
 * @param services What is listed, beside the two reflection services themselves.
 * @param unnamed Messages that no service refers to, such as the details of errors: clients ask for
 *   them, too.
 */
export function registerReflection(
  router: ConnectRouter,
  services: readonly DescService[],
  unnamed: readonly DescMessage[] = [],
): void {
  let index: Index | undefined;
  async function* serverReflectionInfo<R extends Request>(requests: AsyncIterable<R>) {
    index ??= createIndex([...services, v1.ServerReflection, v1alpha.ServerReflection], unnamed);
    const sent = new Set<DescFile>();
    for await (const request of requests) {
      const messageResponse = answer(index, request.messageRequest, sent);
      yield { validHost: request.host, originalRequest: request, messageResponse };
    }
  }
  router.service(v1.ServerReflection, { serverReflectionInfo });
  router.service(v1alpha.ServerReflection, { serverReflectionInfo });
}

/** @param sent The files that this stream has already carried; those of the answer are added. */
function answer(index: Index, asked: Request["messageRequest"], sent: Set<DescFile>): Answer {
  switch (asked.case) {
    case "listServices":
      return {
        case: "listServicesResponse",
        value: { service: index.services.map((name) => ({ name })) },
      };
    case "fileByFilename":
      return fileAnswer(index, index.files.get(asked.value), sent, `file ${asked.value}`);
    case "fileContainingSymbol":
      return fileAnswer(index, index.symbols.get(asked.value), sent, `symbol ${asked.value}`);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = asked.value;
      const extendee = index.registry.getMessage(containingType);
      const extension = extendee && index.registry.getExtensionFor(extendee, extensionNumber);
      const what = `extension ${extensionNumber} of ${containingType}`;
      return fileAnswer(index, extension?.file, sent, what);
    }
    case "allExtensionNumbersOfType":
      return extensionNumbersAnswer(index, asked.value);
    case undefined:
      return errorAnswer(Code.InvalidArgument, "message_request is not set");
  }
}

/**
 * The file itself comes first, even if it was sent before. Then come the files that it imports, without
 * those that the stream has already carried. Every file comes before those that it imports, so a client
 * can build them from the last to the first.
 */
function fileAnswer(
  index: Index,
  file: DescFile | undefined,
  sent: Set<DescFile>,
  what: string,
): Answer {
  if (file === undefined) return errorAnswer(Code.NotFound, `${what} not found`);
  sent.delete(file);
  const fileDescriptorProto = [...withDependencies(file, sent)].map(index.serialize).reverse();
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function extensionNumbersAnswer(index: Index, typeName: string): Answer {
  if (index.registry.getMessage(typeName) === undefined) {
    return errorAnswer(Code.NotFound, `message ${typeName} not found`);
  }
  const extensionNumber = [...index.registry]
    .filter((type) => type.kind === "extension")
    .filter((extension) => extension.extendee.typeName === typeName)
    .map((extension) => extension.number)
    .sort((a, b) => a - b);
  return {
    case: "allExtensionNumbersResponse",
    value: { baseTypeName: typeName, extensionNumber },
  };
}

/** Sent as a message of the stream, which goes on. */
function errorAnswer(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}

type Index = ReturnType<typeof createIndex>;

function createIndex(services: readonly DescService[], unnamed: readonly DescMessage[]) {
  const seen = new Set<DescFile>();
  const files = [...services, ...unnamed].flatMap(({ file }) => [...withDependencies(file, seen)]);
  const bytes = new Map<DescFile, Uint8Array>();
  return {
    services: services.map((service) => service.typeName).sort(),
    registry: createRegistry(...files),
    files: new Map(files.map((file) => [file.proto.name, file])),
    symbols: new Map(files.flatMap((file) => [...symbols(file)].map((name) => [name, file]))),
    serialize(file: DescFile): Uint8Array {
      const serialized = bytes.get(file) ?? toBinary(FileDescriptorProtoSchema, file.proto);
      bytes.set(file, serialized);
      return serialized;
    },
  };
}

/**
 * All files that a file imports, directly or not, each after its own imports, and last the file itself.
 * Skips those in `seen`, and adds the others to it.
 */
function* withDependencies(file: DescFile, seen: Set<DescFile>): Generator<DescFile> {
  if (seen.has(file)) return;
  seen.add(file);
  for (const dependency of file.dependencies) yield* withDependencies(dependency, seen);
  yield file;
}

/** Full names of everything that a file declares. The scope of an enum's value is that of its enum. */
function* symbols(file: DescFile): Generator<string> {
  for (const type of nestedTypes(file)) {
    yield type.typeName;
    switch (type.kind) {
      case "message": {
        const { field, oneofDecl, nestedType } = type.proto;
        for (const { name } of [...field, ...oneofDecl, ...nestedType]) {
          yield `${type.typeName}.${name}`;
        }
        break;
      }
      case "enum": {
        const scope = type.typeName.slice(0, -type.name.length);
        for (const { name } of type.values) yield `${scope}${name}`;
        break;
      }
      case "service":
        for (const { name } of type.methods) yield `${type.typeName}.${name}`;
        break;
    }
  }
}
