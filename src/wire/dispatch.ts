import { randomUUID } from "node:crypto";
import type { DescMethod, Message, Registry } from "@bufbuild/protobuf";
import { EmptySchema, MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { ConnectError, ConnectRouter, Interceptor } from "@connectrpc/connect";
import type { OpenStreams } from "./bounds/open-streams.ts";
import type { Overload } from "./bounds/overload.ts";
import {
  callUnary,
  createUnaryMethod,
  errorFrom,
  type RequestGate,
  type UnaryMethod,
} from "./call.ts";
import { echo } from "./cut.ts";
import { createDeadlines } from "./deadline.ts";
import { createCors, verbs } from "./http/cors.ts";
import {
  type Answer,
  type Exchange,
  type HeaderList,
  headerList,
  type RequestHead,
} from "./http/exchange.ts";
import { expectationOf } from "./http/expectation.ts";
import { createHostCheck } from "./http/host.ts";
import {
  allowed,
  jsonAnswer,
  methodNotAllowed,
  restMethodNotAllowed,
  restNotFound,
} from "./http/http-answers.ts";
import { type ClientLimits, farewellMs, type Limits } from "./limits.ts";
import { collectMethods, pathOf } from "./methods.ts";
import { createJsonCodec } from "./protocol/codec.ts";
import { createConnect } from "./protocol/connect.ts";
import { createGrpc } from "./protocol/grpc.ts";
import { createGrpcWeb } from "./protocol/grpc-web.ts";
import {
  type Dialog,
  isAnswer,
  type MethodShape,
  noMetadata,
  type Protocol,
} from "./protocol/protocol.ts";
import { remembering } from "./protocol/remembering.ts";
import { createRest } from "./protocol/rest/rest.ts";
import { createStreamingMethods, type StreamingMethod } from "./protocol/streaming.ts";
import { explain, type RefusalKind, refusal } from "./refusal.ts";

/** What is served, to whom, and within which limits. */
export type WireOptions = {
  /** Registers services, as with any Connect server. */
  readonly routes: (router: ConnectRouter) => void;
  /** Who is let in. Default: every call. */
  readonly requestGate?: RequestGate;
  /** Around what is let in. The first is the outermost. */
  readonly interceptors: readonly Interceptor[];
  /** Knows the messages that may stand in a `google.protobuf.Any`, for JSON. Default: none. */
  readonly registry?: Registry;
  /** Stands before every path of `google.api.http`, such as `/management/v1`. */
  readonly restPrefix: string;
  readonly limits: Limits;
  /** What clients may hold at once. Default, also of each: `clientLimits` in `limits.ts`. */
  readonly clientLimits?: Partial<ClientLimits>;
  /**
   * Addresses and CIDR ranges of proxies: from them, and from nobody else, the client's address is
   * taken from `Forwarded` or `X-Forwarded-For`. Default: none.
   */
  readonly trustedProxies?: readonly string[];
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
  /** The domain in the `google.rpc.ErrorInfo` of errors that bring none themselves. Default: they get none. */
  readonly errorDomain?: string;
  /** Plain pages by path, for GET and HEAD. */
  readonly pages: ReadonlyMap<string, (head: RequestHead) => Answer | Promise<Answer>>;
  /** Told of every request when it is answered, those included that no handler saw. */
  readonly observe: (outcome: Outcome) => void;
  /** Told ten times a second how late the event loop is, in milliseconds. Default: nobody is. */
  readonly observeLag?: (lateMs: number) => void;
  /**
   * Calls are refused while the event loop is later than this, again and again. Infinity: never for
   * that reason, for a server that shares its event loop with others. Default: 500.
   */
  readonly maxLagMs?: number | undefined;
  /** Told of every call as soon as its method is known. Default: nobody is. */
  readonly trace?: ((call: TracedCall) => Trace) | undefined;
};

/** A call that begins. */
export type TracedCall = Pick<Outcome, "protocol"> & {
  readonly method: DescMethod;
  readonly head: RequestHead;
};

/** Follows one call. */
export type Trace = {
  /** For the outcome. */
  readonly traceId: string;
  /** Do what the handler and its interceptors do; what they start belongs to the trace. */
  run<Result>(work: () => Result): Result;
  /** Called once, when the call is answered. */
  end(outcome: Outcome): void;
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
  /** `undefined` unless somebody traces calls. */
  readonly traceId: string | undefined;
};

/** A request on its way to its answer. */
type Request = {
  readonly exchange: Exchange;
  /** On its answer, whatever that is. */
  readonly common: HeaderList;
  /** "http" until it is found out. */
  protocol: string;
  /** `undefined` until it is found. */
  method: DescMethod | undefined;
  trace: Trace | undefined;
  /** Called once, when it is answered. */
  readonly conclude: (status: number, error?: ConnectError) => void;
};

/** Any shape will do to refuse a method that does not exist. */
const unknownMethod: MethodShape = {
  input: EmptySchema,
  output: EmptySchema,
  idempotency: MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
};

/**
 * Decide what a request is and see it answered.
 *
 * @param state.isDraining While true, calls are refused as unavailable.
 * @param state.shutdown Ends the streams when it is aborted.
 * @param state.openStream As `OpenStreams.open`, for the address of a client.
 * @returns Takes each request once. Never throws.
 * @throws Error if methods or their HTTP rules contradict each other.
 */
export function createDispatch(
  options: WireOptions,
  state: {
    readonly isDraining: () => boolean;
    readonly shutdown: AbortSignal;
    readonly overload: Overload;
    readonly openStream: OpenStreams["open"];
  },
): (exchange: Exchange) => void {
  const { limits, requestGate, interceptors, errorDomain, pages, observe, trace } = options;
  const { maxMessageBytes } = limits;
  const specs = collectMethods(options.routes);
  const unary = new Map(
    specs
      .filter((spec) => spec.kind === "unary")
      .map((spec) => [pathOf(spec.method), createUnaryMethod(spec, interceptors)]),
  );
  const streaming = createStreamingMethods(
    specs.filter((spec) => spec.kind !== "unary"),
    requestGate,
    interceptors,
    limits,
    state.shutdown,
    options.registry,
    errorDomain,
  );
  const isHostValid = createHostCheck();
  const json = createJsonCodec(options.registry);
  const connect = createConnect(json, maxMessageBytes);
  const grpcFamily = [createGrpc(json, maxMessageBytes), createGrpcWeb(json, maxMessageBytes)];
  const grpcSpoken = remembering((contentType) =>
    grpcFamily.find((protocol) => protocol.speaks(contentType)),
  );
  const rest = createRest([...unary.values()], options.restPrefix, json, maxMessageBytes);
  const { origins, requestHeaders, answerHeaders } = options.cors;
  const cors = createCors(origins, requestHeaders, answerHeaders);
  const always = headerList(options.headers);
  const startDeadline = createDeadlines();

  function begin(request: Request, protocol: string, method: DescMethod): void {
    request.protocol = protocol;
    request.method = method;
    request.trace = trace?.({ protocol, method, head: request.exchange.head });
  }

  function converse(
    request: Request,
    protocol: string,
    opened: Dialog | Answer,
    method: UnaryMethod,
    bind?: (message: Message) => void,
  ): void {
    begin(request, protocol, method.descriptor);
    if (isAnswer(opened)) {
      reply(request, opened);
    } else if (state.isDraining()) {
      refuse(request, opened, "draining", "shutting down");
    } else if (state.overload.isOverloaded()) {
      refuse(request, opened, "overloaded", "the server is overloaded");
    } else {
      state.overload.begin();
      callUnary(method, request.exchange, opened, {
        protocolName: protocol,
        limits,
        startDeadline,
        errorDomain,
        requestGate,
        bind,
        trace: request.trace,
        conclude({ answer, error }) {
          state.overload.end();
          reply(request, answer, error);
        },
      });
    }
  }

  function refuse(request: Request, dialog: Dialog, kind: RefusalKind, message: string): void {
    const error = explain(refusal(kind, message), errorDomain);
    reply(request, dialog.refuse(error, noMetadata), error);
  }

  function stream(request: Request, protocol: string, method: StreamingMethod): void {
    begin(request, protocol, method.descriptor);
    if (state.isDraining()) {
      reply(request, unavailable, refusal("draining", "shutting down"));
      return;
    }
    const { exchange, common, trace: traced } = request;
    const ended = new AbortController();
    let cutOff: NodeJS.Timeout | undefined;
    const close = state.openStream(exchange.head.peer, (reason) => {
      ended.abort(reason);
      // Time to say so. A handler that waits for the client's next message does not hear of it.
      cutOff = setTimeout(() => exchange.abort(), farewellMs);
    });
    if (close === undefined) {
      reply(request, tooManyStreams, refusal("tooManyStreams", tooManyStreamsText));
      return;
    }
    const serve = () => method.serve(exchange, common, ended);
    const served = traced === undefined ? serve() : traced.run(serve);
    const finish = () => {
      close();
      clearTimeout(cutOff);
    };
    served.then(
      ({ status, error }) => {
        finish();
        request.conclude(status, error);
      },
      (cause) => {
        finish();
        fail(request, cause);
      },
    );
  }

  function refusalOf(head: RequestHead): Answer | undefined {
    if (!isHostValid(head)) return badHost;
    return expectationOf(head) === "unknown" ? expectationFailed : undefined;
  }

  function route(request: Request): void {
    const { head } = request.exchange;
    const early = refusalOf(head) ?? cors.preflight(head);
    if (early !== undefined) {
      reply(request, early);
      return;
    }
    if (head.path === "*" && head.method === "OPTIONS") {
      reply(request, allowed(verbs));
      return;
    }
    const grpc = grpcSpoken(head.headers["content-type"] ?? "");
    const method = unary.get(head.path);
    if (method !== undefined) {
      const protocol = grpc ?? connect;
      converse(request, protocol.name, protocol.open(head, method.descriptor), method);
      return;
    }
    const streamed = streaming.get(head.path);
    if (streamed !== undefined) {
      stream(request, (grpc ?? connect).name, streamed);
      return;
    }
    const found = rest.find(head);
    if (found.kind !== "found") {
      const allow = found.kind === "method-not-allowed" ? found.allow : undefined;
      answerWithout(request, grpc, allow).catch((cause) => fail(request, cause));
    } else if (grpc === undefined) {
      converse(request, "rest", found.dialog, found.method, found.bind);
    } else {
      // The path names the method, so the frames of gRPC are understood here, too.
      const opened = grpc.open({ ...head, method: "POST" }, found.method.descriptor);
      converse(request, grpc.name, opened, found.method, found.bind);
    }
  }

  /** @param allow The verbs that REST would take there. */
  async function answerWithout(
    request: Request,
    grpc: Protocol | undefined,
    allow: readonly string[] | undefined,
  ): Promise<void> {
    const { head } = request.exchange;
    const page = pages.get(head.path);
    if (page !== undefined) {
      const isRead = head.method === "GET" || head.method === "HEAD";
      reply(request, isRead ? await page(head) : methodNotAllowed(["GET", "HEAD"]));
    } else if (allow !== undefined) {
      reply(request, head.method === "OPTIONS" ? allowed(allow) : restMethodNotAllowed(allow));
    } else if (grpc !== undefined) {
      request.protocol = grpc.name;
      const opened = grpc.open(head, unknownMethod);
      if (isAnswer(opened)) reply(request, opened);
      else refuse(request, opened, "methodUnknown", `unknown method ${echo(head.path)}`);
    } else {
      reply(request, isRpcPath(head.path) ? rpcNotFound : restNotFound);
    }
  }

  return (exchange) => {
    const startedAt = performance.now();
    const requestId = randomUUID();
    const { head } = exchange;
    const request: Request = {
      exchange,
      common: [...always, "x-request-id", requestId, ...cors.headers(head)],
      protocol: "http",
      method: undefined,
      trace: undefined,
      conclude(status, error) {
        const durationMs = performance.now() - startedAt;
        const { protocol, method, trace: traced } = request;
        const { peer } = head;
        const traceId = traced?.traceId;
        const outcome = { requestId, protocol, method, status, error, durationMs, peer, traceId };
        traced?.end(outcome);
        observe(outcome);
      },
    };
    try {
      route(request);
    } catch (cause) {
      fail(request, cause);
    }
  };
}

/** Headers and trailers that Node refuses to send must not cost the client its answer. */
function reply(request: Request, answer: Answer, error?: ConnectError): void {
  try {
    request.exchange.respond(answer, request.common);
  } catch (cause) {
    fail(request, cause);
    return;
  }
  request.conclude(answer.status, error);
}

function fail({ exchange, common, conclude }: Request, cause: unknown): void {
  exchange.respond(internalError, common);
  conclude(internalError.status, errorFrom(cause));
}

const badHost: Answer = {
  ...jsonAnswer(400, { code: 3, message: "invalid host" }),
  isLast: true,
};
const expectationFailed: Answer = { status: 417, headers: {} };
/** The protocols of streams read the status where there is nothing else to read. */
const unavailable = jsonAnswer(503, { code: 14, message: "shutting down" });
const tooManyStreamsText = "this address has too many streams open";
const tooManyStreams = jsonAnswer(
  429,
  { code: 8, message: tooManyStreamsText },
  { "retry-after": "1" },
);
const internalError = jsonAnswer(500, { code: 13, message: "internal error" });

/** Connect clients read a bare 404 as "unimplemented", and would stumble over a body of REST. */
const rpcNotFound: Answer = { status: 404, headers: {} };

/** `/package.Service/Method`. */
function isRpcPath(path: string): boolean {
  return /^\/\w+(?:\.\w+)+\/\w+$/.test(path);
}
