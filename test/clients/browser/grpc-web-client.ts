import { fromBinary, fromJson, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { GrpcWebClientBase, MethodDescriptor, MethodType, RpcError } from "grpc-web";
import type { Access, Client, Reply } from "../client.contract.ts";
import { type AnyMethodName, detailsFrom, methods, pathOf, refusalFrom } from "../proto.ts";

/** The official client of gRPC-Web. Needs a browser. */
export function createGrpcWebClient(
  { url, token }: Access,
  format: "binary" | "text",
): Client<AnyMethodName> {
  const client = new GrpcWebClientBase({ format });
  return {
    async call(name, request, headers = {}) {
      const method = methods[name];
      const descriptor = new MethodDescriptor<Message, Message>(
        pathOf(method),
        MethodType.UNARY,
        Object as never,
        Object as never,
        (message: Message) => toBinary(method.input, message),
        (bytes: Uint8Array) => fromBinary(method.output, bytes),
      );
      const metadata = { authorization: `Bearer ${token}`, ...headers };
      const message = fromJson(method.input, request);
      return client
        .unaryCall(url + pathOf(method), message, metadata, descriptor)
        .then(
          (response): Reply => ({ kind: "answered", body: toJson(method.output, response) }),
          refusalFromError,
        );
    },
  };
}

function refusalFromError(error: unknown): Reply {
  if (!(error instanceof RpcError)) throw error;
  const encoded = error.metadata["grpc-status-details-bin"];
  if (encoded === undefined) throw error;
  const details = detailsFrom(base64Decode(encoded));
  return refusalFrom({ code: error.code, message: error.message, details });
}
