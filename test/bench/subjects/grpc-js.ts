import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { Server, ServerCredentials, type ServiceDefinition } from "@grpc/grpc-js";
import {
  type UpdateHumanProfileRequest,
  UpdateHumanProfileRequestSchema,
  type UpdateHumanProfileResponse,
  UpdateHumanProfileResponseSchema,
} from "../../../gen/zitadel/management_pb.ts";
import { answerTo, rpcPath } from "../protocols.ts";

const service: ServiceDefinition = {
  updateHumanProfile: {
    path: rpcPath,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message: UpdateHumanProfileRequest) =>
      Buffer.from(toBinary(UpdateHumanProfileRequestSchema, message)),
    requestDeserialize: (bytes: Buffer) => fromBinary(UpdateHumanProfileRequestSchema, bytes),
    responseSerialize: (message: UpdateHumanProfileResponse) => {
      const bytes = toBinary(UpdateHumanProfileResponseSchema, message);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    responseDeserialize: (bytes: Buffer) => fromBinary(UpdateHumanProfileResponseSchema, bytes),
  },
};

/** The reference implementation of gRPC for Node, with the same protobuf library. */
export function listenGrpcJs(): Promise<number> {
  const server = new Server();
  server.addService(service, {
    updateHumanProfile: (
      call: { readonly request: UpdateHumanProfileRequest },
      callback: (error: null, response: UpdateHumanProfileResponse) => void,
    ) => callback(null, answerTo(call.request)),
  });
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}
