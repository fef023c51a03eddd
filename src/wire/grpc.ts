import { parseContentType, parseTimeout } from "@connectrpc/connect/protocol-grpc";
import { binaryCodec, type JsonCodec } from "./codec.ts";
import { acceptedEncodings, answerCompression, requestCompression } from "./compression.ts";
import { envelopeHeadBytes, openEnvelope, sealEnvelope } from "./envelope.ts";
import type { Answer, RequestHead } from "./exchange.ts";
import { headersToNode } from "./exchange.ts";
import { statusTrailers } from "./grpc-status.ts";
import { methodNotAllowed, unsupportedMediaType } from "./http-answers.ts";
import type { Dialog, MethodShape, Protocol } from "./protocol.ts";

const statusOk = { "grpc-status": "0" };

/**
 * gRPC, as https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md describes it.
 *
 * Over HTTP/1.1 the trailers follow the last chunk: the content type decides, not the version.
 */
export function createGrpc(json: JsonCodec, maxMessageBytes: number): Protocol {
  return {
    name: "grpc",
    speaks: (contentType) => /^application\/grpc(?:[+;]|$)/i.test(contentType),
    open: (head, method) => openGrpc(head, method, json, maxMessageBytes),
  };
}

function openGrpc(
  { method: verb, headers }: RequestHead,
  method: MethodShape,
  json: JsonCodec,
  maxMessageBytes: number,
): Dialog | Answer {
  if (verb !== "POST") return methodNotAllowed(["POST"]);
  const contentType = headers["content-type"] ?? "";
  const type = parseContentType(contentType);
  if (type === undefined) return unsupportedMediaType("application/grpc, application/grpc+json");

  const codec = type.binary ? binaryCodec : json;
  const accepted = headers["grpc-accept-encoding"] as string | undefined;
  const named = headers["grpc-encoding"] as string | undefined;
  const answerHeaders = {
    "content-type": contentType,
    "grpc-accept-encoding": acceptedEncodings,
  };

  return {
    maxBodyBytes: envelopeHeadBytes + maxMessageBytes,
    timeoutMs: () => timeoutFrom(headers["grpc-timeout"]),
    read(body) {
      const compression = requestCompression(named, "grpc-accept-encoding");
      return codec.decode(method.input, openEnvelope(body, compression, maxMessageBytes));
    },
    answer(message, { header, trailer }) {
      const bytes = codec.encode(method.output, message);
      const compression = answerCompression(bytes, accepted);
      return {
        status: 200,
        headers: {
          ...answerHeaders,
          ...(compression && { "grpc-encoding": compression.name }),
          ...(header && headersToNode(header)),
        },
        body: sealEnvelope(bytes, compression),
        trailers: trailer ? { ...headersToNode(trailer), ...statusOk } : statusOk,
      };
    },
    refuse: (error, { header, trailer }) => ({
      status: 200,
      headers: { ...answerHeaders, ...(header && headersToNode(header)) },
      trailers: headersToNode(statusTrailers(trailer, error)),
    }),
  };
}

/** @throws ConnectError invalid_argument if the header is not a gRPC timeout. */
export function timeoutFrom(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined;
  const { timeoutMs, error } = parseTimeout(String(header), Number.POSITIVE_INFINITY);
  if (error !== undefined) throw error;
  return timeoutMs;
}
