import type { DescMethod } from "@bufbuild/protobuf";
import {
  type ConnectError,
  createConnectRouter,
  createContextValues,
  type MethodImplSpec,
} from "@connectrpc/connect";
import type {
  Compression as ConnectCompression,
  UniversalHandler,
} from "@connectrpc/connect/protocol";
import { errorFrom } from "../../call.ts";
import { peerKey } from "../../call-context.ts";
import {
  type AnswerStream,
  type Exchange,
  type HeaderList,
  headersToNode,
} from "../../http/exchange.ts";
import { compressMinBytes, pieceBytes } from "../../limits.ts";
import type { WireOptions } from "../../options.ts";
import { compressions } from "../compression.ts";
import { fitStatus } from "../grpc-status.ts";
import { framesFromTextStream, isGrpcWebText, textFromFrames } from "../grpc-web-text.ts";
import { createMessageTurns } from "./message-turns.ts";
import {
  BodyPieces,
  clientGone,
  failing,
  type MessageInput,
  wholeEnvelopes,
} from "./stream-body.ts";
import { createNoteErrors, notesKey, type StreamNotes } from "./stream-errors.ts";
import { createStreamGate } from "./stream-gate.ts";
import { headerForConnect } from "./stream-header.ts";

/** A streaming method, ready to be called. */
export type StreamingMethod = {
  readonly descriptor: MethodImplSpec["method"];
  /**
   * @param ended Aborted with the reason when the stream is to end, and when the client has gone.
   * @returns Resolves when everything is sent, or the client has gone.
   */
  serve(exchange: Exchange, common: HeaderList, ended: AbortController): Promise<Ending>;
};

/** How a stream ended. */
type Ending = {
  /** Of HTTP. */
  readonly status: number;
  /** `undefined` for a success. Its cause must not be sent. */
  readonly error: ConnectError | undefined;
};

/**
 * Streaming methods, carried by `@connectrpc/connect`.
 *
 * @param maxBytesOf The bytes of one message of a method, as sent and after decompression.
 * @param shutdown Ends every stream when it is aborted.
 */
export function createStreamingMethods(
  specs: readonly MethodImplSpec[],
  options: Pick<
    WireOptions,
    "requestGate" | "interceptors" | "limits" | "registry" | "errorDomain"
  >,
  maxBytesOf: (method: DescMethod) => number,
  shutdown: AbortSignal,
): Map<string, StreamingMethod> {
  const { requestGate, interceptors, registry, errorDomain } = options;
  const { defaultDeadlineMs } = options.limits;
  const common = {
    ...(requestGate && {
      requestGate: createStreamGate(requestGate, defaultDeadlineMs, errorDomain),
    }),
    interceptors: [createNoteErrors(errorDomain), ...interceptors],
    acceptCompression: compressions.map(asynchronous),
    compressMinBytes,
    shutdownSignal: shutdown,
    ...(registry && { jsonOptions: { registry } }),
  };
  const nextTurn = createMessageTurns();
  const methods = specs.map(({ method, impl }): [string, StreamingMethod] => {
    const maxMessageBytes = maxBytesOf(method);
    const router = createConnectRouter({ ...common, readMaxBytes: maxMessageBytes });
    const [handler] = router.rpc(method, impl as never).handlers;
    if (handler === undefined) throw new Error(`${method} has no handler`);
    const input = { maxMessageBytes, nextTurn };
    const serveCall: StreamingMethod["serve"] = (exchange, headers, ended) =>
      serve(handler, exchange, headers, ended, input);
    return [handler.requestPath, { descriptor: method, serve: serveCall }];
  });
  return new Map(methods);
}

async function serve(
  handler: UniversalHandler,
  exchange: Exchange,
  common: HeaderList,
  ended: AbortController,
  input: MessageInput,
): Promise<Ending> {
  const { head } = exchange;
  const contentType = head.headers["content-type"] ?? "";
  const { header, problem } = headerForConnect(head);
  // Connect does not know the text form of gRPC-Web: it is given the binary one, and gives that back.
  const isText = isGrpcWebText(contentType);
  if (isText) header.set("content-type", contentType.replace(/-text/i, ""));
  const pieces = new BodyPieces(exchange);
  const frames = isText ? framesFromTextStream(pieces) : pieces;
  const notes: StreamNotes = { breakOff: (reason) => pieces.breakOff(reason) };
  exchange.onGone(() => {
    // The server itself may have ended it before.
    ended.abort(clientGone());
    notes.error ??= errorFrom(ended.signal.reason);
  });
  const endingWith = (status: number): Ending => ({ status, error: notes.error });
  const response = await handler({
    httpVersion: head.httpVersion,
    method: head.method,
    url: `http://localhost${head.path}`,
    header,
    body: problem === undefined ? wholeEnvelopes(frames, input) : failing(problem),
    signal: ended.signal,
    contextValues: createContextValues().set(peerKey, head.peer).set(notesKey, notes),
  });
  const { status, body, trailer } = response;
  const headers = {
    ...(response.header && headersToNode(response.header)),
    ...(body !== undefined && { "content-type": contentType }),
  };
  if (body === undefined) {
    exchange.respond({ status, headers }, common);
    return endingWith(status);
  }
  const answer = exchange.begin({ status, headers }, common);
  if (answer === undefined) {
    // Lets the handler clean up, which has its first message ready.
    for await (const _ of body) break;
    return endingWith(status);
  }
  try {
    await sendBody(answer, isText ? textOf(body) : body, trailer, notes);
  } catch (error) {
    ended.abort(error);
    notes.error ??= errorFrom(ended.signal.reason);
    answer.abort();
  }
  return endingWith(status);
}

/**
 * The end of the answer goes out together with the last part. A client that has read an error may end its own
 * body sooner than the length it has declared; the stream would then be reset before the end is sent.
 */
async function sendBody(
  answer: AnswerStream,
  body: AsyncIterable<Uint8Array>,
  trailer: Headers | undefined,
  notes: StreamNotes,
): Promise<void> {
  let taken = Promise.resolve();
  for await (const chunk of body) {
    await taken;
    taken = answer.write(chunk).catch(() => Promise.reject(clientGone()));
    // It is awaited before the next write, or below. A failure until then is not unhandled.
    taken.catch(() => {});
    if (chunk.byteLength > pieceBytes) await taken;
  }
  if (trailer !== undefined && notes.error !== undefined) fitStatus(trailer, notes.error);
  answer.end(trailer && headersToNode(trailer));
  await taken;
}

async function* textOf(frames: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const frame of frames) yield textFromFrames(frame);
}

function asynchronous(compression: (typeof compressions)[number]): ConnectCompression {
  return {
    name: compression.name,
    compress: async (bytes) => new Uint8Array(compression.compress(bytes)),
    decompress: async (bytes, maxBytes) => new Uint8Array(compression.decompress(bytes, maxBytes)),
  };
}
