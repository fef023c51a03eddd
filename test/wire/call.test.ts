import { Buffer } from "node:buffer";
import { Code, ConnectError, type UnaryResponse } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { callUnary, type RequestGate } from "../../src/wire/call.ts";
import { createDeadlines } from "../../src/wire/deadline.ts";
import type { Answer, BodyReader, Exchange } from "../../src/wire/http/exchange.ts";
import { bodyTimeoutMs } from "../../src/wire/limits.ts";
import type { Dialog } from "../../src/wire/protocol/protocol.ts";
import type { WorkTurns } from "../../src/wire/turns/work-turns.ts";
import type { UnaryMethod } from "../../src/wire/unary-method.ts";
import { EchoService } from "./echo.ts";

// The steps of one call alone, without a server: how long it counts as running, and which clock it has.

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** One call, what happens to it in order, and what the test may do to it. */
function called({
  requestGate,
  isHeavy = false,
}: {
  requestGate?: RequestGate;
  isHeavy?: boolean;
} = {}) {
  const seen: string[] = [];
  const say = (text: string) => () => void seen.push(text);
  const handling = Promise.withResolvers<void>();
  let goAway = () => {};
  let begin = () => {};
  let reader: BodyReader | undefined;
  const exchange = {
    head: { method: "POST", path: "/", query: "", peer: "a", headers: {} },
    onGone(callback: () => void) {
      goAway = callback;
    },
    openBody(given: BodyReader) {
      reader = given;
    },
    release: say("released"),
  } as unknown as Exchange;
  const dialog = {
    maxBodyBytes: 10,
    timeoutMs: () => undefined,
    reader: () => (body: Buffer) => {
      if (body.length === 0) throw new ConnectError("no message", Code.InvalidArgument);
      return {};
    },
    answer: () => ({}) as Answer,
    refuse: () => ({}) as Answer,
  } as unknown as Dialog;
  const method = {
    descriptor: EchoService.method.echo,
    maxMessageBytes: 10,
    isHeavy,
    async onion() {
      seen.push("handled");
      await handling.promise;
      return {} as UnaryResponse;
    },
  } as unknown as UnaryMethod;
  const heavyTurns: WorkTurns = (_peer, start) => {
    begin = start;
    return say("gave up its turn");
  };
  callUnary(method, exchange, dialog, {
    protocolName: "grpc",
    requestId: "1",
    limits: { maxMessageBytes: 10, defaultDeadlineMs: 60_000, maxDeadlineMs: 60_000 },
    startDeadline: createDeadlines(),
    errorDomain: undefined,
    requestGate,
    heavyTurns,
    bind: undefined,
    trace: undefined,
    onAnswer: (_answer, error) => seen.push(error === undefined ? "answered" : error.rawMessage),
  });
  return {
    /** What has happened since it was asked last. */
    async news() {
      await vi.advanceTimersByTimeAsync(0);
      return seen.splice(0);
    },
    send(body: string) {
      if (body !== "") reader?.take(Buffer.from(body));
      reader?.end();
    },
    isBodyOpen: () => reader !== undefined,
    goAway: () => goAway(),
    begin: () => begin(),
    handling,
  };
}

/** A gate that waits, and what it waits for. */
function waitingGate() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { requestGate: () => promise, resolve, reject };
}

const gone = "the client has gone";
const denied = new ConnectError("denied", Code.PermissionDenied);

test("a call that is answered runs no more", async () => {
  const { news, send, handling } = called();
  send("a");
  expect(await news()).toEqual(["handled"]);
  handling.resolve();
  expect(await news()).toEqual(["answered", "released"]);
});

test("a call whose handler fails runs no more", async () => {
  const { news, send, handling } = called();
  send("a");
  handling.reject(denied);
  expect(await news()).toEqual(["handled", "denied", "released"]);
});

test("a call runs until its handler is done, though its client has gone", async () => {
  const { news, send, goAway, handling } = called();
  send("a");
  goAway();
  expect(await news()).toEqual(["handled", gone]);
  handling.resolve();
  expect(await news()).toEqual(["released"]);
});

test.for(["resolve", "reject"] as const)(
  "a call runs until its gate is done, though its client has gone: %s",
  async (end) => {
    const { requestGate, ...gate } = waitingGate();
    const { news, goAway, isBodyOpen } = called({ requestGate });
    goAway();
    expect(await news()).toEqual([gone]);
    gate[end]();
    expect(await news()).toEqual(["released"]);
    expect(isBodyOpen()).toBe(false);
  },
);

test("a call that its gate refuses runs no more", async () => {
  const gate = waitingGate();
  const { news, isBodyOpen } = called(gate);
  expect(await news()).toEqual([]);
  gate.reject(denied);
  expect(await news()).toEqual(["denied", "released"]);
  expect(isBodyOpen()).toBe(false);
});

test.for<{ name: string; requestGate: RequestGate }>([
  { name: "at once", requestGate: () => undefined },
  { name: "later", requestGate: () => Promise.resolve() },
])(
  "a call that fails behind a gate that lets it in $name runs no more",
  async ({ requestGate }) => {
    const unread = called({ requestGate });
    expect(await unread.news()).toEqual([]);
    unread.send("");
    expect(await unread.news()).toEqual(["no message", "released"]);

    const left = called({ requestGate });
    expect(await left.news()).toEqual([]);
    left.goAway();
    expect(await left.news()).toEqual([gone, "released"]);
  },
);

test("a call that takes long waits for its turn, and gives it up if its client goes", async () => {
  const served = called({ isHeavy: true });
  served.send("a");
  expect(await served.news()).toEqual([]);
  served.begin();
  expect(await served.news()).toEqual(["handled"]);

  const left = called({ isHeavy: true });
  left.send("a");
  left.goAway();
  expect(await left.news()).toEqual(["gave up its turn", gone, "released"]);
  // A turn that comes all the same begins nothing.
  left.begin();
  expect(await left.news()).toEqual([]);
});

test("a body has its time from when it is asked for until it has come, and a handler has more", async () => {
  const gate = waitingGate();
  const late = called(gate);
  vi.advanceTimersByTime(bodyTimeoutMs + 1_000);
  gate.resolve();
  expect(await late.news()).toEqual([]);
  vi.advanceTimersByTime(bodyTimeoutMs - 1);
  late.send("a");
  vi.advanceTimersByTime(2_000);
  expect(await late.news()).toEqual(["handled"]);

  const never = called();
  vi.advanceTimersByTime(bodyTimeoutMs - 1);
  expect(await never.news()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await never.news()).toEqual(["the request body came too slowly", "released"]);
});
