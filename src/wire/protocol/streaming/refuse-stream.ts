import { Buffer } from "node:buffer";
import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import {
  endStreamFlag,
  endStreamToJson,
  parseContentType,
} from "@connectrpc/connect/protocol-connect";
import type { Answer, RequestHead } from "../../http/exchange.ts";
import { methodNotAllowed, unsupportedMediaType } from "../../http/http-answers.ts";
import { frame } from "../envelope.ts";
import { isAnswer, noMetadata, type Protocol } from "../protocol.ts";

/**
 * The answer to a streaming call that is refused before it has begun, in its own protocol.
 *
 * @param grpc The protocol of gRPC's family that it speaks; `undefined`: Connect.
 * @param error Explained, and not secret.
 */
export function streamRefusal(
  grpc: Protocol | undefined,
  head: RequestHead,
  method: DescMethod,
  error: ConnectError,
): Answer {
  if (grpc === undefined) return connectRefusal(head, error);
  // An answer that ends at once is the same for calls of all kinds.
  const opened = grpc.open(head, method, 0);
  return isAnswer(opened) ? opened : opened.refuse(error, noMetadata);
}

/** Streams of Connect are answered with 200 always. What became of them stands at the end of the body. */
function connectRefusal({ method, headers }: RequestHead, error: ConnectError): Answer {
  if (method !== "POST") return methodNotAllowed(["POST"]);
  const contentType = headers["content-type"] ?? null;
  if (!parseContentType(contentType)?.stream) {
    return unsupportedMediaType("application/connect+proto, application/connect+json");
  }
  const end = endStreamToJson(new Headers(), error, undefined);
  return {
    status: 200,
    headers: { "content-type": contentType ?? undefined },
    body: frame(endStreamFlag, Buffer.from(JSON.stringify(end))),
  };
}
