import type { Buffer } from "node:buffer";
import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext, type UnaryResponse } from "@connectrpc/connect";
import { assertDeclaredLength, type BodyLimits, isHeavyBody, readBody } from "./body.ts";
import { Call, metadataOf } from "./call-context.ts";
import { type Deadline, deadlineExceeded, type StartDeadline } from "./deadline.ts";
import type { Answer, Exchange } from "./http/exchange.ts";
import type { Limits } from "./limits.ts";
import { type Dialog, type Metadata, noMetadata } from "./protocol/protocol.ts";
import { explain, refusal } from "./refusal.ts";
import type { WorkTurns } from "./turns/work-turns.ts";
import type { UnaryMethod } from "./unary-method.ts";

/**
 * As the `requestGate` of Connect: decides from the head of a request whether it is let in, before a byte of
 * its body is read. It may set context values. An error that it throws or returns is the answer.
 *
 * @returns A promise only if it has to wait: a call that is let in at once costs less. An error in place of throwing
 *   it: a function that always throws is never compiled, so a refusal would cost a fifth more.
 */
export type RequestGate = (context: HandlerContext) => void | ConnectError | Promise<void>;

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
  /** For calls that take long. By the address of their client. */
  readonly heavyTurns: WorkTurns;
  /** Applied to the message before the handler sees it: sets the fields that a REST path names. */
  readonly bind: ((message: Message) => void) | undefined;
  /** Runs the gate and the onion. */
  readonly trace: { run<Result>(work: () => Result): Result } | undefined;
  /** Called once. The error is `undefined` for a success; its cause must not be sent. */
  readonly onAnswer: (answer: Answer, error: ConnectError | undefined) => void;
};

/** Run one call from its head to its answer: gate, body, message, handler, answer. Never throws. */
export function callUnary(
  method: UnaryMethod,
  exchange: Exchange,
  dialog: Dialog,
  options: UnaryCallOptions,
): void {
  new RunningCall(method, exchange, dialog, options).start();
}

/** The steps of a call call one another, because a promise between each two of them would cost more than they do. */
class RunningCall {
  readonly #method: UnaryMethod;
  readonly #exchange: Exchange;
  readonly #dialog: Dialog;
  readonly #options: UnaryCallOptions;
  readonly #bodyLimits: BodyLimits;
  #deadline: Deadline | undefined;
  #call: Call | undefined;
  /** It is answered. */
  #isOver = false;
  /** The gate or the handler has begun and is not done. */
  #isWorking = false;
  /** Gives up the turn that it waits for, if any. */
  #leave: (() => void) | undefined;

  constructor(method: UnaryMethod, exchange: Exchange, dialog: Dialog, options: UnaryCallOptions) {
    this.#method = method;
    this.#exchange = exchange;
    this.#dialog = dialog;
    this.#options = options;
    const { maxMessageBytes } = method;
    this.#bodyLimits = { maxBytes: dialog.maxBodyBytes, maxMessageBytes };
  }

  start(): void {
    const { limits, startDeadline, protocolName, requestId } = this.#options;
    const { head } = this.#exchange;
    try {
      const timeoutMs = timeoutWithin(limits, this.#dialog.timeoutMs());
      if (timeoutMs <= 0) throw deadlineExceeded();
      assertDeclaredLength(head, this.#bodyLimits);
      const deadline = startDeadline(timeoutMs, (reason) => this.#fail(reason));
      this.#deadline = deadline;
      cancelWhenGone(this.#exchange, deadline);
      const call = new Call(this.#method.descriptor, head, deadline, protocolName, requestId);
      this.#call = call;
      this.#enter(deadline, call);
    } catch (reason) {
      this.#fail(reason);
    }
  }

  /** Ask the gate, which may have to wait. */
  #enter(deadline: Deadline, call: Call): void {
    const { requestGate, trace } = this.#options;
    const passing =
      trace === undefined ? requestGate?.(call) : trace.run(() => requestGate?.(call));
    if (passing === undefined) {
      this.#receive(deadline, call);
      return;
    }
    if (passing instanceof Error) {
      this.#fail(passing);
      return;
    }
    this.#isWorking = true;
    passing.then(
      () => {
        if (this.#settle()) this.#receive(deadline, call);
      },
      (reason) => this.#failed(reason),
    );
  }

  /** Read the body. */
  #receive(deadline: Deadline, call: Call): void {
    try {
      const read = this.#dialog.reader();
      deadline.beginBody();
      readBody(this.#exchange, {
        ...this.#bodyLimits,
        done: (body) => this.#received(deadline, call, read, body),
        refuse: (error) => this.#fail(error),
      });
    } catch (reason) {
      this.#fail(reason);
    }
  }

  /** The body is here. What takes long waits for its turn. */
  #received(deadline: Deadline, call: Call, read: (body: Buffer) => Message, body: Buffer): void {
    deadline.endBody();
    const { head } = this.#exchange;
    if (this.#method.isHeavy || isHeavyBody(head, body)) {
      this.#leave = this.#options.heavyTurns(head.peer, () => this.#handle(call, read, body));
    } else this.#handle(call, read, body);
  }

  /** Give the message to the handler. */
  #handle(call: Call, read: (body: Buffer) => Message, body: Buffer): void {
    if (this.#isOver) return;
    const { bind, trace } = this.#options;
    try {
      call.message = read(body);
      bind?.(call.message);
      const { onion } = this.#method;
      const answered = trace === undefined ? onion(call) : trace.run(() => onion(call));
      this.#isWorking = true;
      answered.then(
        (response) => this.#succeed(call, response),
        (reason) => this.#failed(reason),
      );
    } catch (reason) {
      this.#fail(reason);
    }
  }

  #succeed(call: Call, response: UnaryResponse): void {
    if (!this.#settle()) return;
    let answer: Answer;
    try {
      answer = this.#dialog.answer(response.message, metadataOf(response, call));
    } catch (reason) {
      this.#fail(reason);
      return;
    }
    this.#end(answer, undefined);
  }

  #failed(reason: unknown): void {
    if (this.#settle()) this.#fail(reason);
  }

  /** The gate or the handler is done. Returns whether somebody still waits for it. */
  #settle(): boolean {
    this.#isWorking = false;
    if (this.#isOver) this.#exchange.release();
    return !this.#isOver;
  }

  #fail(reason: unknown): void {
    if (this.#isOver) return;
    const { errorDomain } = this.#options;
    const error = explain(errorFrom(reason), errorDomain);
    this.#end(refuse(this.#dialog, error, this.#call?.metadata(), errorDomain), error);
  }

  #end(answer: Answer, error: ConnectError | undefined): void {
    this.#isOver = true;
    this.#deadline?.end();
    this.#leave?.();
    this.#options.onAnswer(answer, error);
    if (!this.#isWorking) this.#exchange.release();
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
