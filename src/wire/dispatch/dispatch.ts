import { randomUUID } from "node:crypto";
import type { OpenStreams } from "../bounds/open-streams.ts";
import type { Overload } from "../bounds/overload.ts";
import { echo } from "../cut.ts";
import { type Answer, type Exchange, headerList } from "../http/exchange.ts";
import type { Page } from "../http/static-pages.ts";
import type { WireOptions } from "../options.ts";
import { type Dialog, isAnswer } from "../protocol/protocol.ts";
import { refusal } from "../refusal.ts";
import { createWorkTurns, type WorkTurns } from "../turns/work-turns.ts";
import { createRoute, type Route } from "./route.ts";
import { createRouteTables } from "./route-tables.ts";
import { createServeStream } from "./serve-stream.ts";
import { createServeUnary, refuse } from "./serve-unary.ts";
import { ServedRequest } from "./served-request.ts";

/** What of the server's state decides whether a call may begin. */
export type DispatchState = {
  /** While true, calls are refused as unavailable. */
  readonly isDraining: () => boolean;
  /** As `Taking`. */
  readonly isTaking: () => boolean;
  /** Ends the streams when it is aborted. */
  readonly shutdown: AbortSignal;
  readonly overload: Overload;
  /** As `addressGroup`. */
  readonly groupOf: (address: string) => string;
  /** As `OpenStreams.open`, for the address of a client. */
  readonly openStream: OpenStreams["open"];
};

/**
 * Answer every request: find its route, then serve the route according to its kind.
 *
 * @returns Takes each request once. Never throws.
 * @throws Error if a method is registered twice, or if HTTP rules match the same requests.
 */
export function createDispatch(
  options: WireOptions,
  state: DispatchState,
): (exchange: Exchange) => void {
  const tables = createRouteTables(options, state.shutdown);
  const route = createRoute(tables);
  const always = headerList(options.headers);
  const { isDraining, overload, groupOf, openStream } = state;
  const takeTurn = createWorkTurns(state.isTaking);
  const heavyTurns: WorkTurns = (peer, begin) => takeTurn(groupOf(peer), begin);
  const serveUnary = createServeUnary(options, isDraining, overload, heavyTurns);
  const serveStream = createServeStream(isDraining, openStream, heavyTurns, options.errorDomain);

  function serve(request: ServedRequest, found: Route): void {
    switch (found.kind) {
      case "answer":
        request.reply(found.answer);
        break;
      case "page":
        request.identifyPage(found.path);
        servePage(request, found.page).catch((cause) => request.fail(cause));
        break;
      case "unary":
        serveUnary(request, found);
        break;
      case "streaming":
        serveStream(request, found);
        break;
      case "unknown":
        serveUnknown(request, found.protocol, found.opened);
        break;
    }
  }

  function serveUnknown(request: ServedRequest, protocol: string, opened: Dialog | Answer): void {
    request.identify(protocol, undefined);
    if (isAnswer(opened)) {
      request.reply(opened);
      return;
    }
    const { path } = request.exchange.head;
    const error = refusal("methodUnknown", `unknown method ${echo(path)}`);
    refuse(request, opened, error, options.errorDomain);
  }

  return (exchange) => {
    const { head } = exchange;
    const id = randomUUID();
    const common = [...always, "x-request-id", id, ...tables.cors.headers(head)];
    const request = new ServedRequest(exchange, id, common, options);
    try {
      serve(request, route(head));
    } catch (cause) {
      request.fail(cause);
    }
  };
}

async function servePage(request: ServedRequest, page: Page): Promise<void> {
  request.reply(await page(request.exchange.head));
}
