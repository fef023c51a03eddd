import { randomUUID } from "node:crypto";
import type { OpenStreams } from "../bounds/open-streams.ts";
import type { Overload } from "../bounds/overload.ts";
import { createUnaryMethod } from "../call.ts";
import { echo } from "../cut.ts";
import { createCors } from "../http/cors.ts";
import { type Answer, type Exchange, headerList } from "../http/exchange.ts";
import type { Page } from "../http/static-pages.ts";
import { collectMethods, pathOf } from "../methods.ts";
import type { WireOptions } from "../options.ts";
import { createJsonCodec } from "../protocol/codec.ts";
import { createConnect } from "../protocol/connect.ts";
import { createGrpc } from "../protocol/grpc.ts";
import { createGrpcWeb } from "../protocol/grpc-web.ts";
import { type Dialog, isAnswer } from "../protocol/protocol.ts";
import { createRest } from "../protocol/rest/rest.ts";
import { createStreamingMethods } from "../protocol/streaming/streaming.ts";
import { refusal } from "../refusal.ts";
import { createRoute, type Route, type RouteTables } from "./route.ts";
import { createServeStream } from "./serve-stream.ts";
import { createServeUnary, refuse } from "./serve-unary.ts";
import { ServedRequest } from "./served-request.ts";

/** What of the server's state decides whether a call may begin. */
export type DispatchState = {
  /** While true, calls are refused as unavailable. */
  readonly isDraining: () => boolean;
  /** Ends the streams when it is aborted. */
  readonly shutdown: AbortSignal;
  readonly overload: Overload;
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
  const tables = createTables(options, state.shutdown);
  const route = createRoute(tables);
  const always = headerList(options.headers);
  const serveUnary = createServeUnary(options, state.isDraining, state.overload);
  const serveStream = createServeStream(state.isDraining, state.openStream);

  function serve(request: ServedRequest, found: Route): void {
    switch (found.kind) {
      case "answer":
        request.reply(found.answer);
        break;
      case "page":
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

/** Everything that a request can ask for, made once. */
function createTables(options: WireOptions, shutdown: AbortSignal): RouteTables {
  const { interceptors, registry, restPrefix, pages } = options;
  const { maxMessageBytes } = options.limits;
  const specs = collectMethods(options.routes);
  const unary = new Map(
    specs
      .filter((spec) => spec.kind === "unary")
      .map((spec) => [pathOf(spec.method), createUnaryMethod(spec, interceptors)]),
  );
  const streaming = createStreamingMethods(
    specs.filter((spec) => spec.kind !== "unary"),
    options,
    shutdown,
  );
  const json = createJsonCodec(registry);
  const { origins, requestHeaders, answerHeaders } = options.cors;
  return {
    unary,
    streaming,
    rest: createRest([...unary.values()], restPrefix, json, maxMessageBytes),
    pages,
    connect: createConnect(json, maxMessageBytes),
    grpcFamily: [createGrpc(json, maxMessageBytes), createGrpcWeb(json, maxMessageBytes)],
    cors: createCors(origins, requestHeaders, answerHeaders),
  };
}

async function servePage(request: ServedRequest, page: Page): Promise<void> {
  request.reply(await page(request.exchange.head));
}
