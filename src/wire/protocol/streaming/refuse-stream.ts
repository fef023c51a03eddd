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

/** The answer to a streaming call that is refused before it has begun. The error is explained, and not secret. */
export type StreamRefusal = (error: ConnectError) => Answer;

/**
 * Look at the head of a streaming call.
 *
 * @param grpc The protocol of gRPC's family that it speaks; `undefined`: Connect.
 * @returns How it is refused in its own protocol, or the answer at once, if HTTP itself refuses the request (wrong verb,
 *   content type).
 */
export function refusalOfStream(
  grpc: Protocol | undefined,
  head: RequestHead,
  method: DescMethod,
): StreamRefusal | Answer {
  if (grpc === undefined) return refusalOfConnect(head);
  // An answer that ends at once is the same for calls of all kinds.
  const opened = grpc.open(head, method, 0);
  return isAnswer(opened) ? opened : (error) => opened.refuse(error, noMetadata);
}

/** Streams of Connect are answered with 200 always. What became of them stands at the end of the body. */
function refusalOfConnect({ method, headers }: RequestHead): StreamRefusal | Answer {
  if (method !== "POST") return methodNotAllowed(["POST"]);
  const contentType = headers["content-type"];
  if (contentType === undefined || !parseContentType(contentType)?.stream) {
    return unsupportedMediaType("application/connect+proto, application/connect+json");
  }
  return (error) => ({
    status: 200,
    headers: { "content-type": contentType },
    body: frame(
      endStreamFlag,
      Buffer.from(JSON.stringify(endStreamToJson(new Headers(), error, undefined))),
    ),
  });
}
