import type { Buffer } from "node:buffer";
import { create, type DescMethodUnary, type Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type HandlerContext,
  type Interceptor,
  type MethodImplSpec,
  type UnaryResponse,
} from "@connectrpc/connect";
import { assertDeclaredLength, readBody } from "./body.ts";
import { Call, CallResponse, contextFromCopy, metadataOf } from "./call-context.ts";
import { type Deadline, deadlineExceeded, type StartDeadline } from "./deadline.ts";
import type { Answer, Exchange } from "./http/exchange.ts";
import type { Limits } from "./limits.ts";
import { type Dialog, type Metadata, noMetadata } from "./protocol/protocol.ts";
import { explain, refusal } from "./refusal.ts";

/** A unary method, ready to be called. */
export type UnaryMethod = {
  readonly descriptor: DescMethodUnary;
  /** The handler inside its interceptors. */
  readonly onion: (call: Call) => Promise<UnaryResponse>;
};

/**
 * As the `requestGate` of Connect: decides from the head of a request whether it is let in, before a byte of
 * its body is read. It may set context values. An error that it throws is the answer.
 *
 * @returns A promise only if it has to wait: a call that is let in at once costs less.
 */
export type RequestGate = (context: HandlerContext) => void | Promise<void>;

/** What a call needs beside its method, its exchange and its dialog. */
export type UnaryCallOptions = {
  /** As `HandlerContext.protocolName`. */
  readonly protocolName: string;
  /** For `requestIdKey`. */
  readonly requestId: string;
  readonly limits: Limits;
  readonly startDeadline: StartDeadline;
  /** As `explain` takes it. */
  readonly errorDomain: string | undefined;
  readonly requestGate: RequestGate | undefined;
  /** Applied to the message before the handler sees it: sets the fields that a REST path names. */
  readonly bind: ((message: Message) => void) | undefined;
  /** Runs the gate and the onion. */
  readonly trace: { run<Result>(work: () => Result): Result } | undefined;
  /** Called once. The error is `undefined` for a success; its cause must not be sent. */
  readonly onAnswer: (answer: Answer, error: ConnectError | undefined) => void;
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
    // Interceptors are typed for streams, too; here every request is a `Call`.
    handle as unknown as Next,
  );
  return { descriptor: spec.method, onion: onion as UnaryMethod["onion"] };
}

/**
 * Run one call from its head to its answer: gate, body, message, handler, answer. Never throws.
 *
 * The steps call one another, because a promise between each two of them would cost more than they do.
 */
export function callUnary(
  method: UnaryMethod,
  exchange: Exchange,
  dialog: Dialog,
  options: UnaryCallOptions,
): void {
  const { limits, protocolName, requestId, requestGate, trace } = options;
  let deadline: Deadline | undefined;
  let call: Call | undefined;
  let isOver = false;
  /** The gate or the handler has begun and is not done. */
  let isWorking = false;
  const bodyLimits = { maxBytes: dialog.maxBodyBytes, maxMessageBytes: limits.maxMessageBytes };

  const end = (answer: Answer, error: ConnectError | undefined) => {
    isOver = true;
    deadline?.end();
    options.onAnswer(answer, error);
    if (!isWorking) exchange.release();
  };
  /** The gate or the handler is done. Returns whether somebody still waits for it. */
  const settle = () => {
    isWorking = false;
    if (isOver) exchange.release();
    return !isOver;
  };
  const fail = (reason: unknown) => {
    if (isOver) return;
    const error = repair(explain(errorFrom(reason), options.errorDomain));
    end(refuse(dialog, error, call?.metadata(), options.errorDomain), error);
  };
  const failed = (reason: unknown) => {
    if (settle()) fail(reason);
  };
  const succeed = (response: UnaryResponse) => {
    if (!settle()) return;
    let answer: Answer;
    try {
      answer = dialog.answer(response.message, metadataOf(response, call));
    } catch (reason) {
      fail(reason);
      return;
    }
    end(answer, undefined);
  };
  const begin = (started: Deadline, made: Call, read: (body: Buffer) => Message, body: Buffer) => {
    if (isOver) return;
    started.endBody();
    try {
      made.message = read(body);
      options.bind?.(made.message);
      const answered =
        trace === undefined ? method.onion(made) : trace.run(() => method.onion(made));
      isWorking = true;
      answered.then(succeed, failed);
    } catch (reason) {
      fail(reason);
    }
  };
  const receive = (started: Deadline, made: Call) => {
    if (isOver) return;
    try {
      const read = dialog.reader();
      started.beginBody();
      readBody(exchange, {
        ...bodyLimits,
        done: (body) => begin(started, made, read, body),
        refuse: fail,
      });
    } catch (reason) {
      fail(reason);
    }
  };

  try {
    const timeoutMs = timeoutWithin(limits, dialog.timeoutMs());
    if (timeoutMs <= 0) throw deadlineExceeded();
    assertDeclaredLength(exchange.head, bodyLimits);
    const started = options.startDeadline(timeoutMs, fail);
    deadline = started;
    cancelWhenGone(exchange, started);
    const made = new Call(method.descriptor, exchange.head, started, protocolName, requestId);
    call = made;
    const passing =
      trace === undefined ? requestGate?.(made) : trace.run(() => requestGate?.(made));
    if (passing === undefined) {
      receive(started, made);
      return;
    }
    isWorking = true;
    passing.then(() => {
      if (settle()) receive(started, made);
    }, failed);
  } catch (reason) {
    fail(reason);
  }
}

/** A function of its own, so that the exchange keeps the deadline in memory, but not the whole call. */
function cancelWhenGone(exchange: Exchange, deadline: Deadline): void {
  exchange.onGone(() => deadline.cancel(refusal("canceled", "the client has gone")));
}

/** The client's timeout, shortened to the longest we allow, or the default without one. */
export function timeoutWithin(limits: Limits, timeoutMs: number | undefined): number {
  return Math.min(timeoutMs ?? limits.defaultDeadlineMs, limits.maxDeadlineMs);
}

/** Anything thrown, as an error that can be sent. The text of any other error than Connect's is not sent. */
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
function refuse(
  dialog: Dialog,
  error: ConnectError,
  metadata: Metadata | undefined,
  errorDomain: string | undefined,
): Answer {
  try {
    return dialog.refuse(error, metadata ?? noMetadata);
  } catch {
    const internal = new ConnectError("internal error", Code.Internal);
    return dialog.refuse(explain(internal, errorDomain), noMetadata);
  }
}
