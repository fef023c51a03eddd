import { describe, expect, test } from "vitest";
import {
  type Fields,
  frame,
  frameFlags,
  frameTypes,
  headerBlock,
  indexedField,
  preface,
  reset,
  uint32,
  windowUpdate,
} from "../../faults/frames.ts";
import { openMemory } from "./support/memory.ts";
import { describeFrames } from "./support/peer.ts";
import { setting, withField } from "./support/requests.ts";

// What real clients send, as it was recorded from them. The clock stands still, so nothing is forgiven with time.
// Long because of the table of clients.

const { data, headers, priority, settings, ping, goAway } = frameTypes;
const { ack, endHeaders, endStream } = frameFlags;

const call: Fields = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/grpc"],
  [":authority", "a"],
  ["te", "trailers"],
  ["content-type", "application/grpc"],
];
const largeGet: Fields = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/large"],
  [":authority", "a"],
];
const message = Buffer.alloc(120, 1);
const head = (id: number, fields = call, flags: number = endHeaders) =>
  frame(headers, flags, id, headerBlock(fields));
const body = (id: number, bytes: Uint8Array = message, flags: number = endStream) =>
  frame(data, flags, id, bytes);
const hello = (...ids: (readonly [id: number, value: number])[]) =>
  Buffer.concat([
    preface,
    frame(settings, 0, 0, Buffer.concat(ids.map(([id, value]) => setting(id, value)))),
  ]);
const acknowledge = frame(settings, ack, 0);
const pingOf = (hex: string) => frame(ping, 0, 0, Buffer.from(hex, "hex"));
const oneIn = (times: number, index: number, bytes: () => Buffer[]) =>
  index % times === 0 ? bytes() : [];

type Script = {
  readonly name: string;
  /** In one packet, before the server has said anything. */
  readonly first: Buffer[];
  readonly firstId?: number;
  /** What is sent for a call, and what once it was answered. */
  readonly send: (id: number, index: number) => Buffer[];
  readonly after?: (id: number, index: number) => Buffer[];
  readonly last?: Buffer[];
};

const noPush = [2, 0] as const;

/** Once half of the window is used up, as nghttp2 does it. */
function creditNowAndThen(_id: number, index: number): Buffer[] {
  const calls = Math.floor(32_768 / message.byteLength);
  return oneIn(calls, index, () => [windowUpdate(0, calls * message.byteLength)]);
}

const scripts: readonly Script[] = [
  {
    name: "grpc-go: a PING and a window update for each call",
    first: [hello()],
    send: (id) => [head(id), body(id)],
    after: () => [windowUpdate(0, message.byteLength), pingOf("02041010090e0707")],
    last: [
      frame(
        goAway,
        0,
        0,
        Buffer.concat([uint32(0), uint32(0), Buffer.from("client transport shutdown")]),
      ),
    ],
  },
  {
    name: "grpc-go with large answers: it grows its window",
    first: [hello()],
    send: (id, index) => [
      ...oneIn(50, index, () =>
        index < 1_000 ? [frame(settings, 0, 0, setting(4, 65_536 + 4_000 * index))] : [],
      ),
      head(id, largeGet, endHeaders | endStream),
    ],
    after: (id) => [windowUpdate(0, 30_000), windowUpdate(id, 30_000), pingOf("02041010090e0707")],
  },
  {
    name: "grpc-js: HEADERS and DATA apart",
    first: [hello([4, 65_535])],
    send: (id) => [head(id), body(id)],
    after: creditNowAndThen,
  },
  {
    name: "C-core: two window updates for each call, one of them before DATA",
    first: [
      hello(noPush, [3, 0], [4, 4_194_304], [5, 4_194_304], [6, 16_384], [0xfe03, 1]),
      windowUpdate(0, 4_128_769),
    ],
    send: (id) => [head(id), windowUpdate(id, 5), body(id)],
    after: () => [windowUpdate(0, 125)],
  },
  {
    name: "C-core: a PING now and then",
    first: [hello(noPush, [3, 0], [4, 4_194_304]), windowUpdate(0, 4_128_769)],
    send: (id, index) => [
      ...oneIn(500, index, () => [pingOf("0000000000000001")]),
      head(id),
      windowUpdate(id, 5),
      body(id),
    ],
  },
  {
    name: "grpc-java: the first stream is 3, an empty DATA ends a request",
    first: [hello(noPush, [3, 0], [4, 1_048_576], [6, 8_192]), windowUpdate(0, 983_041)],
    firstId: 3,
    send: (id, index) =>
      index % 7 === 0
        ? [head(id), body(id, message, 0), body(id, Buffer.alloc(0))]
        : [head(id), body(id)],
    after: (id, index) => [
      ...creditNowAndThen(id, index),
      ...oneIn(50, index, () => [pingOf("00000000000004d2")]),
    ],
  },
  {
    name: "tonic",
    first: [hello(noPush, [4, 2_097_152], [5, 16_384], [6, 16_384]), windowUpdate(0, 5_177_345)],
    send: (id) => [head(id), body(id)],
    after: (_id, index) => oneIn(100, index, () => [windowUpdate(0, 14_000)]),
  },
  {
    name: "connect-go, which resets a stream whose answer came early",
    first: [
      hello(noPush, [4, 4_194_304], [5, 16_384], [6, 10_485_760]),
      windowUpdate(0, 1_073_741_824),
    ],
    send: (id) => [head(id, withField(":path", "/early", call))],
    after: (id) => [reset(id, 0)],
  },
  {
    name: "curl: the request is in the first packet",
    first: [
      hello([3, 100], [4, 10_485_760], noPush),
      windowUpdate(0, 1_048_510_465),
      head(1, largeGet, endHeaders | endStream),
    ],
    firstId: 3,
    send: (id) => [head(id, largeGet, endHeaders | endStream)],
  },
  {
    name: "Chromium: HEADERS with a priority",
    first: [hello([1, 65_536], noPush, [4, 6_291_456], [6, 262_144]), windowUpdate(0, 15_663_105)],
    send: (id) => [
      frame(
        headers,
        endHeaders | endStream | 32,
        id,
        Buffer.concat([uint32(0x80000000), Buffer.of(255), headerBlock(largeGet)]),
      ),
    ],
    after: (_id, index) =>
      oneIn(200, index, () => [windowUpdate(0, 6_000_000), pingOf("0000000000000001")]),
  },
  {
    name: "an old Firefox: PRIORITY on six idle streams, the first request is 15",
    first: [
      hello([1, 65_536], [4, 131_072], [5, 16_384]),
      windowUpdate(0, 12_517_377),
      ...[3, 5, 7, 9, 11, 13].map((id) =>
        frame(priority, 0, id, Buffer.concat([uint32(0), Buffer.of(200)])),
      ),
    ],
    firstId: 15,
    send: (id) => [head(id, largeGet, endHeaders | endStream)],
    after: (_id, index) => oneIn(200, index, () => [windowUpdate(0, 6_000_000)]),
  },
  {
    name: "nginx: no table, and windows as large as can be",
    first: [hello([1, 0], noPush, [4, 0x7fffffff]), windowUpdate(0, 2_147_418_112)],
    send: (id) => [head(id), body(id)],
  },
  {
    name: "HAProxy: a window update for each DATA, also after the end",
    first: [hello(noPush, [8, 1], [3, 100])],
    send: (id) => [head(id, largeGet, endHeaders | endStream)],
    after: (id) => [
      ...[16_384, 13_616].flatMap((size) => [
        windowUpdate(0, size),
        windowUpdate(id, size),
        windowUpdate(id, 1),
      ]),
    ],
  },
  {
    name: "nghttp: five PRIORITY frames, the first request is 13",
    first: [
      hello([3, 100], [4, 65_535]),
      ...[3, 5, 7, 9, 11].map((id) =>
        frame(priority, 0, id, Buffer.concat([uint32(0), Buffer.of(200)])),
      ),
    ],
    firstId: 13,
    send: (id) => [head(id, [...call, ["priority", "u=1"]]), body(id)],
    after: () => [windowUpdate(0, 125)],
  },
  {
    name: "a client that indexes every field, as Go does",
    first: [hello()],
    send: (id, index) => [
      frame(
        headers,
        endHeaders,
        id,
        Buffer.concat([headerBlock(call), indexedField("grpc-timeout", `${index}m`)]),
      ),
      body(id),
    ],
    after: creditNowAndThen,
  },
];

describe("what real clients do is allowed, for 1,500 calls", () => {
  test.for(scripts)("$name", ({ first, firstId = 1, send, after, last }) => {
    const times = 1_500;
    using memory = openMemory();
    memory.send(...first);
    memory.send(acknowledge);
    for (let index = 0; index < times && !memory.isClosed; index++) {
      const id = firstId + 2 * index;
      // Each frame in a packet of its own, or all in one.
      if (index % 2 === 0) memory.send(...send(id, index));
      else for (const bytes of send(id, index)) memory.send(bytes);
      memory.send(...(after?.(id, index) ?? []));
    }
    expect(memory.isClosed ? describeFrames(memory.reader.frames.slice(-5)) : "open").toBe("open");
    expect(memory.reader.violations).toEqual([]);
    const answers = memory.reader.frames.filter(({ fields }) => fields?.[1] === "200");
    expect(answers).toHaveLength(firstId === 3 && first.length === 3 ? times + 1 : times);
    expect(memory.reader.frames.filter(({ type }) => type === frameTypes.reset)).toEqual([]);
    if (last === undefined) return;
    memory.send(...last);
    expect(memory.isClosed).toBe(true);
    expect(memory.reader.violations).toEqual([]);
  });
});

test("a client that cancels a hundred calls at a deadline is allowed, as often as it comes", () => {
  using memory = openMemory();
  memory.send(hello(noPush), acknowledge);
  let id = 1;
  for (let storm = 0; storm < 10; storm++) {
    const ids = Array.from({ length: 100 }, (_, index) => id + 2 * index);
    memory.send(...ids.map((each) => head(each, withField(":path", "/never", call))));
    memory.send(...ids.map((each) => reset(each)), pingOf("0000000000000001"));
    expect(memory.running).toBe(0);
    id += 200;
    // Refilled by time in one half of the cases, by calls that were answered in the other.
    if (storm % 2 === 0) memory.pass(5_000);
    else for (let good = 0; good < 100; good++, id += 2) memory.send(head(id), body(id));
    memory.send(windowUpdate(0, 12_000));
  }
  expect(memory.isClosed ? describeFrames(memory.reader.frames.slice(-5)) : "open").toBe("open");
  expect(memory.reader.violations).toEqual([]);
});
