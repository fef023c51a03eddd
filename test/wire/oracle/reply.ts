import { Agent, request as requestHttp1 } from "node:http";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { codeFromString } from "@connectrpc/connect/protocol-connect";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { requestHttp2 } from "../raw.ts";
import { openEnvelopes } from "../speak.ts";
import { type Call, isConnect, isText, type RawRequest, requestOf } from "./call.ts";
import { isPlain } from "./refusal.ts";
import type { Oracle } from "./servers.ts";

/** An answer in one form for all protocols; nothing that a client may notice is left out. */
export type Reply = {
  readonly status: number;
  readonly headers: Fields;
  /** Of gRPC and gRPC-Web, without the status. Connect has them among its headers. */
  readonly trailers: Fields;
  /** The flags of each frame. */
  readonly flags: readonly number[];
  /** Decompressed: JSON as a value, everything else in hexadecimal. */
  readonly messages: readonly unknown[];
  readonly error:
    | { readonly code: number; readonly message: string; readonly details: readonly unknown[] }
    | undefined;
};

type Fields = Readonly<Record<string, string>>;
type Answer = { status: number; headers: object; trailers: object; body: Buffer };

/** About the connection or this one answer, not about the call. `content-length` is checked by HTTP. */
const incidental = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "trailer",
  "transfer-encoding",
  "x-request-id",
]);

// A connection for each request: the stock adapter leaves one that it has not read to the end unusable.
const agent = new Agent({ keepAlive: false });

/**
 * Make a call, and read its answer.
 *
 * @throws Error if there is none, or it cannot be read.
 */
export async function ask(oracle: Oracle, call: Call): Promise<Reply> {
  const request = requestOf(call);
  const answer =
    call.version === "HTTP/1.1"
      ? await askHttp1(oracle.http1Port, request)
      : await askHttp2(oracle.session, request);
  const raw = { ...answer, headers: fieldsOf(answer.headers), trailers: fieldsOf(answer.trailers) };
  if (isPlain(raw)) return bare(raw);
  return isConnect(call) ? connectReply(raw) : grpcReply(raw, isText(call));
}

type Raw = { status: number; headers: Fields; trailers: Fields; body: Buffer };

function bare({ status, headers, trailers, body }: Raw): Reply {
  const messages = body.byteLength === 0 ? [] : [body.toString("hex")];
  return { status, headers, trailers, flags: [], messages, error: undefined };
}

function connectReply({ status, headers, trailers, body }: Raw): Reply {
  const common = { status, headers, trailers, flags: [] };
  const message = open(body, headers["content-encoding"], headers["content-type"]);
  if (status === 200) return { ...common, messages: [message], error: undefined };
  const { code, message: text = "", details = [], ...rest } = message as ErrorJson;
  const error = { code: codeFromString(code) ?? Number.NaN, message: text, details };
  return { ...common, messages: Object.keys(rest).length > 0 ? [rest] : [], error };
}

type ErrorJson = { code: "unknown"; message?: string; details?: unknown[] };

function grpcReply({ status, headers, trailers, body }: Raw, asText: boolean): Reply {
  const frames = openEnvelopes(asText ? Buffer.from(body.toString(), "base64") : body);
  const opened = frames.map(({ flags, payload }) => {
    const encoding = (flags & 1) === 1 ? headers["grpc-encoding"] : undefined;
    const type = flags < 0x80 ? headers["content-type"] : "";
    return { flags, content: open(payload, encoding, type) };
  });
  const last = opened.find(({ flags }) => flags >= 0x80);
  const messages = opened.filter(({ flags }) => flags < 0x80).map(({ content }) => content);
  const {
    "grpc-status": code,
    "grpc-message": text = "",
    "grpc-status-details-bin": details = "",
    ...rest
  } = last === undefined ? trailers : fieldsOfFrame(Buffer.from(String(last.content), "hex"));
  return {
    status,
    headers,
    trailers: rest,
    flags: frames.map(({ flags }) => flags),
    messages,
    error:
      code === "0"
        ? undefined
        : {
            code: Number(code),
            message: decodeURIComponent(text),
            details: detailsOf(Buffer.from(details, "base64")),
          },
  };
}

function detailsOf(bytes: Buffer): unknown[] {
  if (bytes.byteLength === 0) return [];
  const { code, message, details } = fromBinary(StatusSchema, bytes);
  const opened = details.map(({ typeUrl, value }) => [typeUrl, Buffer.from(value).toString("hex")]);
  return [{ code, message }, ...opened];
}

function open(bytes: Buffer, encoding: string | undefined, contentType = ""): unknown {
  const plain = decompress(bytes, encoding);
  return /json/i.test(contentType) ? JSON.parse(plain.toString()) : plain.toString("hex");
}

function decompress(bytes: Buffer, encoding: string | undefined): Buffer {
  if (encoding === "gzip") return gunzipSync(bytes);
  return encoding === "br" ? brotliDecompressSync(bytes) : bytes;
}

function fieldsOf(headers: object): Fields {
  const entries = Object.entries(headers).filter(
    ([name, value]) => !name.startsWith(":") && !incidental.has(name) && value !== undefined,
  );
  return Object.fromEntries(entries.map(([name, value]) => [name, [value].flat().join(" & ")]));
}

/** The trailers that gRPC-Web has in the last frame of its body. */
function fieldsOfFrame(frame: Buffer): Fields {
  const headers = new Headers();
  for (const line of frame.toString().split("\r\n").filter(Boolean)) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1));
  }
  return Object.fromEntries(headers);
}

function askHttp1(port: number, { verb, path, headers, body }: RawRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = requestHttp1({ agent, host: "127.0.0.1", port, method: verb, path, headers });
    call.on("error", reject).on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject);
      response.on("end", () => {
        const { statusCode = 0, trailers } = response;
        resolve({
          status: statusCode,
          headers: response.headers,
          trailers,
          body: Buffer.concat(chunks),
        });
      });
    });
    call.end(body);
  });
}

async function askHttp2(
  session: Oracle["session"],
  { verb, path, headers, body }: RawRequest,
): Promise<Answer> {
  const answer = await requestHttp2(session, { ...headers, ":method": verb, ":path": path }, body);
  if (Number.isNaN(answer.status)) throw new Error(`no answer, but a reset: ${answer.reset}`);
  return answer;
}
