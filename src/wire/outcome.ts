import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { RequestHead } from "./http/exchange.ts";

/** A call that begins. */
export type TracedCall = Pick<Outcome, "protocol"> & {
  readonly method: DescMethod;
  readonly head: RequestHead;
};

/** Follows one call. */
export type Trace = {
  /** For the outcome. */
  readonly traceId: string;
  /** Runs gate, interceptors and handler, so that the spans that they start belong to the trace. */
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
  /** The path of a page that the server has; `undefined` for everything else, so it never comes from a caller. */
  readonly page: string | undefined;
  /** HTTP status; 200 for every answer of gRPC and gRPC-Web. */
  readonly status: number;
  /** `undefined` for a success, and if HTTP refused the request. Its cause must not be sent. */
  readonly error: ConnectError | undefined;
  readonly durationMs: number;
  readonly peer: string;
  /** `undefined` unless calls are traced. */
  readonly traceId: string | undefined;
};
