import { once } from "node:events";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sniff } from "../../../src/wire/http/sniff.ts";
import { openingTimeoutMs } from "../../../src/wire/limits.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** Until what was pushed has been read. */
const reading = () => new Promise(process.nextTick);

function sniffed() {
  const socket = new Duplex({ read() {}, write: (_chunk, _, done) => done() });
  const told: unknown[] = [];
  sniff(socket as Socket, (opening) => void told.push(opening));
  return { socket, told };
}

describe("what a connection speaks", () => {
  test.for([
    { name: "one byte of TLS", pieces: ["\x16"], want: "tls" },
    { name: "HTTP/2", pieces: [preface], want: "http2" },
    { name: "HTTP/2 with frames behind it", pieces: [`${preface}\0\0\0`], want: "http2" },
    { name: "HTTP/2 byte by byte", pieces: [...preface], want: "http2" },
    { name: "one byte of HTTP/1.1", pieces: ["G"], want: "http1" },
    { name: "a verb that begins as HTTP/2 does", pieces: ["P", "UT /"], want: "http1" },
    {
      name: "HTTP/2 with another last byte",
      pieces: [preface.replace(/\n$/, "\r")],
      want: "http1",
    },
    { name: "TLS behind another byte", pieces: ["P", "\x16"], want: "http1" },
  ])("is told by $name", async ({ pieces, want }) => {
    const { socket, told } = sniffed();
    for (const piece of pieces) {
      expect(told).toEqual([]);
      socket.push(piece);
      await reading();
    }
    expect(told).toEqual([want]);
    expect(socket.isPaused()).toBe(true);
    expect(socket.read().toString()).toBe(pieces.join(""));
  });

  test("is told once, and what the client does later is left to others", async () => {
    const { socket, told } = sniffed();
    socket.push("GET");
    await reading();
    socket.resume();
    socket.push("\x16");
    socket.push(null);
    await once(socket, "end");
    await vi.advanceTimersByTimeAsync(2 * openingTimeoutMs);
    expect(socket.destroyed).toBe(false);
    socket.destroy();
    await once(socket, "close");
    expect(told).toEqual(["http1"]);
  });
});

describe("a connection that does not tell what it speaks", () => {
  test("is closed after five seconds", async () => {
    const { socket, told } = sniffed();
    socket.push("PRI");
    await vi.advanceTimersByTimeAsync(openingTimeoutMs - 1);
    expect(socket.destroyed).toBe(false);
    await vi.advanceTimersByTimeAsync(2);
    expect(socket.destroyed).toBe(true);
    expect(told).toEqual([undefined]);
  });

  test("is closed when the client ends it", async () => {
    const { socket, told } = sniffed();
    socket.push("PRI");
    socket.push(null);
    await once(socket, "close");
    expect(told).toEqual([undefined]);
  });

  test("keeps nothing when it is closed", async () => {
    const { socket } = sniffed();
    socket.destroy();
    await once(socket, "close");
    expect(vi.getTimerCount()).toBe(0);
  });
});

test("bytes that came while the process stood still are in time", async () => {
  const { socket, told } = sniffed();
  vi.advanceTimersByTime(openingTimeoutMs);
  socket.push("GET");
  await reading();
  vi.runAllTimers();
  expect(told).toEqual(["http1"]);
  expect(socket.destroyed).toBe(false);
});
