import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import type { UnsentAnswer } from "../bounds/unsent.ts";
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
import { maxDroppedBytes, maxTextBytes } from "../limits.ts";
import { headText } from "./answer-text.ts";
import { answerByNode, hasLength, streamByNode } from "./node-answer.ts";
import type { Http1Request } from "./request.ts";
import { targetParts } from "./target.ts";

/** An exchange over `node:http`. */
export class Http1Exchange implements Exchange {
  readonly head: RequestHead;
  readonly body: Http1Request;
  readonly #response: ServerResponse;
  readonly #site: ExchangeSite;
  /** The connection is closed after this request: it has had as many as it may, or this one has too many headers. */
  readonly #isLastHere: boolean;
  /** The client was asked for the body that it held back. */
  #hasContinued = false;
  /** The connection is closed after the answer, so no further request of it may be served. */
  #isClosing = false;
  /** The answer was handed over as text, so Node's response does not know of it. */
  #isTextSent = false;
  #sending: UnsentAnswer | undefined;
  #gone: (() => void) | undefined;
  #done: (() => void) | undefined;

  constructor(
    request: Http1Request,
    response: ServerResponse,
    site: ExchangeSite,
    isLastHere: boolean,
  ) {
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
    this.#isLastHere = isLastHere;
  }

  /** Whether the connection is closed after this request. Known once it is answered. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** @param done Called when the answer is sent. */
  whenDone(done: () => void): void {
    this.#done = done;
  }

  /** The connection was closed. Not called once `done` was. */
  hangUp(): void {
    this.#sending?.end();
    if (!this.#isTextSent && !this.#response.writableEnded) this.#gone?.();
  }

  openBody(reader: BodyReader): void {
    const request = this.body;
    const isHeldBack = expectationOf(this.head) === "continue" && !request.complete;
    if (isHeldBack && !this.#response.headersSent) {
      this.#hasContinued = true;
      this.#response.writeContinue();
    }
    request.openBody(reader);
  }

  resumeBody(): void {
    this.body.resumeBody();
  }

  onGone(callback: () => void): void {
    this.#gone = callback;
  }

  respond(answer: Answer, common: HeaderList): void {
    if (this.#isOver()) return;
    const fields = headerList(answer.headers, common);
    const text = this.#isUsual(answer) ? this.#textOf(answer, fields) : undefined;
    if (text === undefined) this.#respondByNode(answer, fields);
    else this.#sendText(text);
  }

  /**
   * Whether the answer can be sent as text, with a head by `headText`. So it is nearly always: the request is whole, and the
   * connection stays open.
   */
  #isUsual({ status, body, trailers, isLast }: Answer): boolean {
    const { socket, shouldKeepAlive } = this.#response;
    const { method, headers } = this.head;
    return (
      this.body.complete &&
      method !== "HEAD" &&
      headers.expect === undefined &&
      status !== 204 &&
      status !== 304 &&
      trailers === undefined &&
      (body === undefined || body.byteLength <= maxTextBytes) &&
      shouldKeepAlive &&
      !isLast &&
      !this.#isLastHere &&
      !this.#site.isDraining() &&
      // Node has not closed the connection, and sends no answer of its own at the moment.
      socket?.writable === true
    );
  }

  #textOf({ status, body }: Answer, fields: readonly string[]): string | undefined {
    const head = headText(status, fields, body?.byteLength ?? 0, this.#site.date());
    if (head === undefined || body === undefined) return head;
    return head + Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
  }

  /** Write the whole answer at once. Node would write head and body as two pieces, which takes twice the time. */
  #sendText(text: string): void {
    const { groupOf, unsent } = this.#site;
    const { socket } = this.body;
    this.#isTextSent = true;
    this.body.dropBody();
    socket.write(text, "latin1", (error) => {
      if (!error) this.#textSent();
    });
    // Nearly always the system has taken all of it by now.
    if (socket.writableLength === 0) return;
    this.#sending = unsent.begin(groupOf(this.head.peer), () => socket.destroy());
    this.#sending.hand(text.length);
  }

  #textSent(): void {
    this.#sending?.end();
    // Node listens to this to go on to the next request.
    this.#response.emit("finish");
    this.#end();
  }

  #end(): void {
    const done = this.#done;
    // If Node refuses a header, a second answer follows, and this is called for both.
    this.#done = undefined;
    done?.();
  }

  #respondByNode(answer: Answer, fields: string[]): void {
    const { body, isLast } = answer;
    const { method, httpVersion } = this.head;
    const sending = this.#track();
    const hasBody = body !== undefined && method !== "HEAD";
    if (!sending.hand(hasBody ? body.byteLength : 0)) return;
    const hasChunks = httpVersion === "1.1";
    this.#closeAfter(isLast === true || !(hasChunks || hasLength(answer)), fields);
    answerByNode(this.body, this.#response, { answer, fields, hasBody, hasChunks, sending });
  }

  /** Count the answer as unsent until Node has sent it or it is broken off. */
  #track(): UnsentAnswer {
    const { groupOf, unsent } = this.#site;
    const response = this.#response;
    const sending = unsent.begin(groupOf(this.head.peer), () => response.destroy());
    response.on("close", () => {
      sending.end();
      this.#end();
    });
    return sending;
  }

  begin(
    { status, headers }: Omit<Answer, "body" | "trailers">,
    common: HeaderList,
  ): AnswerStream | undefined {
    if (this.#isOver()) return undefined;
    const fields = headerList(headers, common);
    this.#closeAfter(this.head.httpVersion === "1.0", fields);
    this.#response.writeHead(status, fields);
    return streamByNode(this.body, this.#response, this.#track());
  }

  abort(): void {
    this.#response.destroy();
  }

  /** The connection serves one request at a time, so nothing is counted. */
  release(): void {}

  #isOver(): boolean {
    return this.#isTextSent || this.#response.headersSent || this.#response.destroyed;
  }

  /**
   * Decide whether the connection is closed after the answer.
   *
   * @param isLast The answer itself asks for it, or it is of HTTP/1.0 and has no length: there Node ends it by closing.
   */
  #closeAfter(isLast: boolean, fields: string[]): void {
    const isSaid = saysClose(fields);
    const mustClose = isSaid || isLast || this.#mustClose();
    if (mustClose && !isSaid) fields.push("connection", "close");
    this.#isClosing = mustClose || !this.#response.shouldKeepAlive;
  }

  #mustClose(): boolean {
    if (this.#isLastHere || this.#site.isDraining()) return true;
    // The client was not asked for its body, which may never come. Node closes the connection even if the body is there.
    if (expectationOf(this.head) !== "none" && !this.#hasContinued) return true;
    // A small rest of a body is read and dropped.
    return !(this.body.complete || Number(this.head.headers["content-length"]) <= maxDroppedBytes);
  }
}

/** Whether an answer has `connection: close` by itself, as that to a call which needs HTTP/2 has. */
function saysClose(fields: readonly string[]): boolean {
  return fields.some(
    (name, at) => at % 2 === 0 && name === "connection" && fields[at + 1] === "close",
  );
}
