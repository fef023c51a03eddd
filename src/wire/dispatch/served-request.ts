import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { errorFrom } from "../call.ts";
import type { Answer, Exchange, HeaderList } from "../http/exchange.ts";
import { jsonAnswer } from "../http/http-answers.ts";
import type { WireOptions } from "../options.ts";
import type { Trace } from "../outcome.ts";

/** A request until it is answered. Exactly one of `reply`, `fail` and `report` ends it. */
export class ServedRequest {
  readonly exchange: Exchange;
  /** Headers of its answer, whatever that is. */
  readonly common: HeaderList;
  /** Which the answer carries as `x-request-id`. */
  readonly id: string;
  readonly #options: Pick<WireOptions, "observe" | "trace">;
  readonly #startedAt = performance.now();
  #protocol = "http";
  #method: DescMethod | undefined;
  #page: string | undefined;
  #trace: Trace | undefined;
  /** A unary call releases the exchange itself, because its handler may still work when it is answered. */
  isUnaryCall = false;

  constructor(
    exchange: Exchange,
    id: string,
    common: HeaderList,
    options: Pick<WireOptions, "observe" | "trace">,
  ) {
    this.exchange = exchange;
    this.common = common;
    this.id = id;
    this.#options = options;
  }

  /** `undefined` unless calls are traced and this is one. */
  get trace(): Trace | undefined {
    return this.#trace;
  }

  /** Note what the request turned out to be, for the outcome. Begins the trace of a call. */
  identify(protocol: string, method: DescMethod | undefined): void {
    this.#protocol = protocol;
    this.#method = method;
    if (method !== undefined) {
      this.#trace = this.#options.trace?.({ protocol, method, head: this.exchange.head });
    }
  }

  /** Note that the request asks for one of the server's own pages. */
  identifyPage(path: string): void {
    this.#page = path;
  }

  /** Send the whole answer and report it. */
  reply(answer: Answer, error?: ConnectError): void {
    try {
      this.exchange.respond(answer, this.common);
    } catch (cause) {
      // Node refuses some headers and trailers of handlers. The client must get an answer all the same.
      this.fail(cause);
      return;
    }
    this.report(answer.status, error);
  }

  /** @param cause For the log. The client is told no more than "internal error". */
  fail(cause: unknown): void {
    this.exchange.respond(internalError, this.common);
    this.report(internalError.status, errorFrom(cause));
  }

  /** Report the outcome. Called from outside only for a stream, which sends its answer itself. */
  report(status: number, error?: ConnectError): void {
    const outcome = {
      requestId: this.id,
      protocol: this.#protocol,
      method: this.#method,
      page: this.#page,
      status,
      error,
      durationMs: performance.now() - this.#startedAt,
      peer: this.exchange.head.peer,
      traceId: this.#trace?.traceId,
    };
    this.#trace?.end(outcome);
    this.#options.observe(outcome);
    if (!this.isUnaryCall) this.exchange.release();
  }
}

const internalError = jsonAnswer(500, { code: 13, message: "internal error" });
