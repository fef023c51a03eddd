import {
  context,
  defaultTextMapGetter,
  ProxyTracerProvider,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";

/** A call that begins. */
export type TracedCall = {
  /** "grpc", "grpc-web", "connect" or "rest". */
  readonly protocol: string;
  /** `package.Service/Method`. */
  readonly method: string;
  /** HTTP headers, which hold the metadata of gRPC too. Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
};

/** The span of one call. */
export type CallSpan = {
  readonly traceId: string;
  /** Do something within the span: spans that begin there are its children. */
  run<Result>(work: () => Result): Result;
  /** @param code Such as `failed_precondition`; `undefined` for a success. */
  end(code: string | undefined): void;
};

/** Names from the semantic conventions of OpenTelemetry, which have none for REST. */
const systems: Readonly<Record<string, string>> = {
  grpc: "grpc",
  "grpc-web": "grpc",
  connect: "connectrpc",
};

/** Codes for which the server may be at fault. For the others the caller is. */
const faults: readonly string[] = [
  "unknown",
  "deadline_exceeded",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
];

/**
 * Make a span for every call, as a child of the span in `traceparent`. It has the method, the protocol
 * and the code of the answer, and nothing from messages.
 *
 * @returns `undefined` if no OpenTelemetry SDK was registered before.
 */
export function createTracing(): ((call: TracedCall) => CallSpan) | undefined {
  const tracer = registeredTracer();
  if (tracer === undefined) return undefined;
  return ({ protocol, method, headers }) => {
    const system = systems[protocol] ?? protocol;
    const attributes = { "rpc.system.name": system, "rpc.method": method };
    const parent = parentOf(headers);
    const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent);
    const within = trace.setSpan(parent, span);
    return {
      traceId: span.spanContext().traceId,
      run: (work) => context.with(within, work),
      end: (code = "ok") => end(span, code, system),
    };
  };
}

function registeredTracer(): Tracer | undefined {
  const provider = trace.getTracerProvider();
  return provider instanceof ProxyTracerProvider
    ? provider.getDelegateTracer("giraffe")
    : provider.getTracer("giraffe");
}

/** An SDK may make a span for HTTP: it is the parent then, and the caller's span is its parent. */
function parentOf(headers: TracedCall["headers"]) {
  const active = context.active();
  if (trace.getSpan(active) !== undefined) return active;
  return propagation.extract(active, headers, defaultTextMapGetter);
}

function end(span: Span, code: string, system: string): void {
  const status = system === "grpc" ? grpcStatus(code) : code;
  span.setAttribute("rpc.response.status_code", status);
  if (faults.includes(code)) {
    span.setAttribute("error.type", status);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

/** gRPC writes its codes in capitals, and "canceled" with two l. */
function grpcStatus(code: string): string {
  return code === "canceled" ? "CANCELLED" : code.toUpperCase();
}
