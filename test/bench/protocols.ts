import { create, fromBinary, fromJsonString, toBinary, toJsonString } from "@bufbuild/protobuf";
import {
  ManagementService,
  type UpdateHumanProfileRequest,
  UpdateHumanProfileRequestSchema,
  type UpdateHumanProfileResponse,
  UpdateHumanProfileResponseSchema,
} from "../../gen/zitadel/management_pb.ts";
import { Gender } from "../../gen/zitadel/user_pb.ts";

export type ProtocolName = "grpc" | "grpc-web" | "connect-json" | "connect-proto" | "rest";
export type HttpVersion = "1.1" | "2";

/** Stands before the paths of REST. */
export const restPrefix = "/management/v1";

export const method = ManagementService.method.updateHumanProfile;
export const rpcPath = `/${method.parent.typeName}/${method.name}`;

/** The one call that every client makes, in one protocol. */
export type ProtocolCall = {
  readonly title: string;
  readonly verb: "POST" | "PUT";
  readonly path: string;
  /** Beside host, content length and what every client sends. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** @throws Error if it is not the body of a good answer. */
  readonly readAnswer: (body: Uint8Array) => UpdateHumanProfileResponse;
};

const profile = {
  firstName: "Gigi",
  lastName: "Giraffe",
  nickName: "Gi",
  displayName: "Gigi Giraffe",
  preferredLanguage: "en",
  gender: Gender.FEMALE,
};
const userId = "163840776835432705";
export const request = create(UpdateHumanProfileRequestSchema, { userId, ...profile });

const createdAt = { seconds: 1_750_000_000n, nanos: 123_000_000 };
const changedAt = { seconds: 1_760_000_000n, nanos: 456_000_000 };

/** What every subject answers. It depends on the request, so that every subject has to read the request. */
export function answerTo(asked: UpdateHumanProfileRequest): UpdateHumanProfileResponse {
  return create(UpdateHumanProfileResponseSchema, {
    details: {
      sequence: BigInt(asked.displayName.length),
      creationDate: createdAt,
      changeDate: changedAt,
      resourceOwner: asked.userId,
    },
  });
}

/** Put the five-byte head of gRPC and gRPC-Web before a message. */
export function frame(flags: number, payload: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(5 + payload.byteLength);
  framed.writeUInt8(flags, 0);
  framed.writeUInt32BE(payload.byteLength, 1);
  framed.set(payload, 5);
  return framed;
}

/** The first message of a body in frames. */
export function unframe(body: Uint8Array): Uint8Array {
  const view = new DataView(body.buffer, body.byteOffset);
  return body.subarray(5, 5 + view.getUint32(1));
}

const binary = toBinary(UpdateHumanProfileRequestSchema, request);
const fromProto = (body: Uint8Array) => fromBinary(UpdateHumanProfileResponseSchema, body);
const fromFrames = (body: Uint8Array) => fromProto(unframe(body));
const fromJson = (body: Uint8Array) =>
  fromJsonString(UpdateHumanProfileResponseSchema, Buffer.from(body).toString());
const jsonOf = (message: UpdateHumanProfileRequest) =>
  Buffer.from(toJsonString(UpdateHumanProfileRequestSchema, message));

export const protocolCalls: Readonly<Record<ProtocolName, ProtocolCall>> = {
  grpc: {
    title: "gRPC",
    verb: "POST",
    path: rpcPath,
    headers: {
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-accept-encoding": "identity,deflate,gzip",
    },
    body: frame(0, binary),
    readAnswer: fromFrames,
  },
  "grpc-web": {
    title: "gRPC-Web",
    verb: "POST",
    path: rpcPath,
    headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
    body: frame(0, binary),
    readAnswer: fromFrames,
  },
  "connect-json": {
    title: "Connect JSON",
    verb: "POST",
    path: rpcPath,
    headers: { "content-type": "application/json", "connect-protocol-version": "1" },
    body: jsonOf(request),
    readAnswer: fromJson,
  },
  "connect-proto": {
    title: "Connect protobuf",
    verb: "POST",
    path: rpcPath,
    headers: { "content-type": "application/proto", "connect-protocol-version": "1" },
    body: binary,
    readAnswer: fromProto,
  },
  rest: {
    title: "REST",
    verb: "PUT",
    path: `${restPrefix}/users/${userId}/profile`,
    headers: { "content-type": "application/json" },
    body: jsonOf(create(UpdateHumanProfileRequestSchema, profile)),
    readAnswer: fromJson,
  },
};
