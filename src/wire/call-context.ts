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
import { headersFromNode, type RequestHead } from "./http/exchange.ts";
import { type Metadata, noMetadata } from "./protocol/protocol.ts";

/** The IP address of the client, or of the nearest proxy. Set for every call. */
export const peerKey = createContextKey("", { description: "peer address" });

/**
 * What the gate and a handler see as their context and an interceptor as its request, in one object.
 *
 * Headers and signal are made when somebody looks: many calls need neither. What an interceptor may look
 * at is an own property, so that a copy made with the spread operator has it.
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
  /** The call itself. An interceptor that passes on a changed copy leaves this as it was. */
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
  ) {
    this.service = method.parent;
    this.method = method;
    this.requestMethod = head.method;
    this.protocolName = protocolName;
    this.contextValues = createContextValues().set(peerKey, head.peer);
    this.url = urlOf(head);
    this.original = this;
    this.#head = head;
    this.#deadline = deadline;
    // One by one: together, with `defineProperties`, they take twice the time.
    Object.defineProperty(this, "signal", Call.#signal);
    Object.defineProperty(this, "header", Call.#header);
  }

  static readonly #signal = ownAccessor((call: Call) => call.#deadline.signal);
  static readonly #header = ownAccessor((call: Call) => call.requestHeader);

  get values(): ContextValues {
    return this.contextValues;
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= headersFromNode(this.#head.headers);
    return this.#requestHeader;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers();
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers();
    return this.#responseTrailer;
  }

  readonly timeoutMs = (): number => this.#deadline.remainingMs();

  /** What has been set so far; nothing is made to look. */
  metadata(): Metadata {
    return { header: this.#responseHeader, trailer: this.#responseTrailer };
  }
}

/** One function for all objects: an object literal with accessors costs microseconds. */
function ownAccessor(read: (call: Call) => unknown): PropertyDescriptor {
  return {
    enumerable: true,
    get(this: Call) {
      return read(this.original);
    },
  };
}

function urlOf({ headers, path, query }: RequestHead): string {
  const host = headers[":authority"] ?? headers.host ?? "";
  return `http://${host}${path}${query === "" ? "" : `?${query}`}`;
}

/** The answer of a handler, before interceptors see it. */
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

/** An interceptor may have put other headers into a response of its own. */
export function metadataOf(response: UnaryResponse, call: Call | undefined): Metadata {
  const set = call?.metadata() ?? noMetadata;
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
