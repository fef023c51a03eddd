import { Code, type ConnectError } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { methodName } from "../rpc/method-name.ts";
import type { RequestRecord } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { ClosedConnection, Outcome, WireOptions } from "../wire/index.ts";
import { probePaths } from "./probes.ts";

/** Turn what the wire reports about a request into a record for the log and the metrics. */
export function recordFromOutcome(outcome: Outcome): RequestRecord {
  const { method, error } = outcome;
  const name = method && methodName(method);
  return {
    requestId: outcome.requestId,
    traceId: outcome.traceId,
    protocol: outcome.protocol,
    method: name,
    path: outcome.page,
    isProbe: probes.has(name ?? outcome.page ?? ""),
    status: outcome.status,
    code: error && codeToString(error.code),
    durationMs: outcome.durationMs,
    refusal: refusalFrom(error),
    cause: causeFrom(error),
  };
}

/** What the wire tells: everything is counted, and then handed on. */
export function countedBy(
  metrics: Metrics,
  observe: (record: RequestRecord) => void,
  observeClose: ((closed: ClosedConnection) => void) | undefined,
): Pick<WireOptions, "observe" | "observeClose" | "observeLag"> {
  return {
    observe(outcome) {
      const record = recordFromOutcome(outcome);
      metrics.request(record);
      observe(record);
    },
    observeClose(closed) {
      metrics.closed(closed.reason);
      observeClose?.(closed);
    },
    observeLag: metrics.lag,
  };
}

/** What load balancers, service managers and Prometheus ask for again and again. */
const probes: ReadonlySet<string> = new Set([
  ...probePaths,
  "grpc.health.v1.Health/Check",
  "zitadel.management.v1.ManagementService/Healthz",
]);

/** The API of OpenTelemetry keeps what an SDK has registered under this key of the global object. */
const openTelemetry = Symbol.for("opentelemetry.js.api.1");

/**
 * Load the part that makes a span for every call.
 *
 * @returns `undefined` if no OpenTelemetry SDK was registered. The API of OpenTelemetry is not loaded then,
 *   because that would take a twentieth of the time of a start.
 */
export async function loadTracing(): Promise<WireOptions["trace"]> {
  if (!(openTelemetry in globalThis)) return undefined;
  const { createTracing } = await import("../telemetry/trace.ts");
  const startSpan = createTracing();
  return (
    startSpan &&
    (({ protocol, method, head }) => {
      const span = startSpan({ protocol, method: methodName(method), headers: head.headers });
      return { ...span, end: ({ error }) => span.end(error && codeToString(error.code)) };
    })
  );
}

/** Codes for which the server is at fault. The cause of an error is logged only for these. */
const ownFaults: readonly Code[] = [Code.Internal, Code.Unknown, Code.Unavailable, Code.DataLoss];

function causeFrom(error: ConnectError | undefined): unknown {
  return error !== undefined && ownFaults.includes(error.code) ? error.cause : undefined;
}

/** For the person who sets up an identity provider. The caller learns only that the token is invalid. */
function refusalFrom(error: ConnectError | undefined): string | undefined {
  if (error?.code !== Code.Unauthenticated || !(error.cause instanceof Error)) return undefined;
  return error.cause.message;
}
