import { createShares } from "../../../../src/wire/bounds/shares.ts";
import { createUnsent } from "../../../../src/wire/bounds/unsent.ts";
import type { Exchange } from "../../../../src/wire/http/exchange.ts";
import { Http2Session } from "../../../../src/wire/http2/session.ts";
import { StrictReader } from "./strict-reader.ts";

/** A session without a socket, and with a clock that stands still until the test moves it. */
export interface Memory extends Disposable {
  readonly reader: StrictReader;
  /** All bytes that the server has written. */
  readonly output: Buffer;
  /** The server has closed. */
  readonly isClosed: boolean;
  /** Requests that were handed to the handlers, and of which nothing has been heard yet. */
  readonly running: number;
  readonly calls: number;
  /** The bytes arrive, as one piece, and everything that follows from them happens. */
  send(...bytes: Uint8Array[]): void;
  /** Each piece arrives by itself, all of them in one turn of the event loop. */
  sendAtOnce(...pieces: readonly Uint8Array[]): void;
  /** Time goes by. */
  pass(ms: number): void;
  /** The socket has closed. */
  hangUp(): void;
  /** Whether the server reads. */
  readonly isReading: boolean;
}

/** @param handle What answers a request. Default: `echo`. */
export function openMemory(handle: (exchange: Exchange) => void = echo): Memory {
  const unsentTimeoutMs = 20_000;
  const unsent = createUnsent({
    maxUnsentBytes: 2 ** 25,
    maxUnsentBytesEach: 2 ** 24,
    unsentTimeoutMs,
  });
  const reader = new StrictReader();
  const pieces: Uint8Array[] = [];
  const due: (() => void)[] = [];
  const state = { now: 0, isClosed: false, isReading: true, calls: 0, running: 0 };
  const close = () => {
    state.isClosed = true;
  };
  const session: Http2Session = new Http2Session(
    {
      write(written) {
        for (const piece of written) {
          if (state.isClosed) reader.violations.push("a write after the end");
          // A copy shows whether the bytes change later.
          pieces.push(Buffer.from(piece));
          reader.read(piece);
        }
        due.push(() => session.taken());
      },
      unsent: () => 0,
      unread: () => 0,
      pause: () => {
        state.isReading = false;
      },
      resume: () => {
        state.isReading = true;
      },
      end: close,
      destroy: close,
    },
    "192.0.2.1",
    {
      clientOf: (peer) => peer,
      groupOf: (address) => address,
      unsent,
      isDraining: () => false,
      isTaking: () => false,
      dispatch(exchange) {
        state.calls += 1;
        state.running += 1;
        const { release } = exchange;
        exchange.release = () => {
          state.running -= 1;
          release.call(exchange);
        };
        handle(exchange);
      },
      requests: createShares(10_000, 10_000),
      bodies: createShares(2 ** 26, 2 ** 26),
      unhandled: createShares(2 ** 26, 2 ** 26),
      busy: new Set(),
      observeClose: () => {},
      unsentTimeoutMs,
      now: () => state.now,
      soon: (callback) => void due.push(callback),
      date: () => "Thu, 01 Jan 2026 00:00:00 GMT",
    },
  );
  const waiting: Uint8Array[] = [];
  /** As a socket does it: what has come is passed on while the session reads. */
  const deliver = () => {
    while (waiting.length > 0 && state.isReading && !state.isClosed) {
      session.receive(Buffer.from(waiting.shift() as Uint8Array));
    }
  };
  const turn = () => {
    do {
      for (const callback of due.splice(0)) callback();
      deliver();
    } while (due.length > 0);
  };
  turn();
  const sendAtOnce = (...bytes: readonly Uint8Array[]) => {
    for (const piece of bytes) reader.client.note(piece);
    waiting.push(...bytes);
    deliver();
    turn();
  };
  return {
    reader,
    get output() {
      return Buffer.concat(pieces);
    },
    get isClosed() {
      return state.isClosed;
    },
    get running() {
      return state.running;
    },
    get calls() {
      return state.calls;
    },
    get isReading() {
      return state.isReading;
    },
    send: (...bytes) => sendAtOnce(Buffer.concat(bytes)),
    sendAtOnce,
    pass(ms) {
      state.now += ms;
      session.look();
      turn();
    },
    hangUp() {
      session.hangUp();
      turn();
    },
    [Symbol.dispose]() {
      session.hangUp();
      unsent.stop();
    },
  };
}

/**
 * Answers with the body of the request. By the path: `/grpc` with trailers, `/early` before the body has come,
 * `/never` not at all, `/large` with 30 KB.
 */
export function echo(exchange: Exchange): void {
  const { path } = exchange.head;
  const pieces: Buffer[] = [];
  const headers = { "content-type": "application/grpc" };
  let isAnswered = false;
  exchange.onGone(() => {
    if (!isAnswered) exchange.release();
  });
  if (path === "/never") return;
  const answer = (body: Uint8Array) => {
    const trailers = path === "/grpc" ? { trailers: { "grpc-status": "0" } } : {};
    exchange.respond({ status: 200, headers, body, ...trailers }, ["x-request-id", "7"]);
    isAnswered = true;
    exchange.release();
  };
  if (path === "/early") {
    answer(Buffer.from("no"));
    return;
  }
  exchange.openBody({
    take: (piece) => pieces.push(piece) > 0,
    end: () => answer(path === "/large" ? Buffer.alloc(30_000, "x") : Buffer.concat(pieces)),
  });
}
