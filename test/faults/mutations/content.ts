import { brotliCompressSync, gzipSync } from "node:zlib";
import { type Fields, opening } from "../frames.ts";
import type { Random } from "../random.ts";
import { type Attack, type Case, mutate, split } from "./attack.ts";
import {
  type Call,
  callWith,
  envelope,
  http1Bytes,
  http2Bytes,
  isJson,
  type Protocol,
  protocols,
  type Target,
  validMessage,
} from "./calls.ts";

// Long because it is one table of attacks with the functions that make their bytes.

/** Requests with valid framing and invalid content. The server must answer every one of them. */
export const contentAttacks: readonly Attack[] = [
  {
    name: "C8 mutated messages of every protocol",
    door: "plain",
    amount: { share: 24 },
    make: many((protocol, target, random) =>
      callWith(protocol, target, mutate(validMessage(protocol, target, random), random, words)),
    ),
  },
  {
    name: "C1-C14 JSON: deep, __proto__, repeated keys, bad text",
    door: "plain",
    amount: { share: 16 },
    make: many((_protocol, target, random) =>
      callWith(random.pick(["rest", "connect-json"]), target, oddJson(target, random)),
    ),
  },
  {
    name: "C7-C15 protobuf: overlong varints, field 0, nested groups, wrong types",
    door: "plain",
    amount: { share: 16 },
    make: many((protocol, target, random) =>
      callWith(isJson(protocol) ? "grpc" : protocol, target, oddProtobuf(target, random)),
    ),
  },
  {
    name: "C15 envelopes: two messages, flags, W10 length prefix lie",
    door: "plain",
    amount: { share: 8 },
    make: many((_protocol, target, random) => {
      const protocol = random.pick(["grpc", "grpc-web", "grpc-web-text"] as const);
      const odd = oddEnvelope(validMessage(protocol, target, random), random);
      const isText = protocol === "grpc-web-text";
      const body = isText ? mutate(Buffer.from(odd.toString("base64")), random, words) : odd;
      return { ...callWith(protocol, target, Buffer.alloc(0)), body };
    }),
  },
  {
    name: "W17 compression bombs and garbage",
    door: "plain",
    amount: { share: 5 },
    make: many((protocol, target, random) => {
      const { name, bytes } = oddCompression(validMessage(protocol, target, random), random);
      const isEnveloped = protocol.startsWith("grpc");
      const fields: Fields = [[isEnveloped ? "grpc-encoding" : "content-encoding", name]];
      const call = callWith(protocol, target, bytes, fields);
      return isEnveloped ? { ...call, body: envelope(bytes, random.pick([0, 1, 1, 1])) } : call;
    }),
  },
];

/** Several calls on one connection: pipelined, or on the streams of HTTP/2. */
function many(
  make: (protocol: Protocol, target: Target, random: Random) => Call,
): (random: Random, target: Target) => Case {
  return (random, target) => {
    const isHttp2 = random.oneIn(2);
    const calls: Call[] = [];
    // HTTP/2 lets a client send 64 KiB before the server reads. More would be another attack.
    for (let bytes = 0; calls.length < 10 && bytes < 40_000; ) {
      const call = make(random.pick(protocols), target, random);
      calls.push(call);
      bytes += call.body.byteLength + 500;
    }
    const parts = isHttp2
      ? [opening, ...calls.map((call, index) => http2Bytes(call, 2 * index + 1))]
      : calls.map((call) => http1Bytes(call));
    return { writes: split(Buffer.concat(parts), random), requests: calls.length, owes: "an end" };
  };
}

const words = [
  "__proto__",
  "constructor",
  "null",
  "-1",
  "1e999",
  "\0",
  "\u00ff\u00fe",
  "\u00ed\u00a0\u0080",
  "\\ud800",
  "\\u0000",
  "}",
  "[",
  ",",
  '"',
  '{"a":',
  "\x0b\x0c",
  "\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u0001",
] as const;

const deep = (open: string, close: string, random: Random) => {
  const depth = 1 + random.int(random.oneIn(10) ? 25_000 : 400);
  return open.repeat(depth) + (random.oneIn(2) ? close.repeat(depth) : "");
};

const profileWith = (member: string) =>
  `{"firstName":"Gigi","lastName":"Giraffe","displayName":"Gigi",${member}}`;

const oddTexts: readonly ((random: Random, target: Target) => string)[] = [
  (random) => profileWith(`"nickName":${deep("[", "]", random)}`),
  (random) => profileWith(`"a":${deep('{"a":', "}", random)}`),
  (random) => deep("[", "]", random),
  () => profileWith('"__proto__":{"firstName":"x","isAdmin":true}'),
  () => profileWith('"constructor":{"prototype":{"isAdmin":true}},"hasOwnProperty":1,"toString":2'),
  () => profileWith('"firstName":"Gigi"'),
  () => profileWith('"first_name":"Gigi"'),
  (random) => profileWith(`"nickName":"${"x".repeat(random.int(20_000))}"`),
  () => profileWith('"nickName":"\\ud800"'),
  () => profileWith('"nickName":"\\u0000"'),
  () => profileWith('"nickName":"\u0001"'),
  (random) =>
    profileWith(
      `"gender":${random.pick(["99", "-1", "1.5", "true", "{}", '"1"', "null", "4294967296", '"GENDER_NONE"', "1e400"])}`,
    ),
  (random) =>
    profileWith(
      `"preferredLanguage":"${random.pick(["en-".repeat(60), "a".repeat(10), "x-x-x-x-x", "en-US-u", "i-klingon", "und"])}"`,
    ),
  (random) =>
    profileWith(
      `"nickName":${random.pick(["1", "[]", "{}", "true", "null", "NaN", "Infinity", "undefined"])}`,
    ),
  (_random, { userId }) =>
    profileWith(
      `"userId":"${userId}","state":"USER_STATE_DELETED","roles":["IAM_OWNER"],"resourceOwner":"1"`,
    ),
  () => profileWith('"nickName":"\u202e\u2066\ufeff\ufffe"'),
  (random) =>
    `{${Array.from({ length: 1 + random.int(3_000) }, (_, index) => `"${index}":0`).join(",")}}`,
  (random) =>
    `${random.pick(["\ufeff", "//", "/**/", "\u0000", " ".repeat(30_000)])}${profileWith('"nickName":""')}`,
  (random) => profileWith('"nickName":""') + random.pick(["}", "{}", "\u0000", "garbage", "\n\n"]),
  (random) =>
    random.pick([
      "",
      "null",
      "[]",
      "0",
      '""',
      "{",
      "{}",
      "true",
      '"\\',
      "{]",
      '{"a"}',
      "{,}",
      "[1,]",
    ]),
];

function oddJson(target: Target, random: Random): Buffer {
  const text = Buffer.from(random.pick(oddTexts)(random, target));
  return random.oneIn(4) ? mutate(text, random, words) : text;
}

/** A tag with a field number and a wire type, and bytes after it. */
const field = (number: number, wireType: number, ...bytes: number[]) =>
  Buffer.concat([varint(number * 8 + wireType), Buffer.from(bytes)]);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

const overlong = (random: Random) => [
  ...Array.from({ length: 9 + random.int(40) }, () => 0xff),
  random.int(2),
];

const oddFields: readonly ((random: Random) => Buffer)[] = [
  (random) => field(7, 0, ...overlong(random)),
  (random) => Buffer.from(overlong(random)),
  (random) => field(1 + random.int(7), 2, ...overlong(random)),
  (random) => field(0, random.int(8), random.int(256)),
  (random) => field(1 + random.int(20), 6 + random.int(2), random.int(256)),
  (random) => field(1 + random.int(20), 3).fill(field(9, 3), 0),
  (random) => Buffer.alloc(1 + random.int(random.oneIn(10) ? 30_000 : 300), field(9, 3)),
  (random) => {
    const depth = 1 + random.int(random.oneIn(10) ? 15_000 : 200);
    return Buffer.concat([Buffer.alloc(depth, field(9, 3)), Buffer.alloc(depth, field(9, 4))]);
  },
  () => Buffer.concat([field(9, 3), field(10, 4)]),
  () => field(9, 4),
  (random) => field(2, 0, random.int(128)),
  (random) => field(7, 2, 1, random.int(256)),
  (random) => field(2, 1, ...random.bytes(8)),
  (random) => field(2, 5, ...random.bytes(4)),
  (random) =>
    field(
      2,
      2,
      4,
      ...random.pick([
        [0xed, 0xa0, 0x80, 0x41],
        [0xff, 0xfe, 0, 0],
        [0xc0, 0x80, 0x41, 0x41],
        [0, 0, 0, 0],
      ]),
    ),
  (random) => field(2, 2, random.int(128)),
  (random) =>
    field(
      7,
      0,
      ...random.pick([
        [0x80, 0x80, 0x80, 0x80, 0x10],
        [99],
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
      ]),
    ),
  (random) => Buffer.concat([varint(2 ** 29 * 8), random.bytes(4)]),
  (random) => Buffer.concat(Array.from({ length: 1 + random.int(2_000) }, () => field(20, 0, 1))),
  (random) => random.bytes(random.int(200)),
];

function oddProtobuf(target: Target, random: Random): Buffer {
  const parts = [validMessage("grpc", target, random)];
  for (let left = 1 + random.int(3); left > 0; left -= 1)
    parts.push(random.pick(oddFields)(random));
  return Buffer.concat(random.oneIn(2) ? parts.reverse() : parts);
}

function oddEnvelope(message: Buffer, random: Random): Buffer {
  switch (random.int(7)) {
    case 0:
      return Buffer.concat([envelope(message), envelope(message)]);
    case 1:
      return envelope(message, 1 + random.int(255));
    case 2:
      return envelope(
        message,
        0,
        random.pick([0xffffffff, 0xfffffff0, 0x7fffffff, 65_537, 0, message.byteLength + 1]),
      );
    case 3:
      return envelope(message).subarray(0, random.int(message.byteLength + 5));
    case 4:
      return Buffer.concat([envelope(message), random.bytes(1 + random.int(9))]);
    case 5:
      return Buffer.concat([envelope(message), envelope(Buffer.from("grpc-status: 0\r\n"), 0x80)]);
    default:
      return mutate(envelope(message), random, words);
  }
}

/** From a few bytes to 16 MB, and the same packed once more. */
const gzipBomb = gzipSync(Buffer.alloc(16 << 20));
const brotliBomb = brotliCompressSync(Buffer.alloc(16 << 20));
const packedBomb = gzipSync(gzipBomb);

function oddCompression(message: Buffer, random: Random): { name: string; bytes: Buffer } {
  switch (random.int(8)) {
    case 0:
      return { name: "gzip", bytes: gzipBomb };
    case 1:
      return { name: "br", bytes: brotliBomb };
    case 2:
      return { name: random.pick(["gzip", "gzip, gzip"]), bytes: packedBomb };
    case 3:
      return { name: "gzip", bytes: mutate(gzipSync(message), random, words) };
    case 4:
      return { name: "br", bytes: mutate(brotliCompressSync(message), random, words) };
    case 5:
      return { name: "gzip", bytes: gzipSync(message).subarray(0, random.int(30)) };
    case 6:
      return {
        name: random.pick(["deflate", "zstd", "GZIP", "identity", "__proto__", ",", "gzip;q=1"]),
        bytes: message,
      };
    default:
      return { name: random.pick(["gzip", "br"]), bytes: random.bytes(random.int(100)) };
  }
}
