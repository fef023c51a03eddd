import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { StreamingRoute } from "../../../src/wire/dispatch/route.ts";
import { createServeStream } from "../../../src/wire/dispatch/serve-stream.ts";
import type { ServedRequest } from "../../../src/wire/dispatch/served-request.ts";
import { farewellMs } from "../../../src/wire/limits.ts";
import type { WorkTurns } from "../../../src/wire/turns/work-turns.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Ending = { readonly status: number };

/** One stream, what happens to it in order, and what the test may do to it. */
function served({ isGone = false, waits = false } = {}) {
  const seen: string[] = [];
  const say = (text: string) => () => void seen.push(text);
  let end: (reason: Error) => void = () => {};
  let goAway = () => {};
  let begin = () => {};
  let signal: AbortSignal | undefined;
  const result = Promise.withResolvers<Ending>();
  const heavyTurns: WorkTurns = (_peer, start) => {
    begin = start;
    if (!waits) start();
    return say("gave up its turn");
  };
  const openStream = (_peer: string, onEnd: typeof end) => {
    end = onEnd;
    return say("closed");
  };
  const exchange = {
    head: { peer: "a" },
    onGone(callback: () => void) {
      goAway = callback;
      if (isGone) callback();
    },
    abort: say("aborted"),
  };
  const request = {
    exchange,
    identify() {},
    report: (status: number) => seen.push(`reported ${status}`),
    fail: say("failed"),
  } as unknown as ServedRequest;
  const serve = (_exchange: unknown, _common: unknown, ended: AbortController) => {
    seen.push("began");
    signal = ended.signal;
    return result.promise;
  };
  const opened = () => ({ status: 200, headers: {} });
  const route = { protocol: "grpc", method: { serve }, opened } as unknown as StreamingRoute;
  createServeStream(() => false, openStream, heavyTurns, undefined)(request, route);
  return {
    news: () => seen.splice(0).join(", "),
    end: (reason: Error) => end(reason),
    goAway: () => goAway(),
    begin: () => begin(),
    result,
    signal: () => signal,
  };
}

const settled = () => new Promise<void>((resolve) => process.nextTick(resolve));
const tooOld = new ConnectError("too old", Code.Unavailable);

test("a stream that ends gives its place back", async () => {
  const { news, result } = served();
  expect(news()).toBe("began");
  result.resolve({ status: 200 });
  await settled();
  expect(news()).toBe("closed, reported 200");
});

test("a stream that fails gives its place back", async () => {
  const { news, result } = served();
  result.reject(new Error("no"));
  await settled();
  expect(news()).toBe("began, closed, failed");
});

test("a stream whose client goes before its turn gives its turn and its place back", () => {
  const { news, goAway } = served({ waits: true });
  expect(news()).toBe("");
  goAway();
  expect(news()).toBe("gave up its turn, closed, reported 499");
});

test("a stream whose client has gone already waits for no turn", () => {
  expect(served({ isGone: true }).news()).toBe("closed, reported 499");
});

test("a stream that must end is told, and cut off if it does not", () => {
  const { news, end, signal } = served();
  end(tooOld);
  expect(signal()?.reason).toBe(tooOld);
  vi.advanceTimersByTime(farewellMs - 1);
  expect(news()).toBe("began");
  vi.advanceTimersByTime(1);
  expect(news()).toBe("aborted");
});

test("a stream that ends when it is told is not cut off", async () => {
  const { news, end, result } = served();
  end(tooOld);
  result.resolve({ status: 200 });
  await settled();
  vi.advanceTimersByTime(farewellMs);
  expect(news()).toBe("began, closed, reported 200");
});

test("a stream that must end before its turn is told when it begins", () => {
  const { news, end, begin, signal } = served({ waits: true });
  end(tooOld);
  begin();
  expect([news(), signal()?.reason]).toEqual(["began", tooOld]);
});
