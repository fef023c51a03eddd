import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createDeadlines, type Deadline } from "../../src/wire/deadline.ts";
import { bodyTimeoutMs } from "../../src/wire/limits.ts";
import { refusal } from "../../src/wire/refusal.ts";

// The clock of a call alone, without a server: see `deadline.test.ts` for what clients see.

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Calls by name, and when which error has ended each. */
function started() {
  const start = createDeadlines();
  const seen: string[] = [];
  const startedAt = performance.now();
  const begin = (name: string, timeoutMs: number): Deadline =>
    start(timeoutMs, ({ rawMessage }) => {
      seen.push(`${name} ${performance.now() - startedAt}: ${rawMessage}`);
    });
  return { begin, seen };
}

test.for([1, 15, 19, 20, 21, 1_000])("a call of %d ms is over then, and no sooner", (ms) => {
  const { begin, seen } = started();
  const deadline = begin("a", ms);
  vi.advanceTimersByTime(ms - 1);
  expect([seen, deadline.aborted, deadline.remainingMs()]).toEqual([[], false, 1]);
  vi.advanceTimersByTime(1);
  expect(seen).toEqual([`a ${ms}: deadline exceeded`]);
  expect([deadline.aborted, deadline.remainingMs()]).toEqual([true, 0]);
  vi.advanceTimersByTime(ms);
  expect(deadline.remainingMs()).toBe(0);
  expect(seen).toHaveLength(1);
  expect(vi.getTimerCount()).toBe(0);
});

test("calls of all ages keep their own time", () => {
  const { begin, seen } = started();
  begin("a", 100);
  vi.advanceTimersByTime(5);
  begin("b", 50);
  vi.advanceTimersByTime(6);
  begin("c", 60);
  begin("d", 15);
  vi.advanceTimersByTime(1_000);
  expect(seen.map((each) => each.slice(0, -": deadline exceeded".length))).toEqual([
    "d 26",
    "b 55",
    "c 71",
    "a 100",
  ]);
});

test.for([5, 15])(
  "a call that is answered after %d ms is told nothing, and leaves no timer",
  (ms) => {
    const { begin, seen } = started();
    const deadline = begin("a", 100);
    vi.advanceTimersByTime(ms);
    deadline.end();
    deadline.cancel(refusal("canceled", "the client has gone"));
    vi.advanceTimersByTime(10 - Math.min(ms, 10));
    expect(vi.getTimerCount()).toBe(0);
    expect(seen).toEqual([]);
    expect(deadline.reason).toMatchObject({ message: "the call has ended" });
  },
);

test("a call is canceled once, and its signal says why, whenever that is made", () => {
  const { begin, seen } = started();
  const [made, unmade] = [begin("a", 100), begin("b", 100)];
  const before = made.signal;
  expect([before.aborted, made.signal === before]).toEqual([false, true]);
  for (const deadline of [made, unmade]) {
    deadline.cancel(refusal("canceled", "gone"));
    deadline.cancel(refusal("canceled", "gone again"));
    deadline.end();
    expect(deadline.signal.reason).toMatchObject({ code: Code.Canceled, rawMessage: "gone" });
    expect(deadline.reason).toBe(deadline.signal.reason);
  }
  expect(before.aborted).toBe(true);
  expect(seen).toEqual(["a 0: gone", "b 0: gone"]);
});

const tooSlow = "the request body came too slowly";

test.for([
  { name: "of a call that has just begun", age: 0 },
  { name: "of a call that has waited for the gate", age: 1_000 },
])("a body has its own time, $name", ({ age }) => {
  const { begin, seen } = started();
  const [slow, quick] = [begin("slow", 60_000), begin("quick", 60_000)];
  vi.advanceTimersByTime(age);
  for (const deadline of [slow, quick]) deadline.beginBody();
  vi.advanceTimersByTime(bodyTimeoutMs - 1);
  expect(seen).toEqual([]);
  quick.endBody();
  vi.advanceTimersByTime(1);
  // Sockets are read before it is refused. The clock of the test takes a millisecond for that.
  expect(seen).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(seen).toEqual([`slow ${age + bodyTimeoutMs + 1}: ${tooSlow}`]);
  vi.advanceTimersByTime(60_000);
  expect(seen.slice(1)).toEqual(["quick 60000: deadline exceeded"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a body has no more time than its call", () => {
  const { begin, seen } = started();
  begin("a", 1_000).beginBody();
  vi.advanceTimersByTime(bodyTimeoutMs);
  expect(seen).toEqual(["a 1000: deadline exceeded"]);
});

test("a body that is asked for when its call is over starts no clock", () => {
  const { begin } = started();
  const deadline = begin("a", 15);
  vi.advanceTimersByTime(15);
  deadline.beginBody();
  expect(vi.getTimerCount()).toBe(0);
});

test.for([
  { name: "before the call has a timer of its own", age: 0 },
  { name: "when the call has one", age: 15 },
])("a body that is asked for $name leaves no timer behind", ({ age }) => {
  const { begin } = started();
  const deadline = begin("a", 60_000);
  vi.advanceTimersByTime(age);
  deadline.beginBody();
  vi.advanceTimersByTime(15);
  expect(vi.getTimerCount()).toBe(1);
  deadline.end();
  expect(vi.getTimerCount()).toBe(0);
});

test("a body that is whole at the last moment is in time, and its call keeps its deadline", () => {
  const { begin, seen } = started();
  const [runs, ends] = [begin("runs", 60_000), begin("ends", 60_000)];
  for (const deadline of [runs, ends]) deadline.beginBody();
  // Its time is over. What the sockets have by now is read before it is refused.
  vi.advanceTimersByTime(bodyTimeoutMs);
  for (const deadline of [runs, ends]) deadline.endBody();
  ends.end();
  vi.advanceTimersByTime(1);
  expect([seen, vi.getTimerCount()]).toEqual([[], 1]);
  vi.advanceTimersByTime(60_000);
  expect(seen).toEqual(["runs 60000: deadline exceeded"]);
});

test("a call takes one timer of its own, however long it is", () => {
  const { begin } = started();
  using timers = vi.spyOn(globalThis, "setTimeout");
  begin("a", 60_000);
  vi.advanceTimersByTime(59_000);
  // The first is that of all young calls.
  expect(timers).toHaveBeenCalledTimes(2);
});
