import type { OpenStreams } from "../bounds/open-streams.ts";
import type { Answer } from "../http/exchange.ts";
import { jsonAnswer } from "../http/http-answers.ts";
import { farewellMs, retryMs } from "../limits.ts";
import { refusal } from "../refusal.ts";
import { retryAfter } from "../retry-hint.ts";
import type { StreamingRoute } from "./route.ts";
import type { ServedRequest } from "./served-request.ts";

/**
 * Admit streaming calls and see them through.
 *
 * @param isDraining While true, streams are refused as unavailable.
 * @param openStream As `OpenStreams.open`, for the address of a client.
 */
export function createServeStream(
  isDraining: () => boolean,
  openStream: OpenStreams["open"],
): (request: ServedRequest, route: StreamingRoute) => void {
  return (request, { protocol, method }) => {
    const { exchange, common } = request;
    request.identify(protocol, method.descriptor);
    if (isDraining()) {
      request.reply(unavailable, refusal("draining", unavailableText));
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
      request.reply(tooManyStreams, refusal("tooManyStreams", tooManyStreamsText));
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

// The same for all protocols: clients read the HTTP status of an answer that is not of their protocol.
const unavailableText = "shutting down";
const unavailable: Answer = jsonAnswer(503, { code: 14, message: unavailableText });
const tooManyStreamsText = "this address has too many streams open";
const tooManyStreams: Answer = jsonAnswer(
  429,
  { code: 8, message: tooManyStreamsText },
  { "retry-after": retryAfter(retryMs) },
);
