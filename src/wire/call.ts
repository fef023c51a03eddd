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
import { type Deadline, startDeadline } from "./deadline.ts";
import { type Answer, type Exchange, headersFromNode } from "./exchange.ts";
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

/** What an interceptor sees as its request and a handler as its context, in one object. */
type Call = UnaryRequest &
  HandlerContext & {
    /** The call itself. An interceptor that passes on a changed copy leaves this as it was. */
    readonly original: Call;
    /** What the handler and the interceptors have set so far; nothing is made to look. */
    readonly metadata: () => Metadata;
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
    return {
      stream: false,
      service: request.service,
      method: spec.method,
      message,
      get header() {
        return context.responseHeader;
      },
      get trailer() {
        return context.responseTrailer;
      },
    };
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
  try {
    deadline = startDeadline(timeoutWithin(limits, dialog.timeoutMs()));
    const { cancel } = deadline;
    exchange.onGone(() => cancel(refusal("canceled", "the client has gone")));
    const body = await deadline.race(
      readBody(exchange, dialog.maxBodyBytes, limits.maxMessageBytes),
    );
    const message = dialog.read(body);
    bind?.(message);
    call = createCall(method.descriptor, exchange, deadline, message, protocolName);
    const response = await deadline.race(method.onion(call));
    return { answer: dialog.answer(response.message, call.metadata()), error: undefined };
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

function createCall(
  method: DescMethodUnary,
  { head }: Exchange,
  deadline: Deadline,
  message: Message,
  protocolName: string,
): Call {
  const contextValues: ContextValues = createContextValues().set(peerKey, head.peer);
  let requestHeader: Headers | undefined;
  let responseHeader: Headers | undefined;
  let responseTrailer: Headers | undefined;
  // Headers, signal and URL are made when somebody looks: most calls need few of them. They are own
  // properties, so that a copy made with the spread operator has them.
  const call: Call = {
    stream: false,
    service: method.parent,
    method,
    message,
    requestMethod: head.method,
    protocolName,
    contextValues,
    values: contextValues,
    timeoutMs: () => deadline.remainingMs(),
    get url() {
      const host = head.headers[":authority"] ?? head.headers.host ?? "";
      return `http://${host}${head.path}${head.query === "" ? "" : `?${head.query}`}`;
    },
    get signal() {
      return deadline.signal;
    },
    get header() {
      requestHeader ??= headersFromNode(head.headers);
      return requestHeader;
    },
    get requestHeader() {
      requestHeader ??= headersFromNode(head.headers);
      return requestHeader;
    },
    get responseHeader() {
      responseHeader ??= new Headers();
      return responseHeader;
    },
    get responseTrailer() {
      responseTrailer ??= new Headers();
      return responseTrailer;
    },
    metadata: () => ({ header: responseHeader, trailer: responseTrailer }),
    get original() {
      return call;
    },
  };
  return call;
}

/** The context for a handler whose interceptors replaced the request by a changed copy. */
function contextFromCopy(copy: Call): HandlerContext {
  return {
    ...copy,
    requestHeader: copy.header,
    values: copy.contextValues,
    responseHeader: copy.original.responseHeader,
    responseTrailer: copy.original.responseTrailer,
  };
}
