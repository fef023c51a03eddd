import type { DescMethod } from "@bufbuild/protobuf";
import { type Cors, createCors } from "../http/cors.ts";
import type { Page } from "../http/static-pages.ts";
import { collectMethods, pathOf } from "../methods.ts";
import type { WireOptions } from "../options.ts";
import { createJsonCodec } from "../protocol/codec.ts";
import { createConnect } from "../protocol/connect.ts";
import { createGrpc } from "../protocol/grpc.ts";
import { createGrpcWeb } from "../protocol/grpc-web.ts";
import type { Protocol } from "../protocol/protocol.ts";
import { createStatusOf } from "../protocol/rest/error-status.ts";
import { createRest, type Rest } from "../protocol/rest/rest.ts";
import { createStreamingMethods, type StreamingMethod } from "../protocol/streaming/streaming.ts";
import { createUnaryMethod, type UnaryMethod } from "../unary-method.ts";

/** Everything that a request can ask for. */
export type RouteTables = {
  /** By path: `/package.Service/Method`. */
  readonly unary: ReadonlyMap<string, UnaryMethod>;
  /** By path, too. */
  readonly streaming: ReadonlyMap<string, StreamingMethod>;
  readonly rest: Rest;
  readonly pages: ReadonlyMap<string, Page>;
  readonly actions: ReadonlyMap<string, Page>;
  /** For calls whose content type names no protocol of `grpcFamily`. */
  readonly connect: Omit<Protocol, "speaks">;
  readonly grpcFamily: readonly Protocol[];
  readonly cors: Cors;
};

/**
 * Make the tables, once for a server.
 *
 * @param shutdown Ends every stream when it is aborted.
 * @throws Error if a method is registered twice, or if HTTP rules match the same requests.
 */
export function createRouteTables(options: WireOptions, shutdown: AbortSignal): RouteTables {
  const {
    interceptors,
    registry,
    restPrefixes = {},
    restStatuses = {},
    pages,
    actions = new Map(),
  } = options;
  const { maxMessageBytesOf = () => undefined, isHeavy = () => false } = options;
  const { maxMessageBytes } = options.limits;
  const maxBytesOf = (method: DescMethod) =>
    Math.min(maxMessageBytesOf(method) ?? maxMessageBytes, maxMessageBytes);
  const specs = collectMethods(options.routes);
  const unary = new Map(
    specs
      .filter((spec) => spec.kind === "unary")
      .map((spec) => {
        const { method } = spec;
        const costs = { maxMessageBytes: maxBytesOf(method), isHeavy: isHeavy(method) };
        return [pathOf(method), createUnaryMethod(spec, interceptors, costs)];
      }),
  );
  const streaming = createStreamingMethods(
    specs.filter((spec) => spec.kind !== "unary"),
    options,
    maxBytesOf,
    shutdown,
  );
  const json = createJsonCodec(registry);
  const { origins, requestHeaders, answerHeaders } = options.cors;
  return {
    unary,
    streaming,
    rest: createRest([...unary.values()], {
      prefixes: restPrefixes,
      statusOf: createStatusOf(restStatuses),
      json,
    }),
    pages,
    actions,
    connect: createConnect(json),
    grpcFamily: [createGrpc(json), createGrpcWeb(json)],
    cors: createCors(origins, requestHeaders, answerHeaders),
  };
}
