import { fromBinary, fromJson, type MessageShape, toBinary, toJson } from "@bufbuild/protobuf";
import { credentials, Client as GrpcClient, Metadata, type ServiceError } from "@grpc/grpc-js";
import { type Access, type Client, describeClient, type Reply } from "./client.contract.ts";
import { type AnyMethodName, detailsFrom, methods, pathOf, refusalFrom } from "./proto.ts";
import { describeUserClient } from "./user-client.contract.ts";

describeClient("@grpc/grpc-js", createGrpcJsClient);
describeUserClient("@grpc/grpc-js", createGrpcJsClient);

function createGrpcJsClient({ url, token }: Access): Client<AnyMethodName> {
  const client = new GrpcClient(new URL(url).host, credentials.createInsecure());
  return {
    call(name, request, headers = {}) {
      const method = methods[name];
      const { input, output } = method;
      const metadata = new Metadata();
      metadata.set("authorization", `Bearer ${token}`);
      for (const [header, value] of Object.entries(headers)) metadata.set(header, value);
      return new Promise<Reply>((resolve) => {
        client.makeUnaryRequest(
          pathOf(method),
          (message: MessageShape<typeof input>) => Buffer.from(toBinary(input, message)),
          (bytes) => fromBinary(output, bytes),
          fromJson(input, request),
          metadata,
          (error, message) =>
            resolve(
              message === undefined
                ? refusalFromError(error)
                : { kind: "answered", body: toJson(output, message) },
            ),
        );
      });
    },
    close: () => client.close(),
  };
}

/** Code and message are properties of an error of grpc-js; the details are in its metadata. */
function refusalFromError(error: ServiceError | null): Reply {
  const [bytes] = error?.metadata.get("grpc-status-details-bin") ?? [];
  if (error === null || !(bytes instanceof Buffer)) throw error ?? new Error("no outcome");
  const { code, details: message } = error;
  return refusalFrom({ code, message, details: detailsFrom(bytes) });
}
