import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ClosedConnection } from "../../../src/wire/index.ts";
import {
  type Fields,
  frame,
  frameFlags,
  frameTypes,
  headerBlock,
  indexedField,
  newestField,
  reset,
  windowUpdate,
} from "../../faults/frames.ts";
import { type EchoHandlers, type EchoServer, startEcho } from "../echo.ts";
import { openPeer, type Peer } from "./support/peer.ts";
import {
  begun,
  expectServed,
  getNote,
  greet,
  greeting,
  putNote,
  setting,
  whole,
  withField,
} from "./support/requests.ts";

// Long because of the table of floods. Each client stays below what would harm anybody else, and loses its connection.

const { data, headers, priority, settings, ping, goAway, continuation } = frameTypes;
const { ack, endHeaders, endStream, padded } = frameFlags;
const enhanceYourCalm = 11;

let server: EchoServer;
let calls = 0;
let running = 0;
let mostRunning = 0;
const closed: ClosedConnection[] = [];
beforeAll(async () => {
  const handlers: EchoHandlers = {
    async look(note) {
      calls += 1;
      running += 1;
      mostRunning = Math.max(mostRunning, running);
      // Longer than a client takes to reset the stream.
      await new Promise((resolve) => setTimeout(resolve, 20));
      running -= 1;
      return note;
    },
  };
  server = await startEcho(handlers, { observeClose: (each) => void closed.push(each) });
});
afterAll(() => server[Symbol.asyncDispose]());

const ids = (count: number) => Array.from({ length: count }, (_, index) => 2 * index + 1);
const repeat = (count: number, bytes: Buffer) => Array.from({ length: count }, () => bytes);
const putOf = (length: number) => withField("content-length", String(length), putNote);

/** A list that is much larger than its block. */
const bomb = Buffer.concat([
  headerBlock(getNote),
  indexedField("x", "v".repeat(3_900)),
  Buffer.alloc(40, newestField),
]);

/**
 * Streams of which none is answered before the next comes. If the server is quick, a hundred run, and the others are
 * refused, which counts less.
 */
const unanswered = ids(1_500);

/** What each client sends after its greeting. It may send no more than that before it loses its connection. */
const floods: Readonly<Record<string, () => Buffer[]>> = {
  "rapid reset (CVE-2023-44487)": () =>
    unanswered.map((id) => Buffer.concat([whole(id), reset(id)])),
  "rapid reset of streams whose body has not come": () =>
    ids(500).map((id) => Buffer.concat([begun(id), reset(id)])),
  "made you reset: a window beyond the largest (CVE-2025-8671)": () =>
    unanswered.map((id) => Buffer.concat([whole(id), windowUpdate(id, 0x7fffffff)])),
  "made you reset: trailers without END_STREAM": () =>
    ids(500).map((id) => Buffer.concat([begun(id), begun(id, [["x", "y"]])])),
  "made you reset: a pseudo-header as a trailer": () =>
    ids(500).map((id) => Buffer.concat([begun(id), whole(id)])),
  "made you reset: more content than declared": () =>
    ids(500).map((id) => Buffer.concat([begun(id, putOf(1)), frame(data, 0, id, Buffer.alloc(2))])),
  "made you reset: less content than declared": () =>
    ids(500).map((id) =>
      Buffer.concat([begun(id, putOf(9)), frame(data, endStream, id, Buffer.alloc(2))]),
    ),
  "made you reset: malformed requests": () =>
    ids(500).map((id) => whole(id, withField("connection", "close"))),
  "made you reset: lists that are too large": () =>
    ids(500).map((id) => whole(id, [...getNote, ...Array(100).fill(["a", ""])] as Fields)),
  "more streams than allowed, again and again": () => ids(800).map((id) => begun(id)),
  "CONTINUATION without end (CVE-2024-27316)": () => [
    frame(headers, endStream, 1, headerBlock(getNote)),
    ...repeat(50, frame(continuation, 0, 1, headerBlock([["x", "y"]]))),
  ],
  "CONTINUATION without content (CVE-2026-33871)": () => [
    frame(headers, endStream, 1, headerBlock(getNote)),
    ...repeat(2, frame(continuation, 0, 1)),
  ],
  "a field block of 48 KiB": () => [
    frame(headers, endStream, 1, headerBlock(getNote)),
    ...repeat(3, frame(continuation, 0, 1, Buffer.alloc(16_384, 0x82))),
  ],
  "HPACK bomb (CVE-2016-6581)": () =>
    ids(500).map((id) => frame(headers, endHeaders | endStream, id, bomb)),
  "HPACK bomb of nearly empty fields (CVE-2026-49975)": () =>
    ids(500).map((id) =>
      frame(
        headers,
        endHeaders | endStream,
        id,
        Buffer.concat([
          headerBlock(getNote),
          indexedField("cookie", ""),
          Buffer.alloc(4_000, newestField),
        ]),
      ),
    ),
  "PING (CVE-2019-9512)": () => repeat(250, frame(ping, 0, 0, Buffer.alloc(8))),
  "PING ACK": () => repeat(2_500, frame(ping, ack, 0, Buffer.alloc(8))),
  "SETTINGS (CVE-2019-9515)": () => repeat(250, frame(settings, 0, 0)),
  "SETTINGS that change the window of every stream": () => [
    ...ids(50).map((id) => begun(id)),
    ...repeat(125, frame(settings, 0, 0, Buffer.concat([setting(4, 1), setting(4, 65_535)]))),
  ],
  "SETTINGS with 33 settings": () => [
    frame(settings, 0, 0, Buffer.concat(repeat(33, setting(0xfe00, 1)))),
  ],
  "PRIORITY (CVE-2019-9513)": () => repeat(2_500, frame(priority, 0, 7, Buffer.alloc(5))),
  PRIORITY_UPDATE: () => repeat(2_500, frame(0x10, 0, 0, Buffer.alloc(4))),
  "frames of unknown type": () => repeat(2_500, frame(0xfa, 0, 0, Buffer.alloc(8))),
  GOAWAY: () => [begun(1), ...repeat(2_500, frame(goAway, 0, 0, Buffer.alloc(8)))],
  "RST_STREAM of a closed stream (CVE-2019-9514)": () => [begun(1), ...repeat(2_500, reset(1))],
  "WINDOW_UPDATE of the connection": () => repeat(250, windowUpdate(0, 1)),
  "WINDOW_UPDATE of a stream": () => [begun(1), ...repeat(250, windowUpdate(1, 1))],
  "WINDOW_UPDATE of a closed stream": () => [
    begun(1),
    reset(1),
    ...repeat(2_500, windowUpdate(1, 1)),
  ],
  "DATA without content (CVE-2019-9518)": () => [begun(1), ...repeat(250, frame(data, 0, 1))],
  "DATA of padding alone": () => [
    begun(1),
    ...repeat(250, frame(data, padded, 1, Buffer.concat([Buffer.of(7), Buffer.alloc(7)]))),
  ],
  "DATA without content on many streams": () =>
    ids(100).flatMap((id) => [begun(id), ...repeat(3, frame(data, 0, id))]),
};

describe("a client that floods loses its connection, and nobody else notices", () => {
  test.for(Object.entries(floods).map(([name, make]) => ({ name, make })))(
    "$name",
    async ({ make }) => {
      using other = await greet(server);
      using peer = await openPeer(server.port);
      const before = calls;
      mostRunning = 0;
      closed.length = 0;
      peer.send(greeting);
      await sendAll(peer, make());
      await peer.closed();
      const last = peer.frames.findLast(({ type }) => type === goAway);
      expect(last?.payload.readUInt32BE(4)).toBe(enhanceYourCalm);
      const reason = last?.payload.toString("latin1", 8);
      expect(reason).toMatch(/^[a-z_]{4,40}$/);
      expect(closed).toMatchObject([{ reason, isPlanned: false }]);
      expect(peer.violations).toEqual([]);
      // Requests of which something reached a handler before the connection was lost.
      expect(calls - before).toBeLessThanOrEqual(300);
      expect(mostRunning).toBeLessThanOrEqual(100);
      await expectServed(other, 1);
      expect(other.violations).toEqual([]);
    },
  );
});

/** In small packets, so that the server could do something between them. */
async function sendAll(peer: Peer, parts: readonly Buffer[]): Promise<void> {
  for (let at = 0; at < parts.length && !peer.isClosed; at += 25) {
    peer.send(...parts.slice(at, at + 25));
    await new Promise(setImmediate);
  }
}
