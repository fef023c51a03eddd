import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { UnsentAnswer } from "../bounds/unsent.ts";
import { writeInPieces, writeTracked } from "../bounds/write-in-pieces.ts";
import { http2Limits, lingerMs, maxDroppedBytes, minDroppedBytes, pieceBytes } from "../limits.ts";
import {
  type Answer,
  type AnswerStream,
  type Exchange,
  type ExchangeSite,
  type HeaderList,
  headerList,
  type RequestHead,
} from "./exchange.ts";
import { expectationOf } from "./expectation.ts";

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

const withTrailers = { waitForTrailers: true };

/**
 * An exchange over the stream interface of `node:http2`. The compatibility interface would wrap every stream in
 * two more objects.
 */
export class Http2Exchange implements Exchange {
  readonly head: RequestHead;
  readonly body: ServerHttp2Stream;
  readonly #socket: Socket;
  readonly #site: ExchangeSite;

  /**
   * @param headers Headers that `checkHeaders` has accepted.
   * @param socket The socket of the session.
   */
  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    socket: Socket,
    site: ExchangeSite,
  ) {
    const target = (headers[":path"] as string | undefined) ?? "/";
    const mark = target.indexOf("?");
    this.head = {
      httpVersion: "2",
      method: headers[":method"] as string,
      path: mark < 0 ? target : target.slice(0, mark),
      query: mark < 0 ? "" : target.slice(mark + 1),
      headers,
      peer: site.clientOf(socket.remoteAddress ?? "", headers),
    };
    this.body = stream;
    this.#socket = socket;
    this.#site = site;
  }

  openBody(): ServerHttp2Stream {
    const stream = this.body;
    const isHeldBack = expectationOf(this.head) === "continue" && !stream.endAfterHeaders;
    if (isHeldBack && !isOver(stream)) stream.additionalHeaders({ ":status": 100 });
    return stream;
  }

  onGone(callback: () => void): void {
    // Not "close": by then a stream that was broken off looks like one that ended.
    if (this.body.aborted) callback();
    else this.body.on("aborted", callback);
  }

  respond({ status, headers, body, trailers }: Answer, common: HeaderList): void {
    const stream = this.body;
    if (isOver(stream)) return;
    dropUnread(stream);
    const sending = this.#track();
    const hasBody = body !== undefined && this.head.method !== "HEAD";
    if (!sending.hand(hasBody ? body.byteLength : 0)) return;
    const fields = headerList(headers, common);
    fields.push(":status", String(status));
    if (trailers !== undefined) {
      stream.respond(fields, withTrailers);
      stream.on("wantTrailers", () => sendTrailers(stream, trailers, this.head));
    } else {
      const hasLength = status !== 204 && body !== undefined;
      if (hasLength) fields.push("content-length", String(body.byteLength));
      stream.respond(fields);
    }
    if (!hasBody) stream.end();
    else if (body.byteLength <= pieceBytes) stream.end(body);
    else {
      const took = (bytes: number) => sending.took(bytes);
      writeInPieces(stream, body, took, (last) => stream.end(last));
    }
    if (trailers === undefined && !stream.readableEnded) {
      stream.once("finish", () => stopReading(stream, this.head));
    }
  }

  begin(
    { status, headers }: Omit<Answer, "body" | "trailers">,
    common: HeaderList,
  ): AnswerStream | undefined {
    const stream = this.body;
    if (isOver(stream)) return undefined;
    stream.respond([...headerList(headers, common), ":status", String(status)], withTrailers);
    return answerStream(stream, this.head, this.#track());
  }

  abort(): void {
    this.body.close(NGHTTP2_CANCEL);
  }

  /** Count the answer as unsent until it is sent or broken off. */
  #track(): UnsentAnswer {
    const { groupOf, unsent } = this.#site;
    const stream = this.body;
    const socket = this.#socket;
    const sending = unsent.begin(groupOf(this.head.peer), () => {
      // If it was closed before, the client reads nothing at all, so even the reset did not reach it.
      if (stream.closed) socket.destroy();
      else stream.close(NGHTTP2_CANCEL);
    });
    stream.on("close", () => sending.end());
    return sending;
  }
}

function isOver(stream: ServerHttp2Stream): boolean {
  return stream.headersSent || stream.closed || stream.destroyed;
}

/**
 * Check all the headers that a client has sent. Node keeps only the first of several `authorization` headers.
 * They are joined in `headers` here, so that the request can be refused.
 *
 * @param rawHeaders Names and values in turn, as received.
 * @returns Whether the list is within its size, counted as RFC 9113 section 6.5.2 does. Node refuses
 *   larger ones, too, but only once the client has acknowledged our settings, which an attacker
 *   never does.
 */
export function checkHeaders(headers: IncomingHttpHeaders, rawHeaders: readonly string[]): boolean {
  let bytes = 16 * rawHeaders.length;
  let authorizations = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    bytes += name.length + (rawHeaders[index + 1] as string).length;
    if (name === "authorization") authorizations += 1;
  }
  if (authorizations > 1) {
    const values = rawHeaders.filter((_, index) => rawHeaders[index - 1] === "authorization");
    headers.authorization = values.join(", ");
  }
  return bytes <= http2Limits.settings.maxHeaderListSize;
}

/** Send trailers from an event handler, where an exception would end the process. */
function sendTrailers(
  stream: ServerHttp2Stream,
  trailers: OutgoingHttpHeaders,
  head: RequestHead,
): void {
  if (stream.destroyed) return;
  try {
    stream.sendTrailers(trailers);
    // Node writes the trailers after this event. A reset before that would drop them.
    if (!stream.readableEnded) setImmediate(() => stopReading(stream, head));
  } catch {
    stream.close(NGHTTP2_INTERNAL_ERROR);
  }
}

/** Read and drop a body that nothing has asked for, because Node notices its end only when it is read. */
function dropUnread(stream: ServerHttp2Stream): void {
  if (stream.readableFlowing === null) stream.resume();
}

/**
 * After the last frame of an answer that came before the end of the request. RST_STREAM NO_ERROR tells
 * the client to stop sending (RFC 9113, section 8.1), but curl reports an error instead of the answer
 * when a reset comes while it sends. So what is small is read and dropped first.
 *
 * A client that stops by itself and ends a body sooner than it has declared gets PROTOCOL_ERROR from
 * nghttp2, so a body that is declared to be large is not waited for.
 */
function stopReading(stream: ServerHttp2Stream, { headers }: RequestHead): void {
  if (stream.readableEnded || stream.closed) return;
  const reset = () => stream.close(NGHTTP2_NO_ERROR);
  if (Number(headers["content-length"]) > maxDroppedBytes) {
    reset();
    return;
  }
  const timer = setTimeout(reset, lingerMs);
  stream.once("close", () => clearTimeout(timer));
  let dropped = 0;
  stream.on("data", (chunk: Buffer) => {
    dropped += Math.max(chunk.byteLength, minDroppedBytes);
    if (dropped > maxDroppedBytes) reset();
  });
  stream.resume();
}

function answerStream(
  stream: ServerHttp2Stream,
  head: RequestHead,
  sending: UnsentAnswer,
): AnswerStream {
  return {
    write: (chunk) =>
      stream.closed
        ? Promise.reject(new Error("the client has gone"))
        : writeTracked(stream, chunk, sending),
    end(trailers) {
      dropUnread(stream);
      if (!sending.handLast()) return;
      stream.once("wantTrailers", () => sendTrailers(stream, trailers ?? {}, head));
      stream.end();
    },
    abort: () => stream.close(NGHTTP2_CANCEL),
  };
}
