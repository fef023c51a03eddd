import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { parseContentType, parseTimeout } from "@connectrpc/connect/protocol-grpc";
import { echo } from "../cut.ts";
import { headersToNode, withHeader } from "../http/exchange.ts";
import { methodNotAllowed, unsupportedMediaType } from "../http/http-answers.ts";
import { memoize } from "../memoize.ts";
import { refusal } from "../refusal.ts";
import { binaryCodec, type Codec, type JsonCodec } from "./codec.ts";
import { acceptedEncodings, answerCompression, requestCompression } from "./compression.ts";
import { envelopeHeadBytes, openEnvelope, sealEnvelope } from "./envelope.ts";
import { statusTrailers } from "./grpc-status.ts";
import { keep } from "./keep.ts";
import type { Dialog, MethodShape, Protocol } from "./protocol.ts";

const trailersOf = keep((error) => headersToNode(statusTrailers(undefined, error)));

const statusOk = { "grpc-status": "0" };

/**
 * gRPC, as https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md describes it.
 *
 * It is served over HTTP/1.1, too, where the trailers follow the last chunk.
 */
export function createGrpc(json: JsonCodec): Protocol {
  const formOf = memoize((contentType) => {
    const type = parseContentType(contentType);
    return (
      type && {
        codec: type.binary ? binaryCodec : json,
        answerHeaders: { "content-type": contentType, "grpc-accept-encoding": acceptedEncodings },
      }
    );
  });
  return {
    name: "grpc",
    speaks: (contentType) => /^application\/grpc(?:[+;]|$)/i.test(contentType),
    open({ method: verb, headers }, method, maxMessageBytes) {
      if (verb !== "POST") return methodNotAllowed(["POST"]);
      const form = formOf(headers["content-type"] ?? "");
      if (form === undefined) {
        return unsupportedMediaType("application/grpc, application/grpc+json");
      }
      return openGrpc(headers, method, form, maxMessageBytes);
    },
  };
}

function openGrpc(
  headers: IncomingHttpHeaders,
  method: MethodShape,
  form: { readonly codec: Codec; readonly answerHeaders: OutgoingHttpHeaders },
  maxMessageBytes: number,
): Dialog {
  const { codec, answerHeaders } = form;
  return {
    maxBodyBytes: envelopeHeadBytes + maxMessageBytes,
    timeoutMs: () => timeoutFrom(headers["grpc-timeout"]),
    reader() {
      const named = headers["grpc-encoding"] as string | undefined;
      const compression = requestCompression(named, "grpc-accept-encoding");
      return (body) => codec.decode(method.input, openEnvelope(body, compression, maxMessageBytes));
    },
    answer(message, { header, trailer }) {
      const bytes = codec.encode(method.output, message);
      const accepted = headers["grpc-accept-encoding"] as string | undefined;
      const compression = answerCompression(bytes, accepted);
      return {
        status: 200,
        headers: withHeader(
          answerHeaders,
          header,
          compression && { "grpc-encoding": compression.name },
        ),
        body: sealEnvelope(bytes, compression),
        trailers: trailer ? { ...headersToNode(trailer), ...statusOk } : statusOk,
      };
    },
    refuse: (error, { header, trailer }) => ({
      status: 200,
      headers: withHeader(answerHeaders, header),
      trailers:
        trailer === undefined ? trailersOf(error) : headersToNode(statusTrailers(trailer, error)),
    }),
  };
}

/** @throws ConnectError invalid_argument if the header is not a gRPC timeout. */
export function timeoutFrom(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined;
  const text = String(header);
  const { timeoutMs, error } = parseTimeout(text, Number.POSITIVE_INFINITY);
  if (error === undefined) return timeoutMs;
  throw refusal("timeoutInvalid", `protocol error: invalid grpc timeout value: ${echo(text)}`);
}
