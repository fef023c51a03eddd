import { create, type DescMethodUnary, type Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type Interceptor,
  type MethodImplSpec,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import { readBody } from "./body.ts";
import { Deadline } from "./deadline.ts";
import { type Answer, type Exchange, headersFromNode, type RequestHead } from "./exchange.ts";
import type { Limits } from "./limits.ts";
import { type Dialog, type Metadata, noMetadata } from "./protocol.ts";
import { explain, refusal } from "./refusal.ts";

/** The IP address of the client, or of the nearest proxy. Set for every call. */
export const peerKey = createContextKey("", { description: "peer address" });

/** A unary method, ready to be called. */
export type UnaryMethod = {
  readonly descriptor: DescMethodUnary;
  /** The handler inside its interceptors. */
  readonly onion: (call: Call) => Promise<UnaryResponse>;
};

/** How a call ended. */
export type Conclusion = {
  readonly answer: Answer;
  /** `undefined` for a success. The cause is for the log, not for the client. */
  readonly error: ConnectError | undefined;
};

/** @param interceptors The first is the outermost. */
export function createUnaryMethod(
  spec: MethodImplSpec & { kind: "unary" },
  interceptors: readonly Interceptor[],
): UnaryMethod {
  type Next = ReturnType<Interceptor>;
  const handle = async (request: Call): Promise<UnaryResponse> => {
    const context = request === request.original ? request : contextFromCopy(request);
    const message = create(spec.method.output, await spec.impl(request.message, context));
    return new CallResponse(spec.method, message, context);
  };
  const onion = interceptors.reduceRight<Next>(
    (next, interceptor) => interceptor(next),
    // Interceptors are typed for streams too; inside this lane every request is a Call.
    handle as unknown as Next,
  );
  return { descriptor: spec.method, onion: onion as UnaryMethod["onion"] };
}

/**
 * Run one call from its body to its answer: read, decode, call, encode. Never rejects.
 *
 * @param options.bind Applied to the message before the handler sees it: path variables, for one.
 */
export async function callUnary(
  method: UnaryMethod,
  exchange: Exchange,
  dialog: Dialog,
  options: {
    readonly protocolName: string;
    readonly limits: Limits;
    readonly errorDomain: string | undefined;
    readonly bind: ((message: Message) => void) | undefined;
  },
): Promise<Conclusion> {
  const { limits, protocolName, bind } = options;
  let deadline: Deadline | undefined;
  let call: Call | undefined;
  const run = async (started: Deadline): Promise<UnaryResponse> => {
    const body = await readBody(exchange, dialog.maxBodyBytes, limits.maxMessageBytes);
    started.endBody();
    const message = dialog.read(body);
    bind?.(message);
    call = new Call(method.descriptor, exchange.head, started, message, protocolName);
    return method.onion(call);
  };
  try {
    const started = new Deadline(timeoutWithin(limits, dialog.timeoutMs()));
    deadline = started;
    exchange.onGone(() => started.cancel(refusal("canceled", "the client has gone")));
    const response = await started.race(run(started));
    return {
      answer: dialog.answer(response.message, metadataOf(response, call)),
      error: undefined,
    };
  } catch (reason) {
    const error = repair(explain(errorFrom(reason), options.errorDomain));
    return { answer: refuse(dialog, error, call?.metadata()), error };
  } finally {
    deadline?.end();
  }
}

/** The client's timeout, shortened to the longest we allow, or the default without one. */
export function timeoutWithin(limits: Limits, timeoutMs: number | undefined): number {
  return Math.min(timeoutMs ?? limits.defaultDeadlineMs, limits.maxDeadlineMs);
}

/** Anything thrown, as an error that can be sent: the text of a foreign one stays inside. */
export function errorFrom(reason: unknown): ConnectError {
  if (reason instanceof ConnectError) return reason;
  return new ConnectError("internal error", Code.Internal, undefined, undefined, reason);
}

/** No protocol can carry a lone surrogate. */
function repair(error: ConnectError): ConnectError {
  if (error.rawMessage.isWellFormed()) return error;
  const { code, metadata, details, cause } = error;
  const repaired = new ConnectError(
    error.rawMessage.toWellFormed(),
    code,
    metadata,
    undefined,
    cause,
  );
  repaired.details.push(...details);
  return repaired;
}

/** Details that cannot be encoded must not cost the client its answer. */
function refuse(dialog: Dialog, error: ConnectError, metadata: Metadata = noMetadata): Answer {
  try {
    return dialog.refuse(error, metadata);
  } catch {
    return dialog.refuse(new ConnectError("internal error", Code.Internal), noMetadata);
  }
}

/**
 * What an interceptor sees as its request and a handler as its context, in one object.
 *
 * Headers, signal and URL are made when somebody looks: most calls need few of them. Those that an
 * interceptor may look at are own properties, so that a copy made with the spread operator has them.
 */
class Call implements UnaryRequest, HandlerContext {
  readonly stream = false;
  readonly service: UnaryRequest["service"];
  readonly method: DescMethodUnary;
  readonly message: Message;
  readonly requestMethod: string;
  readonly protocolName: string;
  readonly contextValues: ContextValues;
  /** The call itself. An interceptor that passes on a changed copy leaves this as it was. */
  readonly original: Call;
  declare readonly url: string;
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
    message: Message,
    protocolName: string,
  ) {
    this.service = method.parent;
    this.method = method;
    this.message = message;
    this.requestMethod = head.method;
    this.protocolName = protocolName;
    this.contextValues = createContextValues().set(peerKey, head.peer);
    this.original = this;
    this.#head = head;
    this.#deadline = deadline;
    Object.defineProperties(this, Call.#ownAccessors);
  }

  static readonly #ownAccessors: PropertyDescriptorMap = {
    url: ownAccessor((call: Call) => urlOf(call.#head)),
    signal: ownAccessor((call: Call) => call.#deadline.signal),
    header: ownAccessor((call: Call) => call.requestHeader),
  };

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
class CallResponse implements UnaryResponse {
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
function metadataOf(response: UnaryResponse, call: Call | undefined): Metadata {
  const set = call?.metadata() ?? noMetadata;
  if (response instanceof CallResponse) return set;
  return { header: response.header ?? set.header, trailer: response.trailer ?? set.trailer };
}

/** The context for a handler whose interceptors replaced the request by a changed copy. */
function contextFromCopy(copy: Call): HandlerContext {
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
