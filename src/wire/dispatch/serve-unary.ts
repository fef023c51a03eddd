import type { ConnectError } from "@connectrpc/connect";
import type { Overload } from "../bounds/overload.ts";
import { callUnary } from "../call.ts";
import { createDeadlines } from "../deadline.ts";
import type { WireOptions } from "../options.ts";
import { type Dialog, isAnswer, noMetadata } from "../protocol/protocol.ts";
import { explain, refusal } from "../refusal.ts";
import type { WorkTurns } from "../turns/work-turns.ts";
import type { UnaryRoute } from "./route.ts";
import type { ServedRequest } from "./served-request.ts";

/**
 * Admit unary calls, run them and reply.
 *
 * @param isDraining While true, calls are refused as unavailable.
 * @param overload Counts the calls; while it is overloaded, further ones are refused as unavailable.
 * @param heavyTurns As `UnaryCallOptions` has it.
 */
export function createServeUnary(
  options: WireOptions,
  isDraining: () => boolean,
  overload: Overload,
  heavyTurns: WorkTurns,
): (request: ServedRequest, route: UnaryRoute) => void {
  const { limits, requestGate, errorDomain } = options;
  const startDeadline = createDeadlines();

  function whyNotNow(): ConnectError | undefined {
    if (isDraining()) return refusal("draining", "shutting down");
    if (overload.isOverloaded()) return refusal("overloaded", "the server is overloaded");
    return undefined;
  }

  return (request, { protocol, method, opened, bind }) => {
    request.identify(protocol, method.descriptor);
    if (isAnswer(opened)) {
      request.reply(opened);
      return;
    }
    const busy = whyNotNow();
    if (busy !== undefined) {
      refuse(request, opened, busy, errorDomain);
      return;
    }
    overload.begin();
    request.isUnaryCall = true;
    callUnary(method, request.exchange, opened, {
      protocolName: protocol,
      requestId: request.id,
      limits,
      startDeadline,
      errorDomain,
      requestGate,
      heavyTurns,
      bind,
      trace: request.trace,
      onAnswer(answer, error) {
        overload.end();
        request.reply(answer, error);
      },
    });
  };
}

/**
 * Refuse a call before it has begun, in its own protocol.
 *
 * @param errorDomain As `explain` takes it.
 */
export function refuse(
  request: ServedRequest,
  dialog: Dialog,
  reason: ConnectError,
  errorDomain: string | undefined,
): void {
  const error = explain(reason, errorDomain);
  request.reply(dialog.refuse(error, noMetadata), error);
}
