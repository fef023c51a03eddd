import { Code, ConnectError, createContextValues, type HandlerContext } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RequestGate } from "../../../../src/wire/call.ts";
import {
  notesKey,
  type StreamNotes,
} from "../../../../src/wire/protocol/streaming/stream-errors.ts";
import { createStreamGate } from "../../../../src/wire/protocol/streaming/stream-gate.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const timeoutMs = 10_000;

/** A stream at its gate. */
function entering(gate: RequestGate, signal = new AbortController().signal) {
  const notes: StreamNotes = {};
  const values = createContextValues().set(notesKey, notes);
  const enter = createStreamGate(gate, timeoutMs, undefined);
  const entered = enter({ signal, values } as HandlerContext);
  entered.catch(() => undefined);
  return { entered, notes };
}

const never = () => new Promise<void>(() => {});

test("a gate that lets a stream in leaves no timer behind", async () => {
  let open = () => {};
  const controller = new AbortController();
  const waiting = () => new Promise<void>((resolve) => (open = resolve));
  const { entered, notes } = entering(waiting, controller.signal);
  vi.advanceTimersByTime(timeoutMs - 1);
  open();
  await entered;
  expect(vi.getTimerCount()).toBe(0);
  await entering(() => undefined).entered;
  expect(notes).toEqual({});
});

const no = new ConnectError("no", Code.PermissionDenied);

test.for<{ how: string; gate: RequestGate }>([
  {
    how: "throws",
    gate: () => {
      throw no;
    },
  },
  { how: "returns its refusal", gate: () => no },
  { how: "refuses later", gate: () => Promise.reject(no) },
])("a gate that $how is heard, and its error noted", async ({ gate }) => {
  const { entered, notes } = entering(gate);
  await expect(entered).rejects.toBe(no);
  expect(notes.error).toBe(no);
  expect(vi.getTimerCount()).toBe(0);
});

test("a gate that takes too long has a deadline", async () => {
  const { entered, notes } = entering(never);
  vi.advanceTimersByTime(timeoutMs - 1);
  expect(notes.error).toBeUndefined();
  vi.advanceTimersByTime(1);
  await expect(entered).rejects.toMatchObject({ code: Code.DeadlineExceeded });
  expect(notes.error?.code).toBe(Code.DeadlineExceeded);
});

test.for([
  { when: "while it waits", isBefore: false },
  { when: "before", isBefore: true },
])("a stream that has ended $when does not wait for its gate", async ({ isBefore }) => {
  const controller = new AbortController();
  const reason = new ConnectError("the client has gone", Code.Canceled);
  if (isBefore) controller.abort(reason);
  const { entered, notes } = entering(never, controller.signal);
  controller.abort(reason);
  await expect(entered).rejects.toBe(reason);
  expect(notes.error).toBe(reason);
  expect(vi.getTimerCount()).toBe(0);
});
