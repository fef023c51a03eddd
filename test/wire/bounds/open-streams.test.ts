import { ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createOpenStreams } from "../../../src/wire/bounds/open-streams.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Streams by name, and which were ended and why. The first letter is the client. */
function opened(limits: { maxStreams?: number; maxStreamsEach?: number; maxStreamAgeMs: number }) {
  const streams = createOpenStreams({ maxStreams: 100, maxStreamsEach: 100, ...limits });
  const seen: string[] = [];
  const open = (name: string) =>
    streams.open(name.charAt(0), (reason) => {
      seen.push(`${name}: ${ConnectError.from(reason).rawMessage}`);
    });
  return { ...streams, open, news: () => seen.splice(0) };
}

const tooOld = (name: string) => `${name}: the stream is too old; open it again`;

test("A3: each stream ends once when it is too old, and not one that has ended before", () => {
  const { open, news, stop } = opened({ maxStreamAgeMs: 10_000 });
  open("a1");
  const close = open("a2");
  vi.advanceTimersByTime(5_000);
  open("b1");
  close?.();
  vi.advanceTimersByTime(4_900);
  expect(news()).toEqual([]);
  // Looked at once a second.
  vi.advanceTimersByTime(1_100);
  expect(news()).toEqual([tooOld("a1")]);
  vi.advanceTimersByTime(3_900);
  expect(news()).toEqual([]);
  vi.advanceTimersByTime(30_000);
  expect(news()).toEqual([tooOld("b1")]);
  stop();
  expect(vi.getTimerCount()).toBe(0);
});

test("A3: a short age is kept to its quarter", () => {
  const { open, news, stop } = opened({ maxStreamAgeMs: 400 });
  open("a1");
  vi.advanceTimersByTime(510);
  expect(news()).toEqual([tooOld("a1")]);
  stop();
});

test("A3: a stream that was refused, or has lost its place, does not grow old", () => {
  const { open, news, stop } = opened({ maxStreams: 2, maxStreamsEach: 2, maxStreamAgeMs: 10_000 });
  open("a1");
  open("a2");
  expect(open("a3")).toBeUndefined();
  const close = open("b1");
  expect(news()).toEqual(["a1: another client needs the place of this stream"]);
  close?.();
  // It has given its place back.
  expect(open("a4")).toBeTypeOf("function");
  vi.advanceTimersByTime(20_000);
  expect(news()).toEqual([tooOld("a2"), tooOld("a4")]);
  stop();
});
