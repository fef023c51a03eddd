import { Buffer } from "node:buffer";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import {
  codeToHttpStatus,
  errorToJsonBytes,
  parseContentType,
  parseTimeout,
  trailerMux,
} from "@connectrpc/connect/protocol-connect";
import { echo } from "../cut.ts";
import type { Answer, RequestHead } from "../http/exchange.ts";
import { headersToNode } from "../http/exchange.ts";
import { methodNotAllowed, unsupportedMediaType } from "../http/http-answers.ts";
import { refusal } from "../refusal.ts";
import { binaryCodec, type JsonCodec } from "./codec.ts";
import { acceptedEncodings, answerCompression, requestCompression } from "./compression.ts";
import { keep } from "./keep.ts";
import {
  type Dialog,
  type Metadata,
  type MethodShape,
  type Protocol,
  withErrorMetadata,
} from "./protocol.ts";
import { prefersStrict, strictApplied } from "./strict/prefer.ts";

/** Unary Connect, as https://connectrpc.com/docs/protocol describes it. */
export function createConnect(json: JsonCodec): Omit<Protocol, "speaks"> {
  return {
    name: "connect",
    open: (head, method, maxMessageBytes) => openConnect(head, method, json, maxMessageBytes),
  };
}

const noParameters = new URLSearchParams();

function openConnect(
  { method: verb, headers, query }: RequestHead,
  method: MethodShape,
  json: JsonCodec,
  maxMessageBytes: number,
): Dialog | Answer {
  const isGet = verb === "GET" && hasNoSideEffects(method);
  if (verb !== "POST" && !isGet) {
    return methodNotAllowed(hasNoSideEffects(method) ? ["GET", "POST"] : ["POST"]);
  }
  const parameters = isGet ? parametersFrom(query) : noParameters;
  const contentType = isGet ? typeFromQuery(parameters) : (headers["content-type"] ?? null);
  const type = parseContentType(contentType);
  if (type === undefined || type.stream) {
    return unsupportedMediaType("application/json, application/proto");
  }

  const isStrict = !type.binary && prefersStrict(headers.prefer);
  const codec = type.binary ? binaryCodec : json;
  const reading = isStrict ? json.strict : codec;
  const answerType = type.binary ? "application/proto" : "application/json";
  const named = isGet ? (parameters.get("compression") ?? undefined) : headers["content-encoding"];

  const answerWith = (
    status: number,
    kind: string,
    body: Uint8Array,
    set: Answer["headers"] | undefined,
  ) => {
    const compression = answerCompression(body, headers["accept-encoding"] as string | undefined);
    return {
      status,
      headers: {
        "content-type": kind,
        "accept-encoding": acceptedEncodings,
        ...(compression && { "content-encoding": compression.name }),
        ...(isStrict && strictApplied),
        ...set,
      },
      body: compression ? compression.compress(body) : body,
    };
  };

  return {
    maxBodyBytes: maxMessageBytes,
    timeoutMs: () => connectTimeoutFrom(headers["connect-timeout-ms"]),
    reader() {
      const compression = requestCompression(named, "accept-encoding");
      return (body) => {
        const bytes = isGet ? bytesFromQuery(parameters, maxMessageBytes) : body;
        const message = compression ? compression.decompress(bytes, maxMessageBytes) : bytes;
        return reading.decode(method.input, message);
      };
    },
    answer: (message, metadata) =>
      answerWith(200, answerType, codec.encode(method.output, message), setHeaders(metadata)),
    refuse(error, { header, trailer }) {
      const set =
        header === undefined && trailer === undefined
          ? headersOf(error)
          : setHeaders({ header: withErrorMetadata(header, error), trailer });
      return answerWith(codeToHttpStatus(error.code), "application/json", jsonOf(error), set);
    },
  };
}

/** Trailers travel as headers that start with "trailer-". */
function setHeaders({ header, trailer }: Metadata): Answer["headers"] | undefined {
  if (trailer === undefined) return header && headersToNode(header);
  return headersToNode(trailerMux(new Headers(header), new Headers(trailer)));
}

const jsonOf = keep((error) => errorToJsonBytes(error, undefined));
const headersOf = keep((error) => headersToNode(withErrorMetadata(undefined, error)));

/** @throws ConnectError invalid_argument if the header is not a timeout of Connect. */
export function connectTimeoutFrom(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined;
  const text = String(header);
  const { timeoutMs, error } = parseTimeout(text, Number.POSITIVE_INFINITY);
  if (error === undefined) return timeoutMs;
  throw refusal("timeoutInvalid", `protocol error: invalid connect timeout value: ${echo(text)}`);
}

/** Only methods that declare it may be called by GET: a link must not change anything. */
function hasNoSideEffects(method: MethodShape): boolean {
  return method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}

function typeFromQuery(parameters: URLSearchParams): string | null {
  const encoding = parameters.get("encoding");
  return encoding === "json" || encoding === "proto" ? `application/${encoding}` : null;
}

/** Each character of a value is one byte, because a message need not be text. */
function parametersFrom(query: string): URLSearchParams {
  const charOf = (byte: string) => String.fromCharCode(Number.parseInt(byte.slice(1), 16));
  return new URLSearchParams(
    query.replace(/%[89a-f][\da-f]/gi, (byte) => encodeURIComponent(charOf(byte))),
  );
}

function bytesFromQuery(parameters: URLSearchParams, maxBytes: number): Buffer {
  const message = parameters.get("message") ?? "";
  const isBase64 = parameters.get("base64") === "1";
  if (isBase64 && !/^(?:[\w+/-]{4})*(?:[\w+/-]{2,3}={0,2})?$/.test(message)) {
    throw refusal("messageMalformed", "the parameter message is not base64");
  }
  const bytes = Buffer.from(message, isBase64 ? "base64url" : "latin1");
  if (bytes.byteLength > maxBytes) {
    throw refusal("messageTooLarge", `message is larger than ${maxBytes} bytes`);
  }
  return bytes;
}
