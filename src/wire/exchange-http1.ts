import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { AnswerStream, Exchange, RequestHead } from "./exchange.ts";
import { headerList, splitTarget } from "./exchange.ts";
import { lingerMs } from "./limits.ts";

/**
 * An exchange over `node:http`.
 *
 * @param isDraining Asked at each answer: while the server drains, connections are closed after it.
 */
export function exchangeFromHttp1(
  request: IncomingMessage,
  response: ServerResponse,
  isDraining: () => boolean,
): Exchange {
  const head: RequestHead = {
    // A request line may also claim 0.9 or 2.0; none of these has chunks.
    httpVersion: request.httpVersion === "1.1" ? "1.1" : "1.0",
    method: request.method ?? "",
    ...splitTarget(request.url ?? "/"),
    headers: request.headers,
    peer: request.socket.remoteAddress ?? "",
  };
  const isOver = () => response.headersSent || response.destroyed;
  const connection = (isLast = false): OutgoingHttpHeaders =>
    isLast || isDraining() || !request.complete ? { connection: "close" } : {};

  return {
    head,
    body: request,
    onGone(callback) {
      response.once("close", () => {
        if (!response.writableEnded) callback();
      });
    },
    respond({ status, headers, body, trailers, isLast }) {
      if (isOver()) return;
      if (trailers !== undefined && head.httpVersion === "1.0") {
        // Trailers need chunks.
        response.writeHead(505, { ...connection(true), "content-length": 0 });
      } else if (trailers !== undefined) {
        // First, because it throws if they cannot be sent.
        response.addTrailers(trailers as Record<string, string>);
        response.writeHead(status, { ...headers, ...connection(isLast), ...announce(trailers) });
        if (body !== undefined) response.write(body);
      } else {
        const fields = headerList({ ...headers, ...connection(isLast) });
        const isBare = status === 204 || status === 304;
        if (!isBare) fields.push("content-length", String(body?.byteLength ?? 0));
        response.writeHead(status, fields);
        if (body !== undefined && head.method !== "HEAD") {
          if (request.complete) {
            // In one go: a head and a body that are written one after the other cost a second write.
            response.end(body);
            return;
          }
          response.write(body);
        }
      }
      endAfterBody(request, response);
    },
    begin({ status, headers }) {
      if (isOver()) return undefined;
      response.writeHead(status, { ...headers, ...connection() });
      return answerStream(request, response);
    },
  };
}

/** Trailers over HTTP/1.1 are announced, as RFC 9110 section 6.6.2 asks. */
function announce(trailers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return { trailer: Object.keys(trailers).join(", ") };
}

/**
 * End the answer once the request's body has been taken in.
 *
 * An answer that comes before the end of the body closes the connection. Closing while the client
 * still sends would reset it before it has read the answer, so what it sends is dropped for a while
 * first. Where its length was given, the client has the whole answer already.
 */
function endAfterBody(request: IncomingMessage, response: ServerResponse): void {
  if (request.complete) {
    response.end();
    return;
  }
  response.flushHeaders();
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, lingerMs);
  request.once("end", end);
  request.once("close", end);
  request.once("error", end);
  request.resume();
}

function answerStream(request: IncomingMessage, response: ServerResponse): AnswerStream {
  return {
    write: (chunk) =>
      new Promise((resolve, reject) => {
        if (response.destroyed) {
          reject(new Error("the client has gone"));
          return;
        }
        response.write(chunk, (error) => (error ? reject(error) : resolve()));
      }),
    end(trailers) {
      if (trailers !== undefined) response.addTrailers(trailers as Record<string, string>);
      endAfterBody(request, response);
    },
    abort: () => response.destroy(),
  };
}
