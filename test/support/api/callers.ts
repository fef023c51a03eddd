import {
  createRegistry,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  fromJson,
  getOption,
  type JsonObject,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { http } from "../../../gen/google/api/annotations_pb.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { ErrorDetailSchema } from "../../../gen/zitadel/message_pb.ts";
import {
  bytesFromBase64,
  bytesFromBase64Blocks,
  envelope,
  type Frame,
  framesOf,
  trailersFrom,
} from "./frames.ts";
import { closeConnections, type HttpReply, type HttpVersion, send } from "./http.ts";
import { list, object, objectFrom, text } from "./json.ts";

// Long because the protocols share how requests are built and replies are read.

/** A reply, in one form for all protocols. */
export type Reply = {
  /** 0 for a success, else the number of the gRPC code. */
  readonly code: number;
  /** `""` for a success. */
  readonly message: string;
  /** Full type names, without the URL's prefix; values as proto JSON. */
  readonly details: readonly {
    readonly type: string;
    readonly value: Record<string, unknown>;
  }[];
  /** The response as proto JSON; `undefined` for an error. */
  readonly body: Record<string, unknown> | undefined;
  /** Of HTTP; 200 for every answer of gRPC and gRPC-Web. */
  readonly status: number;
  /** Trailers are among them, but not those that carry the status of gRPC. */
  readonly headers: Headers;
};

export type CallOptions = {
  readonly token?: string;
  readonly headers?: Record<string, string>;
  /** Leaves the call when it is aborted: the connection is closed, or the stream is reset. */
  readonly signal?: AbortSignal;
  /** Sees the body of the answer as it came. */
  readonly onBody?: (body: Buffer) => void;
};

/**
 * One way to call a method over the wire. Shares no code with the server, and throws on every answer
 * that its protocol does not allow.
 */
export type Caller = {
  readonly name: string;
  readonly protocol: "gRPC" | "gRPC-Web" | "Connect" | "REST";
  readonly encoding: "json" | "protobuf";
  readonly version: HttpVersion;
  /**
   * @param request Proto JSON. JSON callers send it as it is, unknown fields included. Bytes are
   *   sent as they are, as the message itself, without checks: protobuf or JSON text by `encoding`.
   *   REST takes variables of the path out of it, from text that is no JSON as well.
   */
  call(
    url: string,
    method: DescMethodUnary,
    request: JsonObject | Uint8Array,
    options?: CallOptions,
  ): Promise<Reply>;
};

export const callers: readonly Caller[] = [
  grpc("h2c"),
  grpcWeb("HTTP/1.1", "application/grpc-web+proto"),
  grpcWeb("h2c", "application/grpc-web+proto"),
  grpcWeb("HTTP/1.1", "application/grpc-web-text"),
  grpcWeb("h2c", "application/grpc-web-text"),
  connect("HTTP/1.1", "json"),
  connect("h2c", "json"),
  connect("HTTP/1.1", "protobuf"),
  connect("h2c", "protobuf"),
  rest("HTTP/1.1"),
  rest("h2c"),
];

/** Close the connections of every caller. */
export function closeCallers(): void {
  closeConnections();
}

function grpc(version: HttpVersion): Caller {
  return {
    name: `gRPC over ${version}`,
    protocol: "gRPC",
    encoding: "protobuf",
    version,
    async call(url, method, request, options) {
      const reply = await send(version, url, {
        method: "POST",
        path: pathOf(method),
        headers: {
          "content-type": "application/grpc",
          te: "trailers",
          ...headersOf(options),
        },
        body: envelope(protobufFrom(method.input, request)),
        signal: options?.signal,
      });
      options?.onBody?.(reply.body);
      assertAnswer(reply, "application/grpc", [200]);
      const frames = framesOf(reply.body);
      // "Trailers only": the one block of headers says how the call ended.
      const status = reply.trailers ?? reply.headers;
      return grpcReply(method, reply, frames, status);
    },
  };
}

function grpcWeb(version: HttpVersion, contentType: string): Caller {
  const isText = contentType.includes("-text");
  return {
    name: `gRPC-Web${isText ? " text" : ""} over ${version}`,
    protocol: "gRPC-Web",
    encoding: "protobuf",
    version,
    async call(url, method, request, options) {
      const frame = envelope(protobufFrom(method.input, request));
      const reply = await send(version, url, {
        method: "POST",
        path: pathOf(method),
        headers: { "content-type": contentType, "x-grpc-web": "1", ...headersOf(options) },
        body: isText ? Buffer.from(frame.toString("base64")) : frame,
        signal: options?.signal,
      });
      options?.onBody?.(reply.body);
      assertAnswer(reply, contentType, [200]);
      const frames = framesOf(isText ? bytesFromBase64Blocks(reply.body.toString()) : reply.body);
      const last = frames.pop();
      if (last?.flags !== 0x80) throw new Error("the last frame does not hold the trailers");
      return grpcReply(method, reply, frames, trailersFrom(last.payload.toString("latin1")));
    },
  };
}

function connect(version: HttpVersion, encoding: Caller["encoding"]): Caller {
  const contentType = encoding === "json" ? "application/json" : "application/proto";
  return {
    name: `Connect ${encoding} over ${version}`,
    protocol: "Connect",
    encoding,
    version,
    async call(url, method, request, options) {
      const reply = await send(version, url, {
        method: "POST",
        path: pathOf(method),
        headers: {
          "content-type": contentType,
          "connect-protocol-version": "1",
          ...headersOf(options),
        },
        body:
          encoding === "json"
            ? jsonFrom(request)
            : Buffer.from(protobufFrom(method.input, request)),
        signal: options?.signal,
      });
      options?.onBody?.(reply.body);
      if (reply.status === 200) {
        assertAnswer(reply, contentType, [200]);
        const body =
          encoding === "json"
            ? bodyFromJson(method.output, reply.body)
            : bodyFromProtobuf(method.output, reply.body);
        return success(body, reply);
      }
      assertAnswer(reply, "application/json", errorStatuses);
      const { code, message = "", details = [], ...rest } = objectFrom(reply.body);
      assertNothingIn(rest);
      return {
        code: numberOfCode(code),
        message: text(message),
        details: list(details).map((detail) => {
          const { type, value } = object(detail);
          return detailFrom(text(type), bytesFromBase64(text(value)));
        }),
        body: undefined,
        status: reply.status,
        headers: reply.headers,
      };
    },
  };
}

function rest(version: HttpVersion): Caller {
  return {
    name: `REST over ${version}`,
    protocol: "REST",
    encoding: "json",
    version,
    async call(url, method, request, options) {
      const { verb, path, body } = restRequest(method, request);
      const reply = await send(version, url, {
        method: verb,
        path,
        headers: { ...(body && { "content-type": "application/json" }), ...headersOf(options) },
        ...(body && { body }),
        signal: options?.signal,
      });
      options?.onBody?.(reply.body);
      assertAnswer(reply, "application/json", [200, ...errorStatuses]);
      if (reply.status === 200) return success(bodyFromJson(method.output, reply.body), reply);
      const { code, message = "", details = [], ...other } = objectFrom(reply.body);
      assertNothingIn(other);
      if (typeof code !== "number") throw new Error(`the code is no number: ${code}`);
      return {
        code,
        message: text(message),
        details: list(details).map((detail) => {
          const { "@type": url, ...value } = object(detail);
          const type = withoutPrefix(text(url));
          fromJson(schemaOf(type), value as JsonObject);
          return { type, value };
        }),
        body: undefined,
        status: reply.status,
        headers: reply.headers,
      };
    },
  };
}

/** What stands before the REST paths of a service. Those of v2 are whole. */
const prefixes: Readonly<Record<string, string>> = {
  "zitadel.management.v1.ManagementService": "/management/v1",
};

/** The REST request for a message by its `google.api.http`: path, then body or query. */
function restRequest(
  method: DescMethodUnary,
  request: JsonObject | Uint8Array,
): { verb: string; path: string; body: Uint8Array | undefined } {
  const { pattern, body } = getOption(method, http);
  if (pattern.case === undefined || pattern.case === "custom")
    throw new Error(`${method.name} has no path`);
  const rest = request instanceof Uint8Array ? {} : { ...request };
  const prefix = prefixes[method.parent.typeName] ?? "";
  const template = pattern.value.replace(/\{(\w+)\}/g, (_, name: string) => {
    const field = method.input.fields.find((each) => each.name === name);
    const names = [name, field?.jsonName ?? name];
    const value =
      request instanceof Uint8Array
        ? textAt(request, names)
        : names.map((each) => request[each]).find((each) => each !== undefined);
    for (const each of names) delete rest[each];
    return encodeURIComponent(text(value ?? ""));
  });
  const path = `${prefix}${template}`;
  const verb = pattern.case.toUpperCase();
  if (body === "*")
    return {
      verb,
      path,
      body: jsonFrom(request instanceof Uint8Array ? request : rest),
    };
  const query = new URLSearchParams(
    Object.entries(rest).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((each): [string, string] => [
        name,
        typeof each === "string" ? each : JSON.stringify(each),
      ]),
    ),
  );
  const separator = query.size === 0 ? "" : "?";
  return { verb, path: `${path}${separator}${query}`, body: undefined };
}

/** The first string with one of these names, in bytes that may be anything. */
function textAt(json: Uint8Array, names: readonly string[]): string {
  const found = new RegExp(`"(?:${names.join("|")})"\\s*:\\s*("[^"\\\\]*")`).exec(
    Buffer.from(json).toString(),
  );
  if (found?.[1] === undefined) throw new Error(`no ${names.join(" or ")} for the path`);
  return JSON.parse(found[1]);
}

function grpcReply(
  method: DescMethodUnary,
  reply: HttpReply,
  frames: readonly Frame[],
  status: Headers,
): Reply {
  const number = status.get("grpc-status") ?? "";
  if (!/^(?:0|[1-9]\d?)$/.test(number)) throw new Error(`no grpc-status, but "${number}"`);
  const code = Number(number);
  const [only, ...others] = frames;
  if (others.length > 0 || (only !== undefined && only.flags !== 0))
    throw new Error("more than one message, or one with flags");
  const headers = new Headers(reply.headers);
  for (const [name, value] of status) if (!name.startsWith("grpc-status")) headers.set(name, value);
  headers.delete("grpc-message");
  if (code === 0) {
    if (only === undefined) throw new Error("a success without a message");
    return success(bodyFromProtobuf(method.output, only.payload), { ...reply, headers });
  }
  if (only !== undefined) throw new Error("an error with a message");
  const message = decodeURIComponent(status.get("grpc-message") ?? "");
  return {
    code,
    message,
    details: detailsFromStatus(code, message, status.get("grpc-status-details-bin")),
    body: undefined,
    status: reply.status,
    headers,
  };
}

function detailsFromStatus(
  code: number,
  message: string,
  encoded: string | null,
): Reply["details"] {
  if (encoded === null) return [];
  const status = fromBinary(StatusSchema, bytesFromBase64(encoded));
  if (status.code !== code || status.message !== message)
    throw new Error("grpc-status-details-bin and the trailers differ");
  return status.details.map(({ typeUrl, value }) => detailFrom(withoutPrefix(typeUrl), value));
}

const detailSchemas = [ErrorDetailSchema, BadRequestSchema, ErrorInfoSchema, RetryInfoSchema];

/** What a `google.protobuf.Any` may contain. */
const registry = createRegistry(...detailSchemas);

function schemaOf(type: string): DescMessage {
  const schema = detailSchemas.find(({ typeName }) => typeName === type);
  if (schema === undefined) throw new Error(`a detail of unknown type ${type}`);
  return schema;
}

function detailFrom(type: string, bytes: Uint8Array): Reply["details"][number] {
  return { type, value: bodyFromProtobuf(schemaOf(type), bytes) };
}

function withoutPrefix(url: string): string {
  const prefix = "type.googleapis.com/";
  if (!url.startsWith(prefix)) throw new Error(`no type URL: ${url}`);
  return url.slice(prefix.length);
}

function bodyFromProtobuf(schema: DescMessage, bytes: Uint8Array): Record<string, unknown> {
  return object(toJson(schema, fromBinary(schema, bytes), { registry }));
}

/** The JSON as it was sent. Throws if it is not the JSON of the message. */
function bodyFromJson(schema: DescMessage, bytes: Buffer): Record<string, unknown> {
  const body = objectFrom(bytes);
  fromJson(schema, body as JsonObject, { registry });
  return body;
}

function protobufFrom(schema: DescMessage, request: JsonObject | Uint8Array): Uint8Array {
  return request instanceof Uint8Array ? request : toBinary(schema, fromJson(schema, request));
}

function jsonFrom(request: JsonObject | Uint8Array): Uint8Array {
  return request instanceof Uint8Array ? request : Buffer.from(JSON.stringify(request));
}

function success(body: Record<string, unknown>, { status, headers }: HttpReply): Reply {
  return { code: 0, message: "", details: [], body, status, headers };
}

function pathOf(method: DescMethodUnary): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function headersOf({ token, headers }: CallOptions = {}): Record<string, string> {
  return { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers };
}

/** By number. */
const codes = [
  "ok",
  "canceled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
];

const errorStatuses = [400, 401, 403, 404, 405, 409, 412, 428, 429, 499, 500, 501, 503, 504];

function numberOfCode(name: unknown): number {
  const number = codes.indexOf(text(name));
  if (number < 1) throw new Error(`no code of an error: ${name}`);
  return number;
}

function assertAnswer(reply: HttpReply, contentType: string, statuses: readonly number[]): void {
  const type = reply.headers.get("content-type");
  if (type !== contentType || !statuses.includes(reply.status))
    throw new Error(`HTTP ${reply.status} with ${type}, instead of ${contentType}`);
  if (reply.headers.has("content-encoding") || reply.headers.has("grpc-encoding"))
    throw new Error("compressed, though nobody asked for it");
}

function assertNothingIn(rest: Record<string, unknown>): void {
  if (Object.keys(rest).length > 0) throw new Error(`unknown in an error: ${Object.keys(rest)}`);
}
