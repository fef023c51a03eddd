import type { ConnectError } from "@connectrpc/connect";
import type { OpenStreams } from "../bounds/open-streams.ts";
import { farewellMs } from "../limits.ts";
import { clientGone } from "../protocol/streaming/stream-body.ts";
import { explain, refusal } from "../refusal.ts";
import type { WorkTurns } from "../turns/work-turns.ts";
import type { StreamingRoute } from "./route.ts";
import type { ServedRequest } from "./served-request.ts";

/** What Connect has for "canceled". Nobody is told any more. */
const canceledStatus = 499;

/**
 * Admit streaming calls and see them through. To begin one costs as much as twenty small calls, so each waits for its
 * turn.
 *
 * @param isDraining While true, streams are refused as unavailable.
 * @param openStream As `OpenStreams.open`, for the address of a client.
 * @param heavyTurns As `UnaryCallOptions` has it.
 * @param errorDomain As `explain` takes it.
 */
export function createServeStream(
  isDraining: () => boolean,
  openStream: OpenStreams["open"],
  heavyTurns: WorkTurns,
  errorDomain: string | undefined,
): (request: ServedRequest, route: StreamingRoute) => void {
  return (request, { protocol, method, opened }) => {
    const { exchange, common } = request;
    request.identify(protocol, method.descriptor);
    if (typeof opened !== "function") {
      request.reply(opened);
      return;
    }
    const refuseFor = (reason: ConnectError) => {
      const error = explain(reason, errorDomain);
      request.reply(opened(error), error);
    };
    if (isDraining()) {
      refuseFor(refusal("draining", "shutting down"));
      return;
    }
    const ended = new AbortController();
    let cutOff: NodeJS.Timeout | undefined;
    const close = openStream(exchange.head.peer, (reason) => {
      ended.abort(reason);
      // A handler may not look at the signal. So the stream is cut off, but not before there was time to send the reason.
      cutOff = setTimeout(() => exchange.abort(), farewellMs);
    });
    if (close === undefined) {
      refuseFor(refusal("tooManyStreams", "this address has too many streams open"));
      return;
    }
    const release = () => {
      close();
      clearTimeout(cutOff);
    };
    const serve = () => method.serve(exchange, common, ended);
    const begin = () => {
      const served = request.trace === undefined ? serve() : request.trace.run(serve);
      served.then(
        ({ status, error }) => {
          release();
          request.report(status, error);
        },
        (cause) => {
          release();
          request.fail(cause);
        },
      );
    };
    let isGone = false;
    let leave: (() => void) | undefined;
    // Until it begins, which replaces the callback.
    exchange.onGone(() => {
      isGone = true;
      leave?.();
      release();
      request.report(canceledStatus, clientGone());
    });
    if (!isGone) leave = heavyTurns(exchange.head.peer, begin);
  };
}
