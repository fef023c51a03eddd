import { Buffer } from "node:buffer";
import {
  parseContentType,
  trailerFlag,
  trailerSerialize,
} from "@connectrpc/connect/protocol-grpc-web";
import { binaryCodec, type JsonCodec } from "./codec.ts";
import { acceptedEncodings, answerCompression, requestCompression } from "./compression.ts";
import { envelopeHeadBytes, frame, openEnvelope, sealEnvelope } from "./envelope.ts";
import type { Answer, RequestHead } from "./exchange.ts";
import { headersToNode } from "./exchange.ts";
import { timeoutFrom } from "./grpc.ts";
import { statusTrailers } from "./grpc-status.ts";
import { framesFromText, textFromFrames } from "./grpc-web-text.ts";
import { methodNotAllowed, unsupportedMediaType } from "./http-answers.ts";
import type { Dialog, MethodShape, Protocol } from "./protocol.ts";

/**
 * gRPC-Web, binary and text, as
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md describes it.
 *
 * The trailers are the last frame of the body, so any version of HTTP carries it.
 */
export function createGrpcWeb(json: JsonCodec, maxMessageBytes: number): Protocol {
  return {
    name: "grpc-web",
    speaks: (contentType) => /^application\/grpc-web(?:-text)?(?:[+;]|$)/i.test(contentType),
    open: (head, method) => openGrpcWeb(head, method, json, maxMessageBytes),
  };
}

/** Trailers as the last frame of a body. */
const trailerFrame = (trailer: Headers) => frame(trailerFlag, trailerSerialize(trailer));
const okFrame = trailerFrame(statusTrailers(undefined, undefined));

function openGrpcWeb(
  { method: verb, headers }: RequestHead,
  method: MethodShape,
  json: JsonCodec,
  maxMessageBytes: number,
): Dialog | Answer {
  if (verb !== "POST") return methodNotAllowed(["POST"]);
  const contentType = headers["content-type"] ?? "";
  const type = parseContentType(contentType);
  if (type === undefined) {
    return unsupportedMediaType("application/grpc-web, application/grpc-web-text");
  }

  const codec = type.binary ? binaryCodec : json;
  const accepted = headers["grpc-accept-encoding"] as string | undefined;
  const named = headers["grpc-encoding"] as string | undefined;
  const maxBinaryBytes = envelopeHeadBytes + maxMessageBytes;
  const answerHeaders = {
    "content-type": contentType,
    "grpc-accept-encoding": acceptedEncodings,
  };
  const wrap = (frames: Buffer) => (type.text ? textFromFrames(frames) : frames);

  return {
    // Base64 makes four bytes of three; padding anywhere and line ends may add to that.
    maxBodyBytes: type.text ? 2 * maxBinaryBytes : maxBinaryBytes,
    timeoutMs: () => timeoutFrom(headers["grpc-timeout"]),
    read(body) {
      const compression = requestCompression(named, "grpc-accept-encoding");
      const frames = type.text ? framesFromText(body) : body;
      return codec.decode(method.input, openEnvelope(frames, compression, maxMessageBytes));
    },
    answer(message, { header, trailer }) {
      const bytes = codec.encode(method.output, message);
      const compression = answerCompression(bytes, accepted);
      const end = trailer ? trailerFrame(statusTrailers(trailer, undefined)) : okFrame;
      return {
        status: 200,
        headers: {
          ...answerHeaders,
          ...(compression && { "grpc-encoding": compression.name }),
          ...(header && headersToNode(header)),
        },
        body: wrap(Buffer.concat([sealEnvelope(bytes, compression), end])),
      };
    },
    refuse: (error, { header, trailer }) => ({
      status: 200,
      headers: { ...answerHeaders, ...(header && headersToNode(header)) },
      body: wrap(trailerFrame(statusTrailers(trailer, error))),
    }),
  };
}
