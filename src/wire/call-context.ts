import type { DescMethodUnary, Message } from "@bufbuild/protobuf";
import {
  type ContextValues,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import type { Deadline } from "./deadline.ts";
import type { RequestHead } from "./http/exchange.ts";
import { AnswerHeaders, RequestHeaders } from "./http/lazy-headers.ts";
import type { Metadata } from "./protocol/protocol.ts";

/** The IP address of the client, or of the nearest proxy. Set for every call. */
export const peerKey = createContextKey("", { description: "peer address" });

/** Which the answer carries as `x-request-id`. Set for every call. */
export const requestIdKey = createContextKey("", { description: "request id" });

/** As much of the signal of a call as most handlers need. A signal that is made must also be aborted, which is slow. */
export type Waiter = Pick<AbortSignal, "aborted" | "reason">;

/** Tells whether the client still waits. Set for every unary call. */
export const waiterKey = createContextKey<Waiter | undefined>(undefined, { description: "waiter" });

/**
 * One call, as the gate and the handler see it (their context) and as interceptors see it (their request).
 *
 * An interceptor passes on the call itself, or a copy that it has made with the spread operator:
 *
 *     gate(call) ──▶ interceptor(call) ──▶ interceptor(copy) ──▶ handler(contextFromCopy(copy))
 *            ▲                                     │
 *            └─────────── copy.original ───────────┘
 *
 * - `signal` and `header` are accessors, because most calls need neither and both are slow to make. They
 *   are own properties, because the spread operator copies no others.
 * - A copy has neither the accessors of the class nor its private fields. The handler finds these (headers
 *   of the response, time left) in `original`, which leads from the copy back to the call.
 */
export class Call implements UnaryRequest, HandlerContext {
  readonly stream = false;
  readonly service: UnaryRequest["service"];
  readonly method: DescMethodUnary;
  /** Set when the body has been read: before the first interceptor, after the gate. */
  message!: Message;
  readonly requestMethod: string;
  readonly protocolName: string;
  readonly contextValues: ContextValues;
  /** The call itself, here and in each copy. */
  readonly original: Call;
  readonly url: string;
  declare readonly signal: AbortSignal;
  declare readonly header: Headers;
  readonly #head: RequestHead;
  readonly #deadline: Deadline;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;

  constructor(
    method: DescMethodUnary,
    head: RequestHead,
    deadline: Deadline,
    protocolName: string,
    requestId: string,
  ) {
    this.service = method.parent;
    this.method = method;
    this.requestMethod = head.method;
    this.protocolName = protocolName;
    this.contextValues = createContextValues()
      .set(peerKey, head.peer)
      .set(requestIdKey, requestId)
      .set(waiterKey, deadline);
    this.url = urlOf(head);
    this.original = this;
    this.#head = head;
    this.#deadline = deadline;
    // Not with `defineProperties`, which takes twice the time.
    Object.defineProperty(this, "signal", Call.#signal);
    Object.defineProperty(this, "header", Call.#header);
  }

  static readonly #signal = ownAccessor((call: Call) => call.#deadline.signal);
  static readonly #header = ownAccessor((call: Call) => call.requestHeader);

  get values(): ContextValues {
    return this.contextValues;
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= new RequestHeaders(this.#head.headers);
    return this.#requestHeader;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new AnswerHeaders();
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new AnswerHeaders();
    return this.#responseTrailer;
  }

  readonly timeoutMs = (): number => this.#deadline.remainingMs();

  /** What the handler and the interceptors have set so far. Does not make headers that nobody asked for. */
  metadata(): Metadata {
    return { header: this.#responseHeader, trailer: this.#responseTrailer };
  }
}

/** Made once for all calls: an object literal with accessors would take microseconds for each. */
function ownAccessor(read: (call: Call) => unknown): PropertyDescriptor {
  return {
    enumerable: true,
    get(this: Call) {
      return read(this.original);
    },
  };
}

function urlOf({ headers, path, query }: RequestHead): string {
  // HTTP/1.0 and HTTP/2 may leave it out. Without any, the first part of the path would be read as the host.
  const host = headers[":authority"] ?? headers.host ?? "localhost";
  return `http://${host}${path}${query === "" ? "" : `?${query}`}`;
}

/** The response of a handler, as interceptors see it. Its headers are made when they are asked for. */
export class CallResponse implements UnaryResponse {
  readonly stream = false;
  readonly service: UnaryResponse["service"];
  readonly method: DescMethodUnary;
  readonly message: Message;
  readonly #context: HandlerContext;

  constructor(method: DescMethodUnary, message: Message, context: HandlerContext) {
    this.service = method.parent;
    this.method = method;
    this.message = message;
    this.#context = context;
  }

  get header(): Headers {
    return this.#context.responseHeader;
  }

  get trailer(): Headers {
    return this.#context.responseTrailer;
  }
}

/**
 * Headers and trailers to send with a response. An interceptor may have returned a response of its own, with
 * other headers, or a copy without any: the spread operator does not copy those of `CallResponse`.
 */
export function metadataOf(response: UnaryResponse, call: Call): Metadata {
  const set = call.metadata();
  if (response instanceof CallResponse) return set;
  return { header: response.header ?? set.header, trailer: response.trailer ?? set.trailer };
}

/** The context for a handler whose interceptors replaced the request by a changed copy. */
export function contextFromCopy(copy: Call): HandlerContext {
  const { service, method, requestMethod, protocolName, url, signal, original } = copy;
  return {
    service,
    method,
    requestMethod,
    protocolName,
    url,
    signal,
    values: copy.contextValues,
    requestHeader: copy.header,
    responseHeader: original.responseHeader,
    responseTrailer: original.responseTrailer,
    timeoutMs: original.timeoutMs,
  };
}
