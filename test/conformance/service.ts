import { setTimeout as pause } from "node:timers/promises";
import {
  create,
  type DescMessage,
  type DescService,
  type Message,
  type Registry,
} from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import {
  type Code,
  ConnectError,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";

/** The shapes of the runner's messages; their schemas are read at run time. */
type Header = { name: string; value: string[] };
type Failure = { code: number; message?: string; details: Any[] };
type UnaryDefinition = {
  responseHeaders: Header[];
  responseTrailers: Header[];
  responseDelayMs: number;
  response:
    | { case: "responseData"; value: Uint8Array }
    | { case: "error"; value: Failure }
    | { case: undefined };
};
type StreamDefinition = {
  responseHeaders: Header[];
  responseTrailers: Header[];
  responseDelayMs: number;
  responseData: Uint8Array[];
  error?: Failure;
};
type UnaryRequest = Message & { responseDefinition?: UnaryDefinition };
type StreamRequest = Message & { responseDefinition?: StreamDefinition; fullDuplex?: boolean };

/**
 * The service that the conformance runner calls: every request says which headers, messages, error
 * and trailers the answer shall have, and the answer tells what the request looked like.
 *
 * @param service connectrpc.conformance.v1.ConformanceService.
 */
export function createConformanceService(
  service: DescService,
  registry: Registry,
): Partial<ServiceImpl<DescService>> {
  const requestInfoSchema = registry.getMessage(
    "connectrpc.conformance.v1.ConformancePayload.RequestInfo",
  ) as DescMessage;

  const pack = (requests: readonly Message[]) =>
    requests.map((request) =>
      anyPack(registry.getMessage(request.$typeName) as DescMessage, request),
    );

  const requestInfo = (context: HandlerContext, requests: readonly Message[]) => ({
    requestHeaders: headersFrom(context.requestHeader),
    requests: pack(requests),
    ...timeoutFrom(context),
    ...connectGetInfoFrom(context),
  });

  /** An error of a call that has sent no message tells what the request looked like. */
  const errorFrom = (failure: Failure, context: HandlerContext, requests?: readonly Message[]) => {
    const error = new ConnectError(failure.message ?? "", failure.code as Code);
    error.details = failure.details.map(({ typeUrl, value }) => ({
      type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
      value,
    }));
    if (requests !== undefined) {
      const info = create(requestInfoSchema, requestInfo(context, requests) as never);
      error.details.push({ desc: requestInfoSchema, value: info });
    }
    return error;
  };

  async function unary(requests: readonly UnaryRequest[], context: HandlerContext) {
    const definition = requests[0]?.responseDefinition;
    setMetadata(definition, context);
    if (definition !== undefined) await pause(definition.responseDelayMs);
    if (definition?.response.case === "error") {
      throw errorFrom(definition.response.value, context, requests);
    }
    const data =
      definition?.response.case === "responseData" ? definition.response.value : undefined;
    return { payload: { ...(data && { data }), requestInfo: requestInfo(context, requests) } };
  }

  async function* answers(
    definition: StreamDefinition | undefined,
    context: HandlerContext,
    requests: readonly Message[],
    from = 0,
  ) {
    for (const [index, data] of (definition?.responseData ?? []).entries()) {
      if (index < from) continue;
      await pause(definition?.responseDelayMs ?? 0);
      const info = index === 0 ? { requestInfo: requestInfo(context, requests) } : {};
      yield { payload: { data, ...info } };
    }
    if (definition?.error !== undefined) {
      const hasAnswered = from > 0 || definition.responseData.length > 0;
      throw errorFrom(definition.error, context, hasAnswered ? undefined : requests);
    }
  }

  const implementation = {
    unary: (request: UnaryRequest, context: HandlerContext) => unary([request], context),
    idempotentUnary: (request: UnaryRequest, context: HandlerContext) => unary([request], context),

    async clientStream(requests: AsyncIterable<UnaryRequest>, context: HandlerContext) {
      return unary(await Array.fromAsync(requests), context);
    },

    async *serverStream(request: StreamRequest, context: HandlerContext) {
      setMetadata(request.responseDefinition, context);
      yield* answers(request.responseDefinition, context, [request]);
    },

    async *bidiStream(requests: AsyncIterable<StreamRequest>, context: HandlerContext) {
      let definition: StreamDefinition | undefined;
      let isFullDuplex = false;
      let sent = 0;
      let unanswered: StreamRequest[] = [];
      for await (const request of requests) {
        if (definition === undefined) {
          definition = request.responseDefinition;
          isFullDuplex = request.fullDuplex ?? false;
          setMetadata(definition, context);
        }
        unanswered.push(request);
        if (!isFullDuplex) continue;
        const data = definition?.responseData[sent];
        if (data === undefined) break;
        await pause(definition?.responseDelayMs ?? 0);
        const info = sent === 0 ? requestInfo(context, unanswered) : { requests: pack(unanswered) };
        yield { payload: { data, requestInfo: info } };
        sent += 1;
        unanswered = [];
      }
      yield* answers(definition, context, unanswered, sent);
    },
  };
  // The descriptor is known at run time only, and so are the types that it would give.
  return implementation as unknown as Partial<ServiceImpl<typeof service>>;
}

function setMetadata(
  definition: { responseHeaders: Header[]; responseTrailers: Header[] } | undefined,
  { responseHeader, responseTrailer }: HandlerContext,
): void {
  for (const { name, value } of definition?.responseHeaders ?? []) {
    for (const each of value) responseHeader.append(name, each);
  }
  for (const { name, value } of definition?.responseTrailers ?? []) {
    for (const each of value) responseTrailer.append(name, each);
  }
}

function headersFrom(headers: Headers): Header[] {
  return [...headers].map(([name, value]) => ({ name, value: [value] }));
}

/** Only a timeout that the client has set: ours is no concern of the test. */
function timeoutFrom({ requestHeader, timeoutMs }: HandlerContext): { timeoutMs?: bigint } {
  const isSet = requestHeader.has("grpc-timeout") || requestHeader.has("connect-timeout-ms");
  const left = timeoutMs();
  return isSet && left !== undefined ? { timeoutMs: BigInt(Math.floor(left)) } : {};
}

function connectGetInfoFrom({ requestMethod, url }: HandlerContext) {
  if (requestMethod !== "GET") return {};
  const queryParams = [...new URL(url).searchParams].map(([name, value]) => ({
    name,
    value: [value],
  }));
  return { connectGetInfo: { queryParams } };
}
