import { Buffer } from "node:buffer";
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import {
  parseContentType,
  trailerFlag,
  trailerSerialize,
} from "@connectrpc/connect/protocol-grpc-web";
import { withHeader } from "../http/exchange.ts";
import { methodNotAllowed, unsupportedMediaType } from "../http/http-answers.ts";
import { memoize } from "../memoize.ts";
import { binaryCodec, type Codec, type JsonCodec } from "./codec.ts";
import { acceptedEncodings, answerCompression, requestCompression } from "./compression.ts";
import { envelopeHeadBytes, frame, openEnvelope, sealEnvelope } from "./envelope.ts";
import { timeoutFrom } from "./grpc.ts";
import { statusTrailers } from "./grpc-status.ts";
import { framesFromText, textFromFrames } from "./grpc-web-text.ts";
import type { Dialog, MethodShape, Protocol } from "./protocol.ts";

/**
 * gRPC-Web, binary and text, as
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md describes it.
 *
 * The trailers are the last frame of the body, so it works over any version of HTTP.
 */
export function createGrpcWeb(json: JsonCodec): Protocol {
  const formOf = memoize((contentType) => {
    const type = parseContentType(contentType);
    return (
      type && {
        codec: type.binary ? binaryCodec : json,
        isText: type.text,
        answerHeaders: { "content-type": contentType, "grpc-accept-encoding": acceptedEncodings },
      }
    );
  });
  return {
    name: "grpc-web",
    speaks: (contentType) => /^application\/grpc-web(?:-text)?(?:[+;]|$)/i.test(contentType),
    open({ method: verb, headers }, method, maxMessageBytes) {
      if (verb !== "POST") return methodNotAllowed(["POST"]);
      const form = formOf(headers["content-type"] ?? "");
      if (form === undefined) {
        return unsupportedMediaType("application/grpc-web, application/grpc-web-text");
      }
      return openGrpcWeb(headers, method, form, maxMessageBytes);
    },
  };
}

/** Trailers as the last frame of a body. */
const trailerFrame = (trailer: Headers) => frame(trailerFlag, trailerSerialize(trailer));
const okFrame = frame(trailerFlag, Buffer.from("grpc-status: 0\r\n"));

function openGrpcWeb(
  headers: IncomingHttpHeaders,
  method: MethodShape,
  form: {
    readonly codec: Codec;
    readonly isText: boolean;
    readonly answerHeaders: OutgoingHttpHeaders;
  },
  maxMessageBytes: number,
): Dialog {
  const { codec, isText, answerHeaders } = form;
  const maxBinaryBytes = envelopeHeadBytes + maxMessageBytes;
  const wrap = (frames: Buffer) => (isText ? textFromFrames(frames) : frames);

  return {
    // Base64 makes four bytes of three, and there may be padding and line ends.
    maxBodyBytes: isText ? 2 * maxBinaryBytes : maxBinaryBytes,
    timeoutMs: () => timeoutFrom(headers["grpc-timeout"]),
    reader() {
      const named = headers["grpc-encoding"] as string | undefined;
      const compression = requestCompression(named, "grpc-accept-encoding");
      return (body) => {
        const frames = isText ? framesFromText(body) : body;
        return codec.decode(method.input, openEnvelope(frames, compression, maxMessageBytes));
      };
    },
    answer(message, { header, trailer }) {
      const bytes = codec.encode(method.output, message);
      const accepted = headers["grpc-accept-encoding"] as string | undefined;
      const compression = answerCompression(bytes, accepted);
      const end = trailer ? trailerFrame(statusTrailers(trailer, undefined)) : okFrame;
      return {
        status: 200,
        headers: withHeader(
          answerHeaders,
          header,
          compression && { "grpc-encoding": compression.name },
        ),
        body: wrap(Buffer.concat([sealEnvelope(bytes, compression), end])),
      };
    },
    refuse: (error, { header, trailer }) => ({
      status: 200,
      headers: withHeader(answerHeaders, header),
      body: wrap(trailerFrame(statusTrailers(trailer, error))),
    }),
  };
}
