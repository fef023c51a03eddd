import { randomUUID } from "node:crypto";
import type { DescMethod, Message, Registry } from "@bufbuild/protobuf";
import { EmptySchema, MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { ConnectError, ConnectRouter, Interceptor } from "@connectrpc/connect";
import { callUnary, createUnaryMethod, errorFrom, type UnaryMethod } from "./call.ts";
import { createJsonCodec } from "./codec.ts";
import { createConnect } from "./connect.ts";
import { createCors } from "./cors.ts";
import type { Answer, Exchange, RequestHead } from "./exchange.ts";
import { createGrpc } from "./grpc.ts";
import { createGrpcWeb } from "./grpc-web.ts";
import { createHostCheck } from "./host.ts";
import {
  allowed,
  jsonAnswer,
  methodNotAllowed,
  restMethodNotAllowed,
  restNotFound,
} from "./http-answers.ts";
import type { Limits } from "./limits.ts";
import { collectMethods, pathOf } from "./methods.ts";
import type { Overload } from "./overload.ts";
import { type Dialog, isAnswer, type MethodShape, noMetadata } from "./protocol.ts";
import { explain, type RefusalKind, refusal } from "./refusal.ts";
import { createRest } from "./rest.ts";
import { createStreamingMethods } from "./streaming.ts";

/** What is served, to whom, and within which limits. */
export type WireOptions = {
  /** Registers services, as with any Connect server. */
  readonly routes: (router: ConnectRouter) => void;
  /** The first is the outermost. */
  readonly interceptors: readonly Interceptor[];
  /** Knows the messages that may stand in a `google.protobuf.Any`, for JSON. Default: none. */
  readonly registry?: Registry;
  /** Stands before every path of `google.api.http`, such as `/management/v1`. */
  readonly restPrefix: string;
  readonly limits: Limits;
  readonly cors: {
    /** Compared character by character; `*` allows every origin; empty allows none. */
    readonly origins: readonly string[];
    /** That a page may send beside those of the RPC protocols. */
    readonly requestHeaders: readonly string[];
    /** That a page may read beside those of the RPC protocols. */
    readonly answerHeaders: readonly string[];
  };
  /** On every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** The domain in the `google.rpc.ErrorInfo` of the wire's own errors. Default: they have none. */
  readonly errorDomain?: string;
  /** Plain pages by path, for GET and HEAD. */
  readonly pages: ReadonlyMap<string, (head: RequestHead) => Answer | Promise<Answer>>;
  /** Told of every request when it is answered, those included that no handler saw. */
  readonly observe: (outcome: Outcome) => void;
};

/** How one request ended. */
export type Outcome = {
  /** As sent to the client in `x-request-id`. */
  readonly requestId: string;
  /** "grpc", "grpc-web", "connect", "rest", or "http" for everything else. */
  readonly protocol: string;
  /** `undefined` if no method was found. */
  readonly method: DescMethod | undefined;
  /** HTTP status; 200 for every answer of gRPC and gRPC-Web. */
  readonly status: number;
  /** `undefined` for a success, and for what HTTP refused. Its cause must not be sent. */
  readonly error: ConnectError | undefined;
  readonly durationMs: number;
  readonly peer: string;
};

/** What became of a request, as far as it concerns the log. */
type Ending = Pick<Outcome, "protocol" | "method" | "status" | "error">;

/** Any shape will do to refuse a method that does not exist. */
const unknownMethod: MethodShape = {
  input: EmptySchema,
  output: EmptySchema,
  idempotency: MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
};

/**
 * Decide what a request is and see it answered.
 *
 * @param drain.isDraining While true, calls are refused as unavailable.
 * @param state.shutdown Ends the streams when it is aborted.
 * @returns Takes each request once. Never rejects.
 * @throws Error if methods or their HTTP rules contradict each other.
 */
export function createDispatch(
  options: WireOptions,
  state: {
    readonly isDraining: () => boolean;
    readonly shutdown: AbortSignal;
    readonly overload: Overload;
  },
): (exchange: Exchange) => Promise<void> {
  const { limits, interceptors, errorDomain, pages } = options;
  const { maxMessageBytes } = limits;
  const specs = collectMethods(options.routes);
  const unary = new Map(
    specs
      .filter((spec) => spec.kind === "unary")
      .map((spec) => [pathOf(spec.method), createUnaryMethod(spec, interceptors)]),
  );
  const streaming = createStreamingMethods(
    specs.filter((spec) => spec.kind !== "unary"),
    interceptors,
    maxMessageBytes,
    state.shutdown,
    options.registry,
  );
  const isHostValid = createHostCheck();
  const json = createJsonCodec(options.registry);
  const connect = createConnect(json, maxMessageBytes);
  const grpcFamily = [createGrpc(json, maxMessageBytes), createGrpcWeb(json, maxMessageBytes)];
  const rest = createRest([...unary.values()], options.restPrefix, json, maxMessageBytes);
  const { origins, requestHeaders, answerHeaders } = options.cors;
  const cors = createCors(origins, requestHeaders, answerHeaders);

  async function handle(exchange: Exchange, common: Record<string, string>): Promise<Ending> {
    const { head } = exchange;

    const send = (answer: Answer, ending: Partial<Ending> = {}): Ending => {
      exchange.respond({ ...answer, headers: { ...common, ...answer.headers } });
      const { status } = answer;
      return { protocol: "http", method: undefined, error: undefined, ...ending, status };
    };

    const converse = async (
      protocol: string,
      opened: Dialog | Answer,
      method: UnaryMethod,
      bind?: (message: Message) => void,
    ): Promise<Ending> => {
      const ending = { protocol, method: method.descriptor };
      if (isAnswer(opened)) return send(opened, ending);
      if (state.isDraining()) return send(...refuse(opened, "draining", "shutting down", ending));
      if (state.overload.isOverloaded()) {
        return send(...refuse(opened, "overloaded", "the server is overloaded", ending));
      }
      state.overload.begin();
      const { answer, error } = await callUnary(method, exchange, opened, {
        protocolName: protocol,
        limits,
        errorDomain,
        bind,
      });
      state.overload.end();
      return send(answer, { ...ending, error });
    };

    const refuse = (
      dialog: Dialog,
      kind: RefusalKind,
      message: string,
      ending: Partial<Ending>,
    ): [Answer, Partial<Ending>] => {
      const error = explain(refusal(kind, message), errorDomain);
      return [dialog.refuse(error, noMetadata), { ...ending, error }];
    };

    if (!isHostValid(head)) return send(badHost);
    const preflight = cors.preflight(head);
    if (preflight !== undefined) return send(preflight);

    const stream = streaming.get(head.path);
    if (stream !== undefined) {
      if (state.isDraining()) {
        return send(unavailable, { protocol: "stream", method: stream.descriptor });
      }
      const status = await stream.serve(exchange, common);
      return { protocol: "stream", method: stream.descriptor, status, error: undefined };
    }

    const contentType = head.headers["content-type"] ?? "";
    const grpc = grpcFamily.find((protocol) => protocol.speaks(contentType));
    const method = unary.get(head.path);
    if (method !== undefined) {
      const protocol = grpc ?? connect;
      return converse(protocol.name, protocol.open(head, method.descriptor), method);
    }

    const found = rest.find(head);
    if (found.kind === "found") {
      // The path names the method, so the frames of gRPC are understood here, too.
      const { dialog, method: target, bind } = found;
      if (grpc === undefined) return converse("rest", dialog, target, bind);
      const opened = grpc.open({ ...head, method: "POST" }, target.descriptor);
      return converse(grpc.name, opened, target, bind);
    }

    const page = pages.get(head.path);
    if (page !== undefined) {
      const isRead = head.method === "GET" || head.method === "HEAD";
      return send(isRead ? await page(head) : methodNotAllowed(["GET", "HEAD"]));
    }
    if (found.kind === "method-not-allowed") {
      const isQuestion = head.method === "OPTIONS";
      return send(isQuestion ? allowed(found.allow) : restMethodNotAllowed(found.allow));
    }
    if (grpc !== undefined) {
      const opened = grpc.open(head, unknownMethod);
      if (isAnswer(opened)) return send(opened, { protocol: grpc.name });
      const text = `unknown method ${head.path}`;
      return send(...refuse(opened, "methodUnknown", text, { protocol: grpc.name }));
    }
    return send(isRpcPath(head.path) ? rpcNotFound : restNotFound);
  }

  return async (exchange) => {
    const startedAt = performance.now();
    const requestId = randomUUID();
    const { head } = exchange;
    const common = { ...options.headers, "x-request-id": requestId, ...cors.headers(head) };
    const ending = await handle(exchange, common).catch((cause: unknown): Ending => {
      exchange.respond({ ...internalError, headers: { ...common, ...internalError.headers } });
      const error = errorFrom(cause);
      return { protocol: "http", method: undefined, status: internalError.status, error };
    });
    const durationMs = performance.now() - startedAt;
    options.observe({ ...ending, requestId, durationMs, peer: head.peer });
  };
}

const badHost: Answer = {
  ...jsonAnswer(400, { code: 3, message: "invalid host" }),
  isLast: true,
};
/** The protocols of streams read the status where there is nothing else to read. */
const unavailable = jsonAnswer(503, { code: 14, message: "shutting down" });
const internalError = jsonAnswer(500, { code: 13, message: "internal error" });

/** Connect clients read a bare 404 as "unimplemented", and would stumble over a body of REST. */
const rpcNotFound: Answer = { status: 404, headers: {} };

/** `/package.Service/Method`. */
function isRpcPath(path: string): boolean {
  return /^\/\w+(?:\.\w+)+\/\w+$/.test(path);
}
