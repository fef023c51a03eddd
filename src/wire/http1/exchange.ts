import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { UnsentAnswer } from "../bounds/unsent.ts";
import { writeInPieces, writeTracked } from "../bounds/write-in-pieces.ts";
import {
  type Answer,
  type AnswerStream,
  type BodyReader,
  type Exchange,
  type ExchangeSite,
  type HeaderList,
  headerList,
  type RequestHead,
} from "../http/exchange.ts";
import { expectationOf } from "../http/expectation.ts";
import { lingerMs, maxDroppedBytes, pieceBytes } from "../limits.ts";
import type { Http1Request } from "./request.ts";
import { targetParts } from "./target.ts";

/** An exchange over `node:http`. */
export class Http1Exchange implements Exchange {
  readonly head: RequestHead;
  readonly body: Http1Request;
  readonly #response: ServerResponse;
  readonly #site: ExchangeSite;

  constructor(request: Http1Request, response: ServerResponse, site: ExchangeSite) {
    const method = request.method ?? "";
    this.head = {
      // A request line may also say 0.9 or 2.0. None of these has chunks.
      httpVersion: request.httpVersion === "1.1" ? "1.1" : "1.0",
      method,
      ...targetParts(request.url ?? "/", method),
      headers: request.headers,
      peer: site.clientOf(request.socket.remoteAddress ?? "", request.headers),
    };
    this.body = request;
    this.#response = response;
    this.#site = site;
  }

  openBody(reader: BodyReader): void {
    const request = this.body;
    const isHeldBack = expectationOf(this.head) === "continue" && !request.complete;
    if (isHeldBack && !this.#response.headersSent) this.#response.writeContinue();
    request.openBody(reader);
  }

  resumeBody(): void {
    this.body.resumeBody();
  }

  onGone(callback: () => void): void {
    const response = this.#response;
    response.on("close", () => {
      if (!response.writableEnded) callback();
    });
  }

  respond({ status, headers, body, trailers, isLast }: Answer, common: HeaderList): void {
    const response = this.#response;
    if (this.#isOver()) return;
    const sending = this.#track();
    const hasBody = body !== undefined && this.head.method !== "HEAD";
    if (!sending.hand(hasBody ? body.byteLength : 0)) return;
    const fields = headerList(headers, common);
    if (trailers !== undefined && this.head.httpVersion === "1.0") {
      // Trailers need chunks.
      response.writeHead(505, ["connection", "close", "content-length", "0"]);
      endAfterBody(this.body, response);
      return;
    }
    if (isLast || this.#mustClose()) fields.push("connection", "close");
    if (trailers !== undefined) {
      // Before the head is written, because this throws if they cannot be sent.
      response.addTrailers(trailers as Record<string, string>);
      fields.push(...announcement(trailers));
      response.writeHead(status, fields);
      this.#finish(hasBody ? body : undefined, sending);
      return;
    }
    const isBare = status === 204 || status === 304;
    if (!isBare) fields.push("content-length", String(body?.byteLength ?? 0));
    response.writeHead(status, fields);
    this.#finish(hasBody ? body : undefined, sending);
  }

  #finish(body: Uint8Array | undefined, sending: UnsentAnswer): void {
    const request = this.body;
    const response = this.#response;
    const finish = (last: Uint8Array | undefined) => {
      // `end` writes head and body together, which saves a system call.
      if (last !== undefined && request.complete) {
        request.dropBody();
        response.end(last);
        return;
      }
      if (last !== undefined) response.write(last);
      endAfterBody(request, response);
    };
    if (body === undefined || body.byteLength <= pieceBytes) finish(body);
    else writeInPieces(response, body, (bytes) => sending.took(bytes), finish);
  }

  /** Count the answer as unsent until it is sent or broken off. */
  #track(): UnsentAnswer {
    const { groupOf, unsent } = this.#site;
    const response = this.#response;
    const sending = unsent.begin(groupOf(this.head.peer), () => response.destroy());
    response.on("close", () => sending.end());
    return sending;
  }

  begin(
    { status, headers }: Omit<Answer, "body" | "trailers">,
    common: HeaderList,
  ): AnswerStream | undefined {
    if (this.#isOver()) return undefined;
    const fields = headerList(headers, common);
    if (this.#mustClose()) fields.push("connection", "close");
    this.#response.writeHead(status, fields);
    return answerStream(this.body, this.#response, this.#track());
  }

  abort(): void {
    this.#response.destroy();
  }

  /** The connection serves one request at a time, so nothing is counted. */
  release(): void {}

  #isOver(): boolean {
    return this.#response.headersSent || this.#response.destroyed;
  }

  #mustClose(): boolean {
    return this.#site.isDraining() || !(this.body.complete || this.#isRestSmall());
  }

  /** A small rest is read and dropped. A client that has sent `Expect` may not send its body at all. */
  #isRestSmall(): boolean {
    const { headers } = this.head;
    const isSure = expectationOf(this.head) === "none";
    return isSure && Number(headers["content-length"]) <= maxDroppedBytes;
  }
}

/** Trailers over HTTP/1.1 are announced, as RFC 9110 section 6.6.2 asks. */
function announcement(trailers: OutgoingHttpHeaders): HeaderList {
  return ["trailer", Object.keys(trailers).join(", ")];
}

/**
 * End the answer once the request's body has been taken in.
 *
 * An answer that comes before the end of a large or slow body closes the connection. Closing it while the
 * client still sends would reset it before the client has read the answer. So what the client sends is read
 * and dropped for a while first. If the answer has a content length, the client has all of it by then.
 */
function endAfterBody(request: Http1Request, response: ServerResponse): void {
  if (request.complete) {
    request.dropBody();
    response.end();
    return;
  }
  response.flushHeaders();
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const giveUp = () => {
    end();
    request.socket.destroySoon();
  };
  const timer = setTimeout(giveUp, lingerMs);
  request.once("close", end);
  request.dropBody(end);
}

function answerStream(
  request: Http1Request,
  response: ServerResponse,
  sending: UnsentAnswer,
): AnswerStream {
  return {
    write: (chunk) => writeTracked(response, chunk, sending),
    end(trailers) {
      if (!sending.handLast()) return;
      if (trailers !== undefined) response.addTrailers(trailers as Record<string, string>);
      endAfterBody(request, response);
    },
    abort: () => response.destroy(),
  };
}
