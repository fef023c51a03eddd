import type { Message } from "@bufbuild/protobuf";
import { EmptySchema, MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { echo } from "../cut.ts";
import { verbs } from "../http/cors.ts";
import type { Answer, RequestHead } from "../http/exchange.ts";
import { expectationOf } from "../http/expectation.ts";
import { createHostCheck } from "../http/host.ts";
import {
  allowed,
  jsonAnswer,
  methodNotAllowed,
  restMethodNotAllowed,
  restNotFound,
  textAnswer,
} from "../http/http-answers.ts";
import type { Page } from "../http/static-pages.ts";
import { memoize } from "../memoize.ts";
import type { Dialog, MethodShape, Protocol } from "../protocol/protocol.ts";
import { refusalOfStream, type StreamRefusal } from "../protocol/streaming/refuse-stream.ts";
import type { StreamingMethod } from "../protocol/streaming/streaming.ts";
import type { UnaryMethod } from "../unary-method.ts";
import type { RouteTables } from "./route-tables.ts";

/** What a request asks for, as far as its head says. */
export type Route = HttpRoute | PageRoute | UnaryRoute | StreamingRoute | UnknownRoute;

/** HTTP alone decides, so the answer is known. */
type HttpRoute = { readonly kind: "answer"; readonly answer: Answer };

type PageRoute = { readonly kind: "page"; readonly page: Page; readonly path: string };

/** A unary call. */
export type UnaryRoute = {
  readonly kind: "unary";
  /** As `Outcome.protocol`. */
  readonly protocol: string;
  readonly method: UnaryMethod;
  /** An answer if HTTP refuses the request, for its verb or its content type. */
  readonly opened: Dialog | Answer;
  /** Sets the fields that a REST path names. */
  readonly bind?: (message: Message) => void;
};

/** A streaming call. */
export type StreamingRoute = {
  readonly kind: "streaming";
  readonly protocol: string;
  readonly method: StreamingMethod;
  /** An answer if HTTP refuses the request, for its verb or its content type. */
  readonly opened: StreamRefusal | Answer;
};

/** A call of gRPC or gRPC-Web to a method that does not exist. */
type UnknownRoute = {
  readonly kind: "unknown";
  readonly protocol: string;
  readonly opened: Dialog | Answer;
};

/**
 * Decide from the head of a request alone what it asks for. Nothing is read, sent or counted.
 *
 * Paths of methods come first, then the rules of REST, then pages. The content type decides on the protocol,
 * also on that of the refusal when there is no such method.
 */
export function createRoute(tables: RouteTables): (head: RequestHead) => Route {
  const { unary, streaming, rest, connect, cors } = tables;
  const isHostValid = createHostCheck();
  const grpcSpoken = memoize((contentType) =>
    tables.grpcFamily.find((protocol) => protocol.speaks(contentType)),
  );

  /** Before any path is looked up. */
  function earlyAnswer(head: RequestHead): Answer | undefined {
    if (!isHostValid(head)) return badHost;
    if (expectationOf(head) === "unknown") return expectationFailed;
    const preflight = cors.preflight(head);
    if (preflight !== undefined) return preflight;
    return head.path === "*" && head.method === "OPTIONS" ? allowed(verbs) : undefined;
  }

  return (head) => {
    const early = earlyAnswer(head);
    if (early !== undefined) return { kind: "answer", answer: early };

    const grpc = grpcSpoken(head.headers["content-type"] ?? "");
    const protocol = grpc ?? connect;
    const method = unary.get(head.path);
    if (method !== undefined) {
      const opened = protocol.open(head, method.descriptor, method.maxMessageBytes);
      return { kind: "unary", protocol: protocol.name, method, opened };
    }
    const streamed = streaming.get(head.path);
    if (streamed !== undefined) {
      const opened = refusalOfStream(grpc, head, streamed.descriptor);
      return { kind: "streaming", protocol: protocol.name, method: streamed, opened };
    }

    const action = tables.actions.get(head.path);
    if (action !== undefined) {
      return head.method === "POST"
        ? { kind: "page", page: action, path: head.path }
        : { kind: "answer", answer: methodNotAllowed(["POST"]) };
    }

    const found = rest.find(head);
    if (found.kind !== "found") {
      const allow = found.kind === "method-not-allowed" ? found.allow : undefined;
      return withoutMethod(head, grpc, allow, tables.pages.get(head.path));
    }
    const { dialog, bind } = found;
    if (grpc === undefined) {
      return { kind: "unary", protocol: "rest", method: found.method, opened: dialog, bind };
    }
    // gRPC at a REST path: the path names the method, so its frames are understood here, too.
    const { descriptor, maxMessageBytes } = found.method;
    const opened = grpc.open({ ...head, method: "POST" }, descriptor, maxMessageBytes);
    return { kind: "unary", protocol: grpc.name, method: found.method, opened, bind };
  };
}

/** @param allow The verbs for which there is a REST rule at this path. */
function withoutMethod(
  head: RequestHead,
  grpc: Protocol | undefined,
  allow: readonly string[] | undefined,
  page: Page | undefined,
): Route {
  if (page !== undefined) {
    const isRead = head.method === "GET" || head.method === "HEAD";
    return isRead
      ? { kind: "page", page, path: head.path }
      : { kind: "answer", answer: methodNotAllowed(["GET", "HEAD"]) };
  }
  if (allow !== undefined) {
    const isQuestion = head.method === "OPTIONS";
    return { kind: "answer", answer: isQuestion ? allowed(allow) : restMethodNotAllowed(allow) };
  }
  if (grpc !== undefined) {
    const opened = grpc.open(head, unknownMethod, 0);
    return { kind: "unknown", protocol: grpc.name, opened };
  }
  return { kind: "answer", answer: isRpcPath(head.path) ? rpcNotFound(head.path) : restNotFound };
}

/** `/package.Service/Method`. */
function isRpcPath(path: string): boolean {
  return /^\/\w+(?:\.\w+)+\/\w+$/.test(path);
}

/** A protocol needs the shape of a method to refuse a call. For a method that does not exist, any will do. */
const unknownMethod: MethodShape = {
  input: EmptySchema,
  output: EmptySchema,
  idempotency: MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
};

const badHost: Answer = {
  ...jsonAnswer(400, { code: 3, message: "invalid host" }),
  isLast: true,
};
const expectationFailed: Answer = { status: 417, headers: {} };

/** Clients of Connect read a 404 as "unimplemented" if its body is no JSON; they could not read that of REST. */
function rpcNotFound(path: string): Answer {
  return textAnswer(404, `unknown method ${echo(path)}\n`);
}
