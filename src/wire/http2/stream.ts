import type { Buffer } from "node:buffer";
import type { OutgoingHttpHeaders } from "node:http";
import type { Share } from "../bounds/shares.ts";
import type { UnsentAnswer } from "../bounds/unsent.ts";
import {
  type Answer,
  type AnswerStream,
  type BodyReader,
  type Exchange,
  type HeaderList,
  headerList,
  type RequestHead,
} from "../http/exchange.ts";
import { expectationOf } from "../http/expectation.ts";
import {
  http2Limits,
  lingerMs,
  maxDroppedBytes,
  minDroppedBytes,
  minProgressBytes,
} from "../limits.ts";
import { declaredLength } from "./fields.ts";
import { codes, flags, frameTypes, maxPayloadBytes } from "./frames.ts";
import type { Output, Sender } from "./output.ts";
import { type BodyOwner, RequestBody } from "./request-body.ts";
import { SendWindow } from "./windows.ts";

// Long because a stream is one state: whether the request is whole, what was answered, and what of it was sent.

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly output: Output;
  /** The client's window for a new stream (RFC 9113, section 6.9.2). */
  readonly firstSendWindow: number;
  readonly now: number;
  /** Which turn of the event loop this is. */
  readonly turn: number;
  date(): string;
  /** Count an answer as unsent. @param abort As `Unsent.begin` takes it. */
  beginUnsent(head: RequestHead, abort: () => void): UnsentAnswer;
  /** Room for the body of a request. `undefined` if there is none. */
  takeBodyRoom(head: RequestHead, takeBack: () => void): Share | undefined;
  /** A stream has ended in both directions, or by RST_STREAM. */
  closed(stream: Http2Stream): void;
  /** A stream was answered to the end. */
  answered(stream: Http2Stream): void;
  /** Nothing works for a request any more. */
  released(): void;
  /** The client makes us send a tiny frame. */
  dribbled(): void;
  /** Send RST_STREAM. */
  reset(stream: Http2Stream, code: number): void;
  /** The client has broken a rule on a stream (section 5.4.2). */
  violated(stream: Http2Stream, code: number): void;
}

/** One request and its answer. */
export class Http2Stream implements Exchange, AnswerStream, Sender, BodyOwner {
  readonly id: number;
  readonly head: RequestHead;
  /** What we may send on it. */
  readonly window: SendWindow;
  /** The turn of the event loop in which it was opened. */
  readonly turn: number;
  /** Held until the stream is closed. */
  place: Share | undefined;
  readonly #host: StreamHost;
  #isClosed = false;

  readonly #request: RequestBody;

  // The answer.
  #isBegun = false;
  /** Nothing will be added to the answer. */
  #isComplete = false;
  /** END_STREAM was sent: the stream is half-closed (local). */
  #isSent = false;
  #body: Uint8Array = nothing;
  #bodyAt = 0;
  /** Names and values in turn. */
  #trailers: HeaderList | undefined;
  #unsent: UnsentAnswer | undefined;
  /** Framed since the last progress was reported. */
  #progress = 0;
  #written: { readonly resolve: () => void; readonly reject: (reason: Error) => void } | undefined;
  #onGone: (() => void) | undefined;
  #isGone = false;

  /**
   * What came of the body after an answer that was complete before, and until when more may come. RST_STREAM NO_ERROR would tell
   * the client to stop (section 8.1), but curl reports an error instead of the answer if it comes while curl sends.
   */
  #dropped = 0;
  #lingersUntil = Number.POSITIVE_INFINITY;

  constructor(host: StreamHost, id: number, head: RequestHead) {
    this.#host = host;
    this.id = id;
    this.turn = host.turn;
    this.head = head;
    this.window = new SendWindow(host.firstSendWindow);
    this.#request = new RequestBody(this, declaredLength(head));
  }

  /** END_STREAM has come: the stream is half-closed (remote). */
  get isWhole(): boolean {
    return this.#request.isWhole;
  }

  get isSent(): boolean {
    return this.#isSent;
  }

  // ---- The request, as the session has it.

  /**
   * DATA has come.
   *
   * @param framed Bytes that count for the window, so with padding (section 6.1).
   * @returns False if that is more than the client may send.
   */
  receive(bytes: Buffer, from: number, to: number, framed: number, isLast: boolean): boolean {
    const body = this.#request;
    if (!body.count(to - from, framed, isLast)) return false;
    if (body.isTooLong) {
      this.#host.violated(this, codes.protocolError);
      return true;
    }
    if (this.#isComplete) {
      // Its last frame closes the stream, and needs no reset.
      if (!isLast) this.#drop(to - from);
    } else if (!isLast || body.isAsDeclared) body.take(bytes, from, to, framed, isLast);
    if (isLast && !this.#isClosed) this.endRequest();
    return true;
  }

  /** END_STREAM has come. Whoever has the whole answer may end a body early. */
  endRequest(): void {
    // Section 8.1.1.
    if (!this.#isSent && !this.#request.isAsDeclared) {
      this.#host.violated(this, codes.protocolError);
      return;
    }
    // Whoever reads the body may answer at its end.
    const wasSent = this.#isSent;
    this.#request.end();
    if (wasSent) this.#host.closed(this);
  }

  // ---- What the body asks for.

  takeBodyRoom(): Share | undefined {
    return this.#host.takeBodyRoom(this.head, () => this.refuseBody());
  }

  refuseBody(): void {
    this.#host.reset(this, codes.enhanceYourCalm);
  }

  giveCredit(bytes: number): void {
    this.#host.output.number(frameTypes.windowUpdate, this.id, bytes);
  }

  #drop(bytes: number): void {
    this.#dropped += Math.max(bytes, minDroppedBytes);
    if (this.#isSent && this.#dropped > maxDroppedBytes) this.#host.reset(this, codes.noError);
  }

  /** Called now and then. */
  look(): void {
    if (this.#host.now >= this.#lingersUntil) this.#host.reset(this, codes.noError);
  }

  /** The stream is closed: by its last frame, by RST_STREAM of either side, or with its connection. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.place?.end();
    this.#request.close();
    this.#unsent?.end();
    this.#host.output.forget(this);
    this.#body = nothing;
    if (this.#isSent) return;
    this.#isGone = true;
    this.#written?.reject(clientHasGone());
    this.#written = undefined;
    const onGone = this.#onGone;
    this.#onGone = undefined;
    onGone?.();
  }

  // ---- The exchange, as the rest of the wire has it.

  openBody(reader: BodyReader): void {
    if (this.#isClosed) return;
    const isExpected = !this.isWhole && !this.#isBegun;
    if (isExpected && expectationOf(this.head) === "continue") {
      this.#host.output.block(this.id, 0, [":status", "100"]);
    }
    this.#request.open(reader);
  }

  resumeBody(): void {
    this.#request.resume();
  }

  onGone(callback: () => void): void {
    if (this.#isGone) callback();
    else this.#onGone = callback;
  }

  respond({ status, headers, body, trailers }: Answer, common: HeaderList): void {
    if (this.#isClosed || this.#isBegun) return;
    const fields = headerList(headers, common, [":status", String(status)]);
    const hasLength = trailers === undefined && body !== undefined && status !== 204;
    if (hasLength) fields.push("content-length", String(body.byteLength));
    fields.push("date", this.#host.date());
    const hasBody = body !== undefined && this.head.method !== "HEAD" && hasContent(status);
    const isAll = !hasBody && trailers === undefined;
    this.#host.output.block(this.id, isAll ? flags.endStream : 0, fields);
    this.#isBegun = true;
    this.#complete();
    if (hasBody) this.#body = body;
    this.#trailers = trailers && headerList(trailers);
    if (isAll) this.#sent();
    else this.#host.output.send(this);
  }

  begin(
    { status, headers }: Omit<Answer, "body" | "trailers">,
    common: HeaderList,
  ): AnswerStream | undefined {
    if (this.#isClosed || this.#isBegun) return undefined;
    const fields = headerList(headers, common, [":status", String(status)]);
    fields.push("date", this.#host.date());
    this.#host.output.block(this.id, 0, fields);
    this.#isBegun = true;
    return this;
  }

  write(chunk: Uint8Array): Promise<void> {
    if (this.#isClosed || this.#isComplete) return Promise.reject(clientHasGone());
    this.#body = chunk;
    this.#bodyAt = 0;
    if (chunk.byteLength === 0) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#written = { resolve, reject };
    this.#host.output.send(this);
    return promise;
  }

  end(trailers?: OutgoingHttpHeaders): void {
    if (this.#isClosed || this.#isComplete) return;
    const fields = headerList(trailers ?? {});
    if (fields.length > 0) this.#trailers = fields;
    this.#complete();
    this.#host.output.send(this);
  }

  abort(): void {
    if (!this.#isClosed) this.#host.reset(this, codes.cancel);
  }

  release(): void {
    this.#host.released();
  }

  /** The answer is complete, so what comes of the request is of no use any more. */
  #complete(): void {
    this.#isComplete = true;
    this.#request.forget();
  }

  // ---- The answer on its way.

  sendPiece(): "none" | "some" | "all" {
    const { output } = this.#host;
    const left = this.#body.byteLength - this.#bodyAt;
    // A window may be below zero (section 6.9.2). What is empty needs none (section 6.9.1).
    const open = Math.max(0, Math.min(this.window.left, output.window.left, maxPayloadBytes));
    const size = Math.min(left, open);
    if (left > 0 && size === 0) return "none";
    const isAll = size === left;
    const isLast = isAll && this.#isComplete && this.#trailers === undefined;
    if (size > 0 || isLast) {
      const end = this.#bodyAt + size;
      output.data(this.id, isLast, this.#body.subarray(this.#bodyAt, end));
      this.window.left -= size;
      this.#bodyAt = end;
    }
    if (!isAll) {
      this.#moved(size);
      if (size < http2Limits.tinyFrameBytes) this.#host.dribbled();
      // That may have been one too many.
      return this.#isClosed ? "all" : "some";
    }
    if (this.#trailers === undefined || this.#sendTrailers(this.#trailers)) this.#allFramed();
    return "all";
  }

  /** @returns False if they cannot be sent. It is too late for another answer then. */
  #sendTrailers(trailers: HeaderList): boolean {
    try {
      this.#host.output.block(this.id, flags.endStream, trailers);
      return true;
    } catch {
      this.#host.reset(this, codes.internalError);
      return false;
    }
  }

  /** The unsent answer must move, and by more than single bytes. */
  #moved(bytes: number): void {
    if (this.#unsent === undefined) return;
    this.#progress += bytes;
    if (this.#progress < minProgressBytes) return;
    this.#unsent.took(this.#progress);
    this.#progress = 0;
  }

  #allFramed(): void {
    this.#body = nothing;
    this.#bodyAt = 0;
    this.#unsent?.end();
    this.#unsent = undefined;
    this.#written?.resolve();
    this.#written = undefined;
    if (this.#isComplete) this.#sent();
  }

  /** END_STREAM was sent. */
  #sent(): void {
    this.#isSent = true;
    this.#onGone = undefined;
    this.#host.answered(this);
    if (this.isWhole) this.#host.closed(this);
    else this.#lingersUntil = this.#host.now + lingerMs;
  }

  wait(): void {
    if (this.#unsent !== undefined) return;
    const unsent = this.#host.beginUnsent(this.head, () => this.abort());
    this.#unsent = unsent;
    this.#progress = 0;
    unsent.hand(this.#body.byteLength - this.#bodyAt);
  }
}

/** RFC 9110, sections 15.3.5 and 15.4.5. */
function hasContent(status: number): boolean {
  return status !== 204 && status !== 304;
}

function clientHasGone(): Error {
  return new Error("the client has gone, or does not read");
}

const nothing = new Uint8Array();
