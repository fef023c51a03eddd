import { Buffer } from "node:buffer";
import type { Registry } from "@bufbuild/protobuf";
import {
  ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type Interceptor,
  type MethodImplSpec,
} from "@connectrpc/connect";
import type {
  Compression as ConnectCompression,
  UniversalHandler,
} from "@connectrpc/connect/protocol";
import { errorFrom, type RequestGate } from "../call.ts";
import { peerKey } from "../call-context.ts";
import { echo } from "../cut.ts";
import { deadlineExceeded } from "../deadline.ts";
import {
  type Exchange,
  type HeaderList,
  headersFromNode,
  headersToNode,
} from "../http/exchange.ts";
import { compressMinBytes, type Limits, maxCodings } from "../limits.ts";
import { explain, refusal } from "../refusal.ts";
import { codingFrom, compressions, requestCompression } from "./compression.ts";
import { connectTimeoutFrom } from "./connect.ts";
import { envelopeHeadBytes } from "./envelope.ts";
import { timeoutFrom } from "./grpc.ts";
import { encodeStatusMessage } from "./grpc-status.ts";
import { framesFromTextStream, isGrpcWebText, textFromFrames } from "./grpc-web-text.ts";

/** A streaming method: takes an exchange and sees it through. */
export type StreamingMethod = {
  readonly descriptor: MethodImplSpec["method"];
  /**
   * @param ended Aborted with the reason when the stream is to end, and when the client has gone.
   * @returns Resolves when all is sent, or the client has gone.
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

/** Where `noteError` leaves what ended a stream: in the answer it is wherever its protocol wants it. */
const notesKey = createContextKey<{ error?: ConnectError }>({}, { description: "notes" });

function createNoteError(errorDomain: string | undefined): Interceptor {
  return (next) => async (request) => {
    const note = (reason: unknown): never => {
      const error = explain(
        isUnreadable(reason) ? malformed(reason) : errorFrom(reason),
        errorDomain,
      );
      request.contextValues.get(notesKey).error = error;
      throw error;
    };
    const response = await next(request).catch(note);
    return response.stream ? { ...response, message: noting(response.message, note) } : response;
  };
}

/** Connect takes it for a fault of its own if the bytes of a request are no message. */
function isUnreadable(reason: unknown): reason is ConnectError {
  return reason instanceof ConnectError && reason.rawMessage.startsWith("parse binary: ");
}

function malformed({ rawMessage, cause }: ConnectError): ConnectError {
  return refusal("messageMalformed", echo(rawMessage), cause);
}

/**
 * The gate of a stream, which may have no deadline: it is not waited for longer than a call without one
 * may take, nor when the client has gone.
 */
function createStreamGate(gate: RequestGate, timeoutMs: number): RequestGate {
  return async (context) => {
    try {
      const passing = gate(context);
      if (passing !== undefined) await within(passing, context, timeoutMs);
    } catch (reason) {
      context.values.get(notesKey).error = errorFrom(reason);
      throw reason;
    }
  };
}

function within(passing: Promise<void>, context: HandlerContext, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const { signal } = context;
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
    };
    const giveUp = () => {
      end();
      reject(signal.aborted ? signal.reason : deadlineExceeded());
    };
    const timer = setTimeout(giveUp, timeoutMs);
    signal.addEventListener("abort", giveUp);
    passing.finally(end).then(resolve, reject);
  });
}

async function* noting<Item>(
  items: AsyncIterable<Item>,
  note: (reason: unknown) => never,
): AsyncGenerator<Item> {
  try {
    yield* items;
  } catch (reason) {
    note(reason);
  }
}

/**
 * Longest deadline of a stream, in milliseconds: a day. Longer ones are shortened, because a timer
 * above 24.8 days fires at once. Before that, its age ends a stream: `maxStreamAgeMs`.
 */
const maxStreamMs = 86_400_000;

/** Pieces of one message that are kept apart. */
const maxPieces = 256;

/**
 * Streaming methods, carried by `@connectrpc/connect`.
 *
 * Its envelope reader adds up every piece again for each piece that arrives, so a message in one-byte
 * pieces takes quadratic time; ours hands over whole envelopes.
 *
 * @param shutdown Ends every stream when it is aborted.
 */
export function createStreamingMethods(
  specs: readonly MethodImplSpec[],
  requestGate: RequestGate | undefined,
  interceptors: readonly Interceptor[],
  { maxMessageBytes, defaultDeadlineMs }: Limits,
  shutdown: AbortSignal,
  registry: Registry | undefined,
  errorDomain: string | undefined,
): Map<string, StreamingMethod> {
  const router = createConnectRouter({
    ...(requestGate && { requestGate: createStreamGate(requestGate, defaultDeadlineMs) }),
    interceptors: [createNoteError(errorDomain), ...interceptors],
    acceptCompression: compressions.map(asynchronous),
    compressMinBytes,
    readMaxBytes: maxMessageBytes,
    shutdownSignal: shutdown,
    ...(registry && { jsonOptions: { registry } }),
  });
  for (const { method, impl } of specs) router.rpc(method, impl as never);
  return new Map(
    router.handlers.map((handler) => [
      handler.requestPath,
      {
        descriptor: handler.method,
        serve: (exchange, common, ended) =>
          serve(handler, exchange, common, ended, maxMessageBytes),
      },
    ]),
  );
}

async function serve(
  handler: UniversalHandler,
  exchange: Exchange,
  common: HeaderList,
  ended: AbortController,
  maxMessageBytes: number,
): Promise<Ending> {
  const { head } = exchange;
  const contentType = head.headers["content-type"] ?? "";
  const isText = isGrpcWebText(contentType);
  const header = shortenDeadline(headersFromNode(head.headers));
  const names = contentType.toLowerCase().startsWith("application/grpc") ? grpcNames : connectNames;
  const problem = takeProblem(header, names);
  spellCodings(header, names);
  // Connect has no text form: it gets, and gives, the binary one.
  if (isText) header.set("content-type", contentType.replace(/-text/i, ""));
  const arriving = untilGone(exchange);
  const frames = isText ? framesFromTextStream(arriving) : arriving;
  exchange.onGone(() => ended.abort(clientGone()));
  const notes: { error?: ConnectError } = {};
  const endingWith = (status: number): Ending => ({ status, error: notes.error });
  const response = await handler({
    httpVersion: head.httpVersion === "2" ? "2.0" : head.httpVersion,
    method: head.method,
    url: `http://localhost${head.path}`,
    header,
    body: problem === undefined ? wholeEnvelopes(frames, maxMessageBytes) : failing(problem),
    signal: ended.signal,
    contextValues: createContextValues().set(peerKey, head.peer).set(notesKey, notes),
  });
  const { status, body, trailer } = response;
  const headers = {
    ...(response.header && headersToNode(response.header)),
    ...(isText && { "content-type": contentType }),
  };
  if (body === undefined) {
    exchange.respond({ status, headers }, common);
    return endingWith(status);
  }
  const answer = exchange.begin({ status, headers }, common);
  if (answer === undefined) return endingWith(status);
  try {
    for await (const chunk of body) await answer.write(isText ? textFromFrames(chunk) : chunk);
    answer.end(trailer && headersToNode(respell(trailer)));
  } catch (error) {
    ended.abort(error);
    answer.abort();
  }
  return endingWith(status);
}

/**
 * The body, which is opened when the first piece of it is wanted: after the gate. A body that breaks
 * off is no fault of the server: whoever sent it has gone.
 */
async function* untilGone(exchange: Exchange): AsyncGenerator<Buffer> {
  const body = exchange.openBody();
  try {
    // A reader that stops early must not destroy the request: the answer goes the same way.
    yield* body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  } catch {
    throw clientGone();
  }
  // The body of a stream that was reset ends as if it were whole.
  if (exchange.head.httpVersion === "2" && body.closed) throw clientGone();
}

function clientGone(): ConnectError {
  return refusal("canceled", "the client has gone");
}

/**
 * Cut a stream into whole envelopes, in time linear in its size.
 *
 * A declared length above `maxMessageBytes` is passed on as it is, with nothing behind it: the
 * reader refuses it, with the error that its protocol has for that.
 */
async function* wholeEnvelopes(
  body: AsyncIterable<Buffer>,
  maxMessageBytes: number,
): AsyncGenerator<Uint8Array> {
  let pieces: Buffer[] = [];
  let held = 0;
  let wanted = envelopeHeadBytes;
  for await (const piece of body) {
    // Each piece costs a hundred bytes besides its own, so that tiny ones are joined now and then.
    if (pieces.push(piece) > maxPieces) pieces = [Buffer.concat(pieces)];
    held += piece.byteLength;
    while (held >= wanted) {
      const joined: Buffer = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
      const length = joined.readUInt32BE(1);
      if (length > maxMessageBytes) {
        yield joined.subarray(0, envelopeHeadBytes);
        throw refusal("messageTooLarge", `message is larger than ${maxMessageBytes} bytes`);
      }
      const end = envelopeHeadBytes + length;
      const isWhole = held >= end;
      if (isWhole) yield joined.subarray(0, end);
      const rest = isWhole ? joined.subarray(end) : joined;
      pieces = [rest];
      held = rest.byteLength;
      wanted = isWhole ? envelopeHeadBytes : end;
    }
  }
  if (held > 0) yield Buffer.concat(pieces);
}

/** As `encodeStatusMessage` writes it, not as `@connectrpc/connect` does. */
function respell(trailer: Headers): Headers {
  const message = trailer.get("grpc-message");
  if (message) trailer.set("grpc-message", encodeStatusMessage(decodeURIComponent(message)));
  return trailer;
}

function shortenDeadline(headers: Headers): Headers {
  const grpc = /^(\d{1,8})([HMS])$/.exec(headers.get("grpc-timeout") ?? "");
  const unitMs = { H: 3_600_000, M: 60_000, S: 1_000 }[grpc?.[2] ?? ""] ?? 0;
  if (Number(grpc?.[1]) * unitMs > maxStreamMs) headers.set("grpc-timeout", `${maxStreamMs}m`);
  const connect = headers.get("connect-timeout-ms");
  if (/^\d{9,10}$/.test(connect ?? "") && Number(connect) > maxStreamMs) {
    headers.set("connect-timeout-ms", String(maxStreamMs));
  }
  return headers;
}

const grpcNames = {
  timeout: "grpc-timeout",
  encoding: "grpc-encoding",
  acceptEncoding: "grpc-accept-encoding",
  timeoutFrom,
};

const connectNames = {
  timeout: "connect-timeout-ms",
  encoding: "connect-content-encoding",
  acceptEncoding: "connect-accept-encoding",
  timeoutFrom: connectTimeoutFrom,
};

/** Connect knows a coding by one name only. */
function spellCodings(header: Headers, { encoding, acceptEncoding }: typeof grpcNames): void {
  for (const name of [encoding, acceptEncoding]) {
    const codings = header.get(name)?.split(",", maxCodings).map(codingFrom);
    if (codings !== undefined) header.set(name, codings.join(","));
  }
}

/**
 * What is wrong with timeout and compression. They are taken out of the head then: Connect would refuse
 * them in words of its own.
 */
function takeProblem(header: Headers, names: typeof grpcNames): ConnectError | undefined {
  const { timeout, encoding, acceptEncoding } = names;
  try {
    requestCompression(header.get(encoding) ?? undefined, acceptEncoding);
    names.timeoutFrom(header.get(timeout) ?? undefined);
    return undefined;
  } catch (reason) {
    header.delete(encoding);
    header.delete(timeout);
    return errorFrom(reason);
  }
}

// biome-ignore lint/correctness/useYield: an iterable that fails at once.
async function* failing(error: ConnectError): AsyncGenerator<never> {
  throw error;
}

function asynchronous(compression: (typeof compressions)[number]): ConnectCompression {
  return {
    name: compression.name,
    compress: async (bytes) => new Uint8Array(compression.compress(bytes)),
    decompress: async (bytes, maxBytes) => new Uint8Array(compression.decompress(bytes, maxBytes)),
  };
}
