import {
  data,
  type Fields,
  frame,
  frameFlags,
  frameTypes,
  headerBlock,
  headers,
  indexedField,
  newestField,
  opening,
  preface,
  reset,
  uint32,
  windowUpdate,
} from "../frames.ts";
import type { Random } from "../random.ts";
import { type Attack, type Case, mutate, split } from "./attack.ts";
import {
  envelope,
  http2Bytes,
  http2Fields,
  protocols,
  readCall,
  type Target,
  validCall,
} from "./calls.ts";

// Long because it is one table of attacks with the functions that make their bytes.

const { endStream, endHeaders } = frameFlags;

/** HTTP/2 connections that break its rules, or keep them in a hostile way. */
export const http2Attacks: readonly Attack[] = [
  {
    name: "W21 HTTP/2 connections with mutated bytes",
    door: "plain",
    amount: { share: 5 },
    make(random, target) {
      const calls = Array.from({ length: 3 }, (_, index) =>
        http2Bytes(validCall(random.pick(protocols), target, random), 2 * index + 1),
      );
      const bytes = mutate(Buffer.concat([opening, ...calls]), random, words);
      return { writes: split(bytes, random), requests: calls.length };
    },
  },
  {
    name: "W21 frames in random order, with random flags",
    door: "plain",
    amount: { share: 4 },
    make(random, target) {
      const frames = Array.from({ length: 2 + random.int(12) }, () => oddFrame(random, target));
      return { writes: split(Buffer.concat([opening, ...frames]), random), requests: 1 };
    },
  },
  {
    name: "W13 header fields that HTTP/2 forbids, bad :authority",
    door: "plain",
    amount: { share: 5 },
    make(random, target) {
      const requests = 10;
      const calls = Array.from({ length: requests }, (_, index) => {
        const call = validCall(random.pick(protocols), target, random);
        return http2Bytes(call, 2 * index + 1, oddFields(http2Fields(call), random));
      });
      return {
        writes: split(Buffer.concat([opening, ...calls]), random),
        requests,
        owes: "an end",
      };
    },
  },
  {
    name: "W9 split frames, one-byte DATA frames",
    door: "plain",
    amount: { share: 2 },
    make(random, target) {
      const call = validCall("grpc", target, random);
      const bytes = [...call.body].map((byte) => frame(frameTypes.data, 0, 1, Buffer.of(byte)));
      const whole = Buffer.concat([
        opening,
        headers(1, http2Fields(call)),
        ...bytes,
        data(1, Buffer.alloc(0)),
      ]);
      const writes = random.oneIn(4)
        ? [...whole].map((byte) => Buffer.of(byte))
        : split(whole, random);
      return { writes, requests: 1, owes: "an end" };
    },
  },
  {
    name: "W22 HTTP/2 connections that break off",
    door: "plain",
    amount: { share: 2 },
    make(random, target) {
      const bytes = Buffer.concat([opening, http2Bytes(validCall("grpc", target, random), 1)]);
      const cut = bytes.subarray(0, random.int(bytes.byteLength + 1));
      return { writes: [cut], requests: 1, leave: random.pick(["reset", "half-close"]) };
    },
  },
  flood("W1 rapid reset", (id, target) =>
    Buffer.concat([http2Bytes(readCall(target), id), reset(id)]),
  ),
  flood("W2 made to reset", (id, target) =>
    Buffer.concat([http2Bytes(readCall(target), id), windowUpdate(id, 0)]),
  ),
  flood("W3 CONTINUATION flood", (id) =>
    id === 1
      ? frame(frameTypes.headers, endStream, 1, headerBlock([[":method", "GET"]]))
      : frame(frameTypes.continuation, 0, 1, headerBlock([[`x-${id}`, "y"]])),
  ),
  flood("W4 PING flood", () => frame(frameTypes.ping, 0, 0, Buffer.alloc(8))),
  flood("W4 SETTINGS flood", () => frame(frameTypes.settings, 0, 0, Buffer.alloc(60))),
  flood("W5 PRIORITY flood", () => frame(frameTypes.priority, 0, 1, Buffer.of(0, 0, 0, 3, 1))),
  flood("W5 frames of unknown type", () => frame(0xfa, 0, 0, Buffer.alloc(8))),
  flood("W5 empty DATA frames", (id, target) =>
    id === 1 ? headers(1, http2Fields(readCall(target))) : frame(frameTypes.data, 0, 1),
  ),
  flood("W5 DATA on a closed stream", (id, target) =>
    id === 1 ? http2Bytes(readCall(target), 1) : frame(frameTypes.data, 0, 1, Buffer.alloc(9)),
  ),
  flood("W6 WINDOW_UPDATE flood", () => windowUpdate(0, 1)),
  flood("W6 WINDOW_UPDATE overflow", () => windowUpdate(0, 0x7fffffff)),
  flood("W7 stream hoarding", (id, target) => headers(id, http2Fields(readCall(target)))),
  flood("W8 HPACK bomb", (id) => {
    const pseudo = headerBlock([
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
    ]);
    const field = id === 1 ? indexedField("x", "v".repeat(3_900)) : Buffer.of(newestField);
    const block = Buffer.concat([pseudo, field, Buffer.alloc(120, newestField)]);
    return frame(frameTypes.headers, endStream | endHeaders, id, block);
  }),
  flood("W9 one-byte DATA frames on 20 streams", (id, target) =>
    id < 40
      ? headers(id, http2Fields(readCall(target)))
      : frame(frameTypes.data, 0, (id % 40) | 1, Buffer.of(0)),
  ),
  flood("W10 length prefix lie on many streams", (id, target) =>
    Buffer.concat([
      headers(id, http2Fields(readCall(target))),
      frame(frameTypes.data, endStream, id, envelope(Buffer.alloc(0), 0, 0xffffffff)),
    ]),
  ),
  flood("W12 huge header lists", (id, target) => {
    const fields: Fields = [...http2Fields(readCall(target)), ["x-huge", "v".repeat(16_000)]];
    return id % 64 === 1 ? headers(id, fields) : windowUpdate(0, 1);
  }),
];

/** The same frame over and over on one connection; `make` gets the stream ids 1, 3, 5 and so on. */
function flood(name: string, make: (id: number, target: Target) => Buffer): Attack {
  return {
    name,
    door: "plain",
    amount: { times: 10 },
    make(_random, target): Case {
      const frames = Array.from({ length: target.floodFrames }, (_, index) =>
        make(2 * index + 1, target),
      );
      return { writes: [opening, Buffer.concat(frames)], requests: 1, answers: Infinity };
    },
  };
}

const words = [
  "\0\0\0",
  "\x01",
  "\x7f\u00ff\u00ff\u00ff",
  "\u00ff\u00ff\u00ff",
  preface.toString("latin1"),
  "HTTP/1.1",
  "\r\n\r\n",
] as const;

/** A frame of any type whose payload may be that of another one. */
function oddFrame(random: Random, target: Target): Buffer {
  const streamId = random.pick([0, 1, 1, 1, 2, 3, 5, 7, 0x7fffffff, 0xffffffff]);
  const type = random.oneIn(8) ? random.int(256) : random.int(10);
  const payloads = [
    Buffer.alloc(0),
    headerBlock(http2Fields(readCall(target))),
    headerBlock(oddFields(http2Fields(readCall(target)), random)),
    readCall(target).body,
    uint32(random.int(2 ** 31)),
    random.bytes(random.int(40)),
    Buffer.concat([
      Buffer.of(0, random.int(8)),
      uint32(random.pick([0, 1, 65_535, 2 ** 31 - 1, 2 ** 32 - 1])),
    ]),
    random.bytes(8),
    Buffer.concat([Buffer.of(random.int(256)), readCall(target).body]),
  ];
  const payload = random.pick(payloads);
  const isLie = random.oneIn(12);
  const length = isLie ? random.pick([0, 1, 16_385, 0xffffff]) : payload.byteLength;
  return frame(type, random.pick([0, 1, 4, 5, 8, 32, 40, 255]), streamId, payload, length);
}

const oddHosts = [
  "[",
  "",
  "a b",
  "a/b",
  "@",
  "\u00ff",
  "a:b",
  "[::",
  "%",
  "http://a",
  "a".repeat(3_000),
] as const;

/** Replace, add, repeat, move or drop one field. */
function oddFields(fields: Fields, random: Random): Fields {
  const at = random.int(fields.length);
  const before = fields.slice(0, at);
  const after = fields.slice(at + 1);
  const [name, value] = fields[at] as Fields[number];
  switch (random.int(7)) {
    case 0:
      return [...before, ...after];
    case 1:
      return [...fields, [name, value]];
    case 2:
      return [...before, ...after, [name, value]];
    case 3:
      return [...before, [name.toUpperCase(), value], ...after];
    case 4:
      return fields.map(([each, old]) => [
        each,
        each === ":authority" ? random.pick(oddHosts) : old,
      ]);
    case 5:
      return [...before, [name, random.bytes(random.int(12)).toString("latin1")], ...after];
    default:
      return [...fields, random.pick(forbidden)];
  }
}

const forbidden: Fields = [
  ["connection", "close"],
  ["transfer-encoding", "chunked"],
  ["upgrade", "h2c"],
  ["keep-alive", "1"],
  ["te", "gzip"],
  ["host", "other"],
  ["content-length", "99999999999"],
  ["content-length", "x"],
  [":status", "200"],
  [":odd", "1"],
  [":protocol", "websocket"],
  ["", "x"],
  ["x", "a\r\nb: c"],
  ["x", "a\0b"],
  ["a b", "c"],
  ["__proto__", "x"],
  ["grpc-timeout", "99999999H"],
  ["grpc-timeout", "0m"],
  ["grpc-encoding", "__proto__"],
  ["x-zitadel-orgid", "\u00ff"],
  ["x-odd-bin", "%%%"],
];
