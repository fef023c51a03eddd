import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import {
  type Answer,
  type AnswerStream,
  type Exchange,
  type HeaderList,
  headerList,
  type RequestHead,
} from "./exchange.ts";

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

const withTrailers = { waitForTrailers: true };

/**
 * An exchange over the stream interface of `node:http2`. Its compatibility interface is left alone:
 * it wraps every stream in two more objects.
 */
export class Http2Exchange implements Exchange {
  readonly head: RequestHead;
  readonly body: ServerHttp2Stream;

  /**
   * @param rawHeaders Names and values in turn, as received.
   * @param peer As in the head.
   */
  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
    peer: string,
  ) {
    joinAuthorization(headers, rawHeaders);
    const target = (headers[":path"] as string | undefined) ?? "/";
    const mark = target.indexOf("?");
    this.head = {
      httpVersion: "2",
      method: headers[":method"] as string,
      path: mark < 0 ? target : target.slice(0, mark),
      query: mark < 0 ? "" : target.slice(mark + 1),
      headers,
      peer,
    };
    this.body = stream;
  }

  onGone(callback: () => void): void {
    // When it closes, Node has ended a stream that was broken off just like any other.
    if (this.body.aborted) callback();
    else this.body.on("aborted", callback);
  }

  respond({ status, headers, body, trailers }: Answer, common: HeaderList): void {
    const stream = this.body;
    if (isOver(stream)) return;
    const fields = headerList(headers, common);
    fields.push(":status", String(status));
    if (trailers !== undefined) {
      stream.respond(fields, withTrailers);
      stream.on("wantTrailers", () => sendTrailers(stream, trailers));
    } else {
      const hasLength = status !== 204 && body !== undefined;
      if (hasLength) fields.push("content-length", String(body.byteLength));
      stream.respond(fields);
    }
    if (body === undefined || this.head.method === "HEAD") stream.end();
    else stream.end(body);
    if (trailers === undefined && !stream.readableEnded) {
      stream.once("finish", () => stopReading(stream));
    }
  }

  begin(
    { status, headers }: Omit<Answer, "body" | "trailers">,
    common: HeaderList,
  ): AnswerStream | undefined {
    const stream = this.body;
    if (isOver(stream)) return undefined;
    stream.respond([...headerList(headers, common), ":status", String(status)], withTrailers);
    return answerStream(stream);
  }
}

function isOver(stream: ServerHttp2Stream): boolean {
  return stream.headersSent || stream.closed || stream.destroyed;
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
