import { create, toBinary } from "@bufbuild/protobuf";
import {
  GetHumanProfileRequestSchema,
  UpdateHumanProfileRequestSchema,
} from "../../../gen/zitadel/management_pb.ts";
import { data, type Fields, frameFlags, headers } from "../frames.ts";
import type { Random } from "../random.ts";

/** One request, before it becomes bytes. */
export type Call = {
  readonly method: string;
  readonly path: string;
  readonly fields: Fields;
  readonly body: Buffer;
};

/** What the cases need to know of the server. */
export type Target = {
  /** A valid token, so that the code after authentication is attacked, too. */
  readonly token: string;
  /** An existing user. */
  readonly userId: string;
  /** How often a flood repeats its frame. */
  readonly floodFrames: number;
};

export const servicePath = "/zitadel.management.v1.ManagementService";
export const profilePath = ({ userId }: Target) => `/management/v1/users/${userId}/profile`;

/** The protocols. gRPC needs HTTP/2; the others are sent over both versions. */
export const protocols = [
  "rest",
  "connect-json",
  "connect",
  "grpc-web",
  "grpc-web-text",
  "grpc",
] as const;
export type Protocol = (typeof protocols)[number];

export const isJson = (protocol: Protocol) => protocol === "rest" || protocol === "connect-json";

/** The bytes of a gRPC message in its envelope. */
export function envelope(message: Uint8Array, flags = 0, length = message.byteLength): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags & 0xff);
  head.writeUInt32BE(length >>> 0, 1);
  return Buffer.concat([head, message]);
}

/** An update of the profile whose body is this message, valid or not, in the form that the protocol asks for. */
export function callWith(
  protocol: Protocol,
  target: Target,
  message: Uint8Array,
  more: Fields = [],
): Call {
  const token = ["authorization", `Bearer ${target.token}`] as const;
  if (protocol === "rest") {
    const fields: Fields = [token, ["content-type", "application/json"], ...more];
    return { method: "PUT", path: profilePath(target), fields, body: Buffer.from(message) };
  }
  const path = `${servicePath}/UpdateHumanProfile`;
  const fields: Fields = [token, ["content-type", contentTypes[protocol]], ...more];
  return { method: "POST", path, fields, body: wrap(protocol, message) };
}

const contentTypes = {
  "connect-json": "application/json",
  connect: "application/proto",
  "grpc-web": "application/grpc-web+proto",
  "grpc-web-text": "application/grpc-web-text+proto",
  grpc: "application/grpc",
} as const satisfies Record<Exclude<Protocol, "rest">, string>;

function wrap(protocol: Protocol, message: Uint8Array): Buffer {
  if (protocol === "grpc" || protocol === "grpc-web") return envelope(message);
  if (protocol === "grpc-web-text") return Buffer.from(envelope(message).toString("base64"));
  return Buffer.from(message);
}

/** A message that is accepted, or refused because nothing changes. */
export function validMessage(protocol: Protocol, { userId }: Target, random: Random): Buffer {
  const profile = {
    userId,
    firstName: `Gigi ${random.int(1000)}`,
    lastName: "Giraffe",
    nickName: "",
    displayName: random.pick(["Gigi", "ジジ", "👩‍👩‍👧‍👦"]),
    preferredLanguage: random.pick(["en", "de", ""]),
    gender: random.pick([0, 1, 2, 3] as const),
  };
  if (isJson(protocol)) return Buffer.from(JSON.stringify(profile));
  return Buffer.from(
    toBinary(UpdateHumanProfileRequestSchema, create(UpdateHumanProfileRequestSchema, profile)),
  );
}

export function validCall(protocol: Protocol, target: Target, random: Random): Call {
  return callWith(protocol, target, validMessage(protocol, target, random));
}

/** A call that reads: cheap, and without effect however often it is repeated. */
export function readCall(target: Target): Call {
  const schema = GetHumanProfileRequestSchema;
  const message = toBinary(schema, create(schema, { userId: target.userId }));
  return { ...callWith("grpc", target, message), path: `${servicePath}/GetHumanProfile` };
}

/** @param host Sent as it is, as every other text; `undefined` leaves it out. */
export function http1Bytes(
  { method, path, fields, body }: Call,
  host: string | undefined = "127.0.0.1",
): Buffer {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...(host === undefined ? [] : [`Host: ${host}`]),
    ...fields.map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${body.byteLength}`,
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), body]);
}

export function http2Fields({ method, path, fields }: Call): Fields {
  return [
    [":method", method],
    [":scheme", "http"],
    [":path", path],
    [":authority", "127.0.0.1"],
    ...fields,
    ["te", "trailers"],
  ];
}

/** A whole request on one stream. */
export function http2Bytes(call: Call, streamId: number, fields = http2Fields(call)): Buffer {
  const isBare = call.body.byteLength === 0;
  const flags = frameFlags.endHeaders | (isBare ? frameFlags.endStream : 0);
  const head = headers(streamId, fields, flags);
  return isBare ? head : Buffer.concat([head, data(streamId, call.body)]);
}
