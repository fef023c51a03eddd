import { brotliCompressSync, gzipSync } from "node:zlib";
import { binaryNote, envelope, jsonNote } from "../speak.ts";
import { maxMessageBytes } from "./servers.ts";

/** A call as the generator makes it: each field may be broken on its own. */
export type Call = {
  readonly protocol: "gRPC" | "gRPC-Web" | "Connect" | "Connect GET";
  readonly version: "HTTP/1.1" | "HTTP/2";
  readonly verb: string;
  readonly method: keyof typeof paths;
  /** `undefined` for none. */
  readonly contentType: string | undefined;
  /** The parameter `encoding` of Connect GET. */
  readonly format: string;
  readonly base64: "none" | "standard" | "unpadded" | "url" | "cut" | "not base64";
  readonly note: { readonly id: string; readonly text: string; readonly rank: number };
  /** What the handler is asked to do: see `acts`. */
  readonly act: string;
  readonly damage: keyof typeof damages;
  /** The compression that is named; `undefined` for none. */
  readonly encoding: string | undefined;
  readonly packing: (typeof packings)[number];
  readonly framing: keyof typeof framings;
  /** As the protocol writes it; `undefined` for none. */
  readonly timeout: string | undefined;
  readonly accept: string | undefined;
  readonly metadata: Readonly<Record<string, string | string[]>>;
  /** Whether the length of the body is given. */
  readonly isAnnounced: boolean;
};

/** The same over any version of HTTP. */
export type RawRequest = {
  readonly verb: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
};

/** `Check` is not implemented, `Nothing` not known. */
export const paths = {
  Echo: "/echo.v1.EchoService/Echo",
  Look: "/echo.v1.EchoService/Look",
  Check: "/grpc.health.v1.Health/Check",
  Nothing: "/echo.v1.EchoService/Nothing",
} as const;

/** What is done to a message. Each knows whether it is JSON, to break it in a way that matters. */
export const damages = {
  none: (bytes) => bytes,
  emptied: () => Buffer.alloc(0),
  "cut off": (bytes) => bytes.subarray(0, -1),
  "followed by bytes": (bytes, isJson) => join(bytes, isJson ? "x" : "\xff"),
  "followed by space": (bytes, isJson) => (isJson ? join(bytes, " \n") : bytes),
  "not such a thing": (_, isJson) => (isJson ? text("[1]") : Buffer.of(0x0b, 0x01)),
  "of wrong type": (_, isJson) => (isJson ? text('{"rank":"many"}') : Buffer.of(0x1a, 1, 97)),
  "with a key twice": (_, isJson) =>
    isJson ? text('{"id":"1","id":"2"}') : text("\n\x011\n\x012"),
  "with an unknown field": (bytes, isJson) =>
    isJson ? text('{"id":"1","more":[{}]}') : join(bytes, "\x78\x01"),
  "with a null": (bytes, isJson) => (isJson ? text('{"id":null,"rank":"7"}') : bytes),
  "with a lone surrogate": (bytes, isJson) => (isJson ? text('{"text":"\\ud800"}') : bytes),
  "with a byte order mark": (bytes, isJson) => (isJson ? join("\xef\xbb\xbf", bytes) : bytes),
  "not UTF-8": (_, isJson) => (isJson ? text('{"text":"a\xffb"}') : text("\x12\x03a\xffb")),
  "as large as allowed": (_, isJson) => sized(maxMessageBytes, isJson),
  "too large": (_, isJson) => sized(maxMessageBytes + 1, isJson),
  "far too large": (_, isJson) => sized(2 * maxMessageBytes, isJson),
} satisfies Record<string, (bytes: Buffer, isJson: boolean) => Buffer>;

/** How a message is compressed, other than its headers say, in all but the first. */
export const packings = ["as named", "plain", "flagged only", "cut off"] as const;

/** What is done to the one envelope of a unary call. */
export const framings = {
  whole: (payload, flags) => envelope(payload, flags),
  missing: () => Buffer.alloc(0),
  "cut in its head": (payload, flags) => envelope(payload, flags).subarray(0, 3),
  "cut in its message": (payload, flags) => envelope(payload, flags).subarray(0, -1),
  "of too long a length": (payload, flags) => envelope(payload, flags, payload.byteLength + 7),
  "of too short a length": (payload, flags) =>
    envelope(payload, flags, Math.max(0, payload.byteLength - 1)),
  "of a huge length": (payload, flags) => envelope(payload, flags, 0xfffffff0),
  twice: (payload, flags) => Buffer.concat([envelope(payload, flags), envelope(payload, flags)]),
  "followed by bytes": (payload, flags) => join(envelope(payload, flags), "abc"),
  "with an unknown flag": (payload, flags) => envelope(payload, flags | 0b10),
  "with the flag of trailers": (payload, flags) => envelope(payload, flags | 0x80),
} satisfies Record<string, (payload: Buffer, flags: number) => Buffer>;

export const isConnect = ({ protocol }: Call) => protocol.startsWith("Connect");
export const isJson = ({ protocol, format, contentType = "" }: Call) =>
  /json/i.test(protocol === "Connect GET" ? format : contentType);
/** Whether its content type is one that the lane takes for gRPC or gRPC-Web, served or not. */
export const isGrpcLike = ({ contentType = "" }: Call) =>
  /^application\/grpc(?:-web(?:-text)?)?(?:[+;]|$)/i.test(contentType);
export const isText = ({ contentType = "" }: Call) => /grpc-web-text/i.test(contentType);

/** The message, broken as the call says, before it is compressed. */
export function messageOf(call: Call): Buffer {
  const plain = Buffer.from(isJson(call) ? jsonNote(call.note) : binaryNote(call.note));
  return damages[call.damage](plain, isJson(call));
}

/** The message as it is sent, without any envelope. */
export function payloadOf(call: Call): Buffer {
  const message = messageOf(call);
  if (call.packing === "plain" || call.packing === "flagged only") return message;
  const packed = compress(message, call.encoding);
  return call.packing === "cut off" && packed !== message ? packed.subarray(0, -4) : packed;
}

/** The body of gRPC and gRPC-Web before it is made text. */
export function framesOf(call: Call): Buffer {
  const isNamed = ["gzip", "GZIP", "br"].includes(call.encoding ?? "");
  const isFlagged = call.packing === "flagged only" || (isNamed && call.packing !== "plain");
  return framings[call.framing](payloadOf(call), isFlagged ? 1 : 0);
}

/** The body as it is sent. */
export function bodyOf(call: Call): Buffer {
  if (call.protocol === "Connect GET") return Buffer.alloc(0);
  if (call.protocol === "Connect") return payloadOf(call);
  const frames = framesOf(call);
  if (!isText(call)) return frames;
  return text(`${call.base64 === "not base64" ? "*" : ""}${frames.toString("base64")}`);
}

/** The request that a call is. */
export function requestOf(call: Call): RawRequest {
  const isGet = call.protocol === "Connect GET";
  const body = bodyOf(call);
  const [encodingName, acceptName, timeoutName] = isConnect(call)
    ? ["content-encoding", "accept-encoding", "connect-timeout-ms"]
    : ["grpc-encoding", "grpc-accept-encoding", "grpc-timeout"];
  const hasLength = isLengthKnown(call);
  const entries = Object.entries({
    ...call.metadata,
    "x-act": call.act,
    "content-type": call.contentType,
    [encodingName]: isGet ? undefined : call.encoding,
    [acceptName]: call.accept,
    [timeoutName]: call.timeout,
    "content-length": hasLength && body.byteLength > 0 ? String(body.byteLength) : undefined,
    "transfer-encoding": hasLength ? undefined : "chunked",
  });
  const headers = Object.fromEntries(
    entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const path = `${paths[call.method]}${isGet ? `?${queryOf(call)}` : ""}`;
  return { verb: call.verb, path, headers, body };
}

function queryOf(call: Call): string {
  const message = call.base64 === "none" ? percentEncoded(payloadOf(call)) : base64Of(call);
  const compression =
    call.encoding === undefined ? "" : `&compression=${encodeURIComponent(call.encoding)}`;
  const base64 = call.base64 === "none" ? "" : "&base64=1";
  return `connect=v1&encoding=${encodeURIComponent(call.format)}${base64}${compression}&message=${message}`;
}

function base64Of(call: Call): string {
  const url = payloadOf(call).toString("base64url");
  const standard = payloadOf(call).toString("base64");
  const forms = {
    none: "",
    standard: encodeURIComponent(standard),
    unpadded: encodeURIComponent(standard.replace(/=+$/, "")),
    url,
    cut: url.slice(0, -1),
    "not base64": `*${url}`,
  };
  return forms[call.base64];
}

function percentEncoded(bytes: Buffer): string {
  return [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}

function compress(bytes: Buffer, encoding: string | undefined): Buffer {
  if (encoding === "gzip" || encoding === "GZIP") return gzipSync(bytes);
  return encoding === "br" ? brotliCompressSync(bytes) : bytes;
}

function sized(bytes: number, asJson: boolean): Buffer {
  const make = (length: number) =>
    Buffer.from((asJson ? jsonNote : binaryNote)({ text: "a".repeat(length) }));
  const around = make(bytes - 64).byteLength - (bytes - 64);
  return make(bytes - around);
}

const text = (characters: string) => Buffer.from(characters, "latin1");
const join = (...parts: (string | Buffer)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? text(part) : part)));

/** Whether the head says how long the body is. */
export function isLengthKnown({ isAnnounced, version, verb }: Call): boolean {
  return isAnnounced || version === "HTTP/2" || verb !== "POST";
}
