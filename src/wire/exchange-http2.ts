import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import type { AnswerStream, Exchange, RequestHead } from "./exchange.ts";
import { headerList, splitTarget } from "./exchange.ts";

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/**
 * An exchange over the stream interface of `node:http2`. Its compatibility interface is left alone:
 * it wraps every stream in two more objects.
 *
 * @param rawHeaders Names and values in turn, as received.
 */
export function exchangeFromHttp2(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
): Exchange {
  joinAuthorization(headers, rawHeaders);
  const head: RequestHead = {
    httpVersion: "2",
    method: String(headers[":method"]),
    ...splitTarget(String(headers[":path"] ?? "/")),
    headers,
    peer: stream.session?.socket.remoteAddress ?? "",
  };
  const isOver = () => stream.headersSent || stream.closed || stream.destroyed;

  return {
    head,
    body: stream,
    onGone(callback) {
      // When it closes, Node has ended a stream that was broken off just like any other.
      if (stream.aborted) callback();
      else stream.once("aborted", callback);
    },
    respond({ status, headers: answerHeaders, body, trailers }) {
      if (isOver()) return;
      const fields = [":status", String(status), ...headerList(answerHeaders)];
      if (trailers !== undefined) {
        stream.respond(fields, { waitForTrailers: true });
        stream.once("wantTrailers", () => sendTrailers(stream, trailers));
      } else {
        const hasLength = status !== 204 && body !== undefined;
        if (hasLength) fields.push("content-length", String(body.byteLength));
        stream.respond(fields);
      }
      if (body === undefined || head.method === "HEAD") stream.end();
      else stream.end(body);
      if (trailers === undefined && !stream.readableEnded) {
        stream.once("finish", () => stopReading(stream));
      }
    },
    begin({ status, headers: answerHeaders }) {
      if (isOver()) return undefined;
      stream.respond({ ":status": status, ...answerHeaders }, { waitForTrailers: true });
      return answerStream(stream);
    },
  };
}

/** Node keeps the first of several `authorization` headers; both must be seen to be refused. */
function joinAuthorization(headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
  const values: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index] === "authorization") values.push(rawHeaders[index + 1] ?? "");
  }
  if (values.length > 1) headers.authorization = values.join(", ");
}

/** Called from an event, where trailers that Node refuses would end the process. */
function sendTrailers(stream: ServerHttp2Stream, trailers: OutgoingHttpHeaders): void {
  if (stream.destroyed) return;
  try {
    stream.sendTrailers(trailers);
    // The trailers are written once this event is over; a reset that comes sooner would drop them.
    if (!stream.readableEnded) setImmediate(() => stopReading(stream));
  } catch {
    stream.close(NGHTTP2_INTERNAL_ERROR);
  }
}

/**
 * After the last frame of an answer that came before the end of the request: RST_STREAM NO_ERROR
 * tells the client to stop sending.
 */
function stopReading(stream: ServerHttp2Stream): void {
  if (!stream.readableEnded) stream.close(NGHTTP2_NO_ERROR);
}

function answerStream(stream: ServerHttp2Stream): AnswerStream {
  return {
    write: (chunk) =>
      new Promise((resolve, reject) => {
        if (stream.closed || stream.destroyed) {
          reject(new Error("the client has gone"));
          return;
        }
        stream.write(chunk, (error) => (error ? reject(error) : resolve()));
      }),
    end(trailers) {
      stream.once("wantTrailers", () => sendTrailers(stream, trailers ?? {}));
      stream.end();
    },
    abort: () => stream.close(NGHTTP2_CANCEL),
  };
}
