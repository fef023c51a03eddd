import { fromBinary, fromJsonString, toBinary, toJsonString } from "@bufbuild/protobuf";
import {
  type UpdateHumanProfileRequest,
  UpdateHumanProfileRequestSchema,
  type UpdateHumanProfileResponse,
  UpdateHumanProfileResponseSchema,
} from "../../../gen/zitadel/management_pb.ts";
import { answerTo, frame, type ProtocolName, restPrefix, unframe } from "../protocols.ts";

/** From the body of the request to the body of the answer, with nothing between but the messages. */
export type Echo = (body: Buffer, path: string) => Uint8Array;

export const echoes: Readonly<Record<ProtocolName, Echo>> = {
  grpc: (body) => frame(0, protoFrom(answerTo(fromProto(unframe(body))))),
  "grpc-web": (body) =>
    Buffer.concat([frame(0, protoFrom(answerTo(fromProto(unframe(body))))), webTrailers]),
  "connect-json": (body) => jsonFrom(answerTo(fromJson(body))),
  "connect-proto": (body) => protoFrom(answerTo(fromProto(body))),
  rest(body, path) {
    const request = fromJson(body);
    request.userId = decodeURIComponent(path.slice(usersPath.length, path.lastIndexOf("/")));
    return jsonFrom(answerTo(request));
  },
};

const usersPath = `${restPrefix}/users/`;
const webTrailers = frame(0x80, Buffer.from("grpc-status: 0\r\n"));

function fromProto(bytes: Uint8Array): UpdateHumanProfileRequest {
  return fromBinary(UpdateHumanProfileRequestSchema, bytes);
}

function protoFrom(response: UpdateHumanProfileResponse): Uint8Array {
  return toBinary(UpdateHumanProfileResponseSchema, response);
}

function fromJson(body: Buffer): UpdateHumanProfileRequest {
  return fromJsonString(UpdateHumanProfileRequestSchema, body.toString(), {
    ignoreUnknownFields: true,
  });
}

function jsonFrom(response: UpdateHumanProfileResponse): Uint8Array {
  return Buffer.from(toJsonString(UpdateHumanProfileResponseSchema, response));
}
