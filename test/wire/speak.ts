import { brotliCompressSync, gunzipSync, gzipSync } from "node:zlib";
import { create, fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { codeFromString } from "@connectrpc/connect/protocol-connect";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import { type EchoServer, type Note, NoteSchema } from "./echo.ts";
import { openHttp2, requestHttp2 } from "./raw.ts";

/** One call of `EchoService.Echo` in any protocol. */
export type Saying = {
  readonly note?: Partial<Pick<Note, "id" | "text">>;
  /** Sent instead of the note: the message alone, without any envelope. */
  readonly payload?: Uint8Array;
  readonly encoding?: "gzip" | "br" | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
};

/** What came back, the same for all protocols. */
export type Reply = {
  /** 0 for a success. */
  readonly code: number;
  readonly message: string;
  readonly note: Note | undefined;
  readonly headers: Headers;
  readonly trailers: Headers;
  /** Type names. */
  readonly details: readonly string[];
};

export type Speaker = {
  readonly name: string;
  /** As in `HandlerContext.protocolName`. */
  readonly protocol: "grpc" | "grpc-web" | "connect" | "rest";
  readonly say: (server: EchoServer, saying?: Saying) => Promise<Reply>;
};

const path = "/echo.v1.EchoService/Echo";
const note = { id: "7", text: "hello" };

/** A message behind the head that gRPC gives it. */
export function envelope(payload: Uint8Array, flags = 0, length = payload.byteLength): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, payload]);
}

/** The flag and the payload of each envelope. */
export function openEnvelopes(bytes: Buffer): { flags: number; payload: Buffer }[] {
  if (bytes.byteLength === 0) return [];
  const end = 5 + bytes.readUInt32BE(1);
  const first = { flags: bytes.readUInt8(0), payload: bytes.subarray(5, end) };
  return [first, ...openEnvelopes(bytes.subarray(end))];
}

export const binaryNote = (value: Saying["note"] = note) =>
  toBinary(NoteSchema, create(NoteSchema, value));
export const jsonNote = (value: Saying["note"] = note) =>
  Buffer.from(JSON.stringify(toJson(NoteSchema, create(NoteSchema, value))));

function encode(bytes: Uint8Array, encoding: Saying["encoding"]): Uint8Array {
  if (encoding === undefined) return bytes;
  return encoding === "gzip" ? gzipSync(bytes) : brotliCompressSync(bytes);
}

/** @param payload Already compressed if it is given; a note is compressed here. */
function payloadOf({ note: said, payload, encoding }: Saying, plain: typeof binaryNote) {
  return payload ?? encode(plain(said), encoding);
}

function headersOf(record: Record<string, unknown>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(record)) {
    if (!name.startsWith(":")) headers.set(name, String(value));
  }
  return headers;
}

function statusOf(trailers: Headers): Pick<Reply, "code" | "message" | "details"> {
  const status = Buffer.from(trailers.get("grpc-status-details-bin") ?? "", "base64");
  return {
    code: Number(trailers.get("grpc-status") ?? Number.NaN),
    message: decodeURIComponent(trailers.get("grpc-message") ?? ""),
    details: fromBinary(StatusSchema, status).details.map(typeOf),
  };
}

const typeOf = ({ typeUrl }: { typeUrl: string }) => typeUrl.replace("type.googleapis.com/", "");

function grpcHeaders({ encoding, headers, timeoutMs }: Saying): Record<string, string> {
  return {
    ...(encoding && { "grpc-encoding": encoding }),
    ...(timeoutMs !== undefined && { "grpc-timeout": `${timeoutMs}m` }),
    ...headers,
  };
}

function openMessage(payload: Buffer | undefined, flags: number): Note | undefined {
  if (payload === undefined) return undefined;
  return fromBinary(NoteSchema, flags === 1 ? gunzipSync(payload) : payload);
}

const grpc: Speaker = {
  name: "gRPC",
  protocol: "grpc",
  async say(server, saying = {}) {
    using session = openHttp2(server.port);
    const answer = await requestHttp2(
      session,
      {
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
        ...grpcHeaders(saying),
      },
      envelope(payloadOf(saying, binaryNote), saying.encoding === undefined ? 0 : 1),
    );
    const [message] = openEnvelopes(answer.body);
    const trailers = headersOf(answer.trailers);
    return {
      ...statusOf(trailers),
      note: openMessage(message?.payload, message?.flags ?? 0),
      headers: headersOf(answer.headers),
      trailers,
    };
  },
};

function grpcWeb(name: string, contentType: string, isText: boolean): Speaker {
  return {
    name,
    protocol: "grpc-web",
    async say(server, saying = {}) {
      const framed = envelope(payloadOf(saying, binaryNote), saying.encoding === undefined ? 0 : 1);
      const response = await fetch(`${server.url}${path}`, {
        method: "POST",
        headers: { "content-type": contentType, ...grpcHeaders(saying) },
        body: isText ? framed.toString("base64") : new Uint8Array(framed),
      });
      const bytes = Buffer.from(await response.arrayBuffer());
      const frames = openEnvelopes(isText ? Buffer.from(bytes.toString(), "base64") : bytes);
      const last = frames.find(({ flags }) => flags === 0x80);
      const message = frames.find(({ flags }) => flags < 0x80);
      const trailers = new Headers(
        (last?.payload.toString() ?? "")
          .split("\r\n")
          .filter((line) => line !== "")
          .map((line) => [line.replace(/: .*/, ""), line.replace(/^[^:]*: /, "")] as const),
      );
      return {
        ...statusOf(trailers),
        note: openMessage(message?.payload, message?.flags ?? 0),
        headers: response.headers,
        trailers,
      };
    },
  };
}

type ErrorJson = { code: string | number; message?: string; details?: Record<string, string>[] };

function connect(name: string, contentType: string, plain: typeof binaryNote): Speaker {
  return {
    name,
    protocol: "connect",
    async say(server, saying = {}) {
      const response = await fetch(`${server.url}${path}`, {
        method: "POST",
        headers: {
          "content-type": contentType,
          ...(saying.encoding && { "content-encoding": saying.encoding }),
          ...(saying.timeoutMs !== undefined && { "connect-timeout-ms": `${saying.timeoutMs}` }),
          ...saying.headers,
        },
        body: new Uint8Array(payloadOf(saying, plain)),
      });
      const all = [...response.headers];
      const trailers = all.filter(([header]) => header.startsWith("trailer-"));
      const common = {
        headers: response.headers,
        trailers: new Headers(trailers.map(([header, value]) => [header.slice(8), value])),
      };
      if (response.status !== 200) {
        const error = (await response.json()) as ErrorJson;
        return {
          ...common,
          code: codeFromString(error.code as "unknown") ?? Number.NaN,
          message: error.message ?? "",
          note: undefined,
          details: (error.details ?? []).map(({ type }) => type ?? ""),
        };
      }
      const bytes = new Uint8Array(await response.arrayBuffer());
      const received =
        plain === binaryNote
          ? fromBinary(NoteSchema, bytes)
          : fromJson(NoteSchema, JSON.parse(Buffer.from(bytes).toString()) as JsonValue);
      return { ...common, code: 0, message: "", note: received, details: [] };
    },
  };
}

const rest: Speaker = {
  name: "REST",
  protocol: "rest",
  async say(server, saying = {}) {
    const response = await fetch(`${server.url}/api/v1/notes/${saying.note?.id ?? note.id}`, {
      method: "PUT",
      headers: {
        ...(saying.encoding && { "content-encoding": saying.encoding }),
        ...(saying.timeoutMs !== undefined && { "grpc-timeout": `${saying.timeoutMs}m` }),
        ...saying.headers,
      },
      body: new Uint8Array(payloadOf(saying, jsonNote)),
    });
    const common = { headers: response.headers, trailers: new Headers() };
    const json = (await response.json()) as JsonValue;
    if (response.status === 200) {
      return { ...common, code: 0, message: "", note: fromJson(NoteSchema, json), details: [] };
    }
    const error = json as ErrorJson;
    return {
      ...common,
      code: Number(error.code),
      message: error.message ?? "",
      note: undefined,
      details: (error.details ?? []).map((each) => typeOf({ typeUrl: each["@type"] ?? "" })),
    };
  },
};

/** Every way to call a unary method. */
export const speakers: readonly Speaker[] = [
  grpc,
  grpcWeb("gRPC-Web", "application/grpc-web+proto", false),
  grpcWeb("gRPC-Web text", "application/grpc-web-text", true),
  connect("Connect binary", "application/proto", binaryNote),
  connect("Connect JSON", "application/json", jsonNote),
  rest,
];
