import type { ConnectError } from "@connectrpc/connect";
import type { OpenStreams } from "../bounds/open-streams.ts";
import { farewellMs } from "../limits.ts";
import { explain, refusal } from "../refusal.ts";
import type { StreamingRoute } from "./route.ts";
import type { ServedRequest } from "./served-request.ts";

/**
 * Admit streaming calls and see them through.
 *
 * @param isDraining While true, streams are refused as unavailable.
 * @param openStream As `OpenStreams.open`, for the address of a client.
 * @param errorDomain As `explain` takes it.
 */
export function createServeStream(
  isDraining: () => boolean,
  openStream: OpenStreams["open"],
  errorDomain: string | undefined,
): (request: ServedRequest, route: StreamingRoute) => void {
  return (request, { protocol, method, refuse }) => {
    const { exchange, common } = request;
    request.identify(protocol, method.descriptor);
    const refuseFor = (reason: ConnectError) => {
      const error = explain(reason, errorDomain);
      request.reply(refuse(error), error);
    };
    if (isDraining()) {
      refuseFor(refusal("draining", "shutting down"));
      return;
    }
    const ended = new AbortController();
    let cutOff: NodeJS.Timeout | undefined;
    const close = openStream(exchange.head.peer, (reason) => {
      ended.abort(reason);
      // A handler that waits for the client's next message does not notice the signal. So the stream is
      // cut off, but not before there was time to send the reason.
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
}
