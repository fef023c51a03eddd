import type { Socket } from "node:net";
import { Writable } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createStuckSockets } from "../../../src/wire/bounds/stuck-sockets.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A connection whose client reads nothing. */
function unread(): Socket {
  const socket = new Writable({ write() {} });
  socket.write("answer");
  return socket as unknown as Socket;
}

test("a connection that has ended and does not close is destroyed after a while, an open one never", () => {
  const stuck = createStuckSockets(8_000);
  const [open, early, late] = [unread(), unread(), unread()];
  for (const socket of [open, early, late]) stuck.watch(socket);
  const destroyed = () => [open, early, late].map((socket) => socket.destroyed);
  // It may be open for longer than that before it ends.
  vi.advanceTimersByTime(20_000);
  early.end();
  vi.advanceTimersByTime(5_000);
  late.end();
  // The end is noticed within a second.
  vi.advanceTimersByTime(2_900);
  expect(destroyed()).toEqual([false, false, false]);
  vi.advanceTimersByTime(1_200);
  expect(destroyed()).toEqual([false, true, false]);
  vi.advanceTimersByTime(5_000);
  expect(destroyed()).toEqual([false, true, true]);
  stuck.stop();
});

test("a short time is kept to its quarter", () => {
  const stuck = createStuckSockets(400);
  const socket = unread();
  stuck.watch(socket);
  socket.end();
  vi.advanceTimersByTime(510);
  expect(socket.destroyed).toBe(true);
  stuck.stop();
});

test("nothing is looked at once it has closed, or the server", async () => {
  const stuck = createStuckSockets(400);
  const [closed, open] = [unread(), unread()];
  for (const socket of [closed, open]) stuck.watch(socket);
  closed.destroy();
  await new Promise(process.nextTick);
  const looks = vi.spyOn(closed, "writableEnded", "get");
  vi.advanceTimersByTime(200);
  expect(looks).not.toHaveBeenCalled();
  stuck.stop();
  open.end();
  vi.advanceTimersByTime(2_000);
  expect(open.destroyed).toBe(false);
  expect(vi.getTimerCount()).toBe(0);
});
