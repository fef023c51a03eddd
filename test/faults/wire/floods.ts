import { gzipSync } from "node:zlib";
import {
  data,
  type Fields,
  frame,
  frameFlags,
  frameTypes,
  headers,
  opening,
  preface,
  reset,
} from "../frames.ts";
import { envelope } from "../mutations/calls.ts";
import { clientHello } from "../mutations/tls.ts";

// Long because it is one table of floods with the functions that make their bytes.

/** Many connections that do the same, without a token. */
export type Flood = {
  /** Begins with its row in the list of threats, if it has one. */
  readonly name: string;
  /** Which queue, map, buffer or loop it would fill. */
  readonly aimsAt: string;
  readonly connections: number;
  /** How many addresses the connections come from, in turn. */
  readonly addresses: number;
  /** What each connection sends, as fast as the server takes it. */
  readonly send: (connection: number) => Uint8Array;
  /** Whether the answers are read. Default: they are not. */
  readonly isRead?: true;
  /** What each sends when all have sent that. Default: nothing. */
  readonly later?: Uint8Array;
  /** Which server: see `doors`. Default: the one without TLS. */
  readonly door?: "tls";
  /** Whether a connection is replaced by a new one once it is closed or has sent everything. Default: no. */
  readonly isChurn?: true;
};

const watch = rpc("/grpc.health.v1.Health/Watch");
const check = "/grpc.health.v1.Health/Check";
const reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
/** Asks for the file of the service: a large answer. */
const askForFile = envelope(
  Buffer.concat([
    Buffer.of(0x22, 42),
    Buffer.from("zitadel.management.v1.ManagementService".padEnd(42, " ")),
  ]),
);
/** Asks for the extensions of a type that there is not. */
const smallQuestion = envelope(Buffer.of(0x32, 1, 0x61));
/** Unknown fields, each of two bytes. */
const bomb = envelope(gzipSync(Buffer.alloc(65_000, Buffer.of(0x78, 1))), 1);
const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const post = `POST ${check} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
const large = `POST ${check} HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n`;
const shortest = "GET / HTTP/1.1\r\nHost:a\r\n\r\n";
const manyHeaders = Array.from({ length: 95 }, (_, index) => `${index}:\r\n`).join("");
const hundred = Array.from({ length: 100 }, (_, index) => 2 * index + 1);

/** The floods, one row for each thing whose size or number a stranger might choose. */
export const floods: readonly Flood[] = [
  {
    name: "A1 pipelined requests behind a Watch",
    aimsAt: "requests that wait on a connection (pipelined-turns.ts)",
    connections: 48,
    addresses: 1,
    send: () => Buffer.concat([watch, Buffer.from(shortest.repeat(10_000))]),
  },
  {
    name: "A1 the same from many addresses",
    aimsAt: "requests that wait on all connections (pipelined-turns.ts)",
    connections: 2_000,
    addresses: 200,
    send: () => Buffer.concat([watch, Buffer.from(shortest.repeat(2_600))]),
  },
  {
    name: "A1 pipelined requests with many headers",
    aimsAt: "header lists of requests that wait (pipelined-turns.ts)",
    connections: 500,
    addresses: 10,
    send: () => Buffer.concat([watch, Buffer.from(get("/", manyHeaders).repeat(300))]),
  },
  {
    name: "A1 pipelined requests without a host",
    aimsAt: "answers of Node's own that wait behind a Watch (pipelined-turns.ts)",
    connections: 128,
    addresses: 1,
    send: () => Buffer.concat([watch, Buffer.from("GET / HTTP/1.1\r\n\r\n".repeat(2_000))]),
  },
  {
    name: "A3 a Watch on each of many connections",
    aimsAt: "connections and streams of one address (listener.ts, open-streams.ts)",
    connections: 4_200,
    addresses: 1,
    send: () => watch,
  },
  {
    name: "A3 a hundred Watches on each connection",
    aimsAt: "streams in all (open-streams.ts)",
    connections: 60,
    addresses: 20,
    isRead: true,
    send: () => http2(hundred.map((id) => call(id, "/grpc.health.v1.Health/Watch"))),
  },
  {
    name: "A3 connections that send nothing",
    aimsAt: "connections in all, sockets that open (listener.ts)",
    connections: 4_500,
    addresses: 9,
    send: () => Buffer.alloc(0),
  },
  {
    name: "A4 pages over HTTP/2 with a window of 0",
    aimsAt: "bodies that wait for a window (unsent.ts)",
    connections: 100,
    addresses: 4,
    send: () =>
      http2(
        hundred.map((id) => read(id, "/docs/swagger-ui-bundle.js")),
        0,
      ),
  },
  {
    name: "A4 metrics over HTTP/2 that are not drained",
    aimsAt: "bodies that were made for one request (unsent.ts)",
    connections: 200,
    addresses: 4,
    send: () =>
      http2(
        hundred.map((id) => read(id, "/debug/metrics")),
        0x7fffffff,
      ),
  },
  {
    name: "A4 pages over HTTP/1.1 that are not drained",
    aimsAt: "the send buffer of a socket (turns.ts, unsent.ts)",
    connections: 500,
    addresses: 4,
    send: () => Buffer.from(get("/openapi.json").repeat(500)),
  },
  {
    name: "A4 reflection whose answers are not read",
    aimsAt: "answers of a stream (unsent.ts)",
    connections: 100,
    addresses: 4,
    send: () =>
      http2(
        hundred.flatMap((id) => talk(id, reflection, Array(20).fill(askForFile))),
        0,
      ),
  },
  {
    name: "reflection with messages that decompress to 64 KiB",
    aimsAt: "what is read without a token, and how long a turn takes (streaming.ts)",
    connections: 20,
    addresses: 1,
    isRead: true,
    send: () => http2(zippedTalk(hundred.slice(0, 20))),
  },
  {
    name: "reflection with thousands of small messages",
    aimsAt: "how long a turn takes (message-turns.ts)",
    connections: 20,
    addresses: 1,
    isRead: true,
    send: () =>
      http2(
        hundred
          .slice(0, 20)
          .flatMap((id) => talk(id, reflection, Array(4).fill(repeated(smallQuestion, 16_000)))),
      ),
  },
  {
    name: "connections that come and go, with streams and compressed calls that are reset at once",
    aimsAt: "what waits for a turn (opening-turns.ts, work-turns.ts, message-turns.ts)",
    connections: 500,
    addresses: 4,
    isRead: true,
    isChurn: true,
    send: (connection) => {
      const some = hundred.slice(0, 50);
      const begun = connection % 2 === 0 ? some.map(zippedCall) : some.flatMap(smallTalk);
      return http2([...begun, ...some.map((id) => reset(id))]);
    },
  },
  {
    name: "connections that send much before their turn",
    aimsAt: "what is read from connections that wait (opening-turns.ts)",
    connections: 4_000,
    addresses: 8,
    isRead: true,
    send: () => Buffer.concat([Buffer.from(large), Buffer.alloc(131_072)]),
  },
  {
    name: "errors that are not read",
    aimsAt: "heads of answers, resets that wait (output.ts)",
    connections: 200,
    addresses: 4,
    send: () => http2(Array.from({ length: 5_000 }, (_, index) => read(2 * index + 1, "/nowhere"))),
  },
  {
    name: "more requests on each of many connections than one turn handles",
    aimsAt: "what is read and not handled, and how long a turn takes (session.ts)",
    connections: 1_000,
    addresses: 2,
    isRead: true,
    send: () => http2(Array.from({ length: 6_000 }, (_, index) => read(2 * index + 1, "/nowhere"))),
  },
  {
    name: "field blocks and frames that are begun",
    aimsAt: "what is set aside for the rest of them (frames.ts, field-block.ts)",
    connections: 4_000,
    addresses: 20,
    isRead: true,
    send: () =>
      http2([
        frame(frameTypes.headers, 0, 1, Buffer.alloc(16_000, 0x82)),
        Buffer.of(0, 0x40, 0, frameTypes.continuation, 0, 0, 0, 0, 1, 0),
      ]),
  },
  {
    name: "bodies that never end",
    aimsAt: "bodies that arrive (body.ts)",
    connections: 200,
    addresses: 4,
    isRead: true,
    send: () => http2(hundred.flatMap((id) => talk(id, check, [Buffer.alloc(16_000)]))),
  },
  {
    name: "heads without a body",
    aimsAt: "open streams of all connections (session.ts)",
    connections: 900,
    addresses: 1,
    isRead: true,
    send: () => http2(hundred.flatMap((id) => talk(id, check, []))),
  },
  {
    name: "messages in one-byte frames",
    aimsAt: "pieces of an envelope (streaming.ts)",
    connections: 60,
    addresses: 4,
    isRead: true,
    send: () => http2([1, 3, 5, 7].flatMap((id) => talk(id, reflection, oneByOne(30_000)))),
  },
  {
    name: "chunks of one byte",
    aimsAt: "pieces of a body (body.ts)",
    connections: 500,
    addresses: 4,
    isRead: true,
    send: () => Buffer.from(post + "1\r\n \r\n".repeat(5_000)),
  },
  {
    name: "chunks of one byte on connections that are open",
    aimsAt: "how long a turn takes (input-turns.ts)",
    connections: 500,
    addresses: 4,
    isRead: true,
    send: () => Buffer.from(post),
    later: Buffer.from("1\r\n \r\n".repeat(10_000)),
  },
  {
    name: "chunks of one byte behind a Watch",
    aimsAt: "pieces of a body that nobody asks for (request.ts, feed.ts)",
    connections: 500,
    addresses: 4,
    send: () => Buffer.concat([watch, Buffer.from(post), Buffer.from("1\r\n \r\n".repeat(30_000))]),
  },
  {
    name: "SETTINGS and PING whose answers are not read",
    aimsAt: "acknowledgements that wait (output.ts)",
    connections: 200,
    addresses: 4,
    send: () => {
      const ping = frame(frameTypes.ping, 0, 0, Buffer.alloc(8));
      return http2(
        Array.from({ length: 3_000 }, () => [ping, frame(frameTypes.settings, 0, 0)]).flat(),
      );
    },
  },
  {
    name: "hosts, types, origins and addresses that always differ",
    aimsAt: "what is remembered of headers (memoize.ts, cors.ts, client-address.ts)",
    connections: 100,
    addresses: 100,
    isRead: true,
    send: (connection) =>
      Buffer.from(
        Array.from({ length: 300 }, (_, index) => {
          const own = `${connection}-${index}-${"x".repeat(200)}`;
          return `POST /nowhere/${own} HTTP/1.1\r\nHost: ${own}\r\nContent-Type: a/${own}\r\nAccept-Encoding: ${own}\r\nOrigin: http://${own}\r\nX-Forwarded-For: ${own}\r\nContent-Length: 0\r\n\r\n`;
        }).join(""),
      ),
  },
  {
    name: "tokens that always differ",
    aimsAt: "attempts under way, failures that are remembered (failed-attempts.ts)",
    connections: 200,
    addresses: 200,
    isRead: true,
    send: (connection) =>
      Buffer.from(
        Array.from({ length: 200 }, (_, index) =>
          get(
            "/management/v1/users/1/profile",
            `Authorization: Bearer t-${connection}-${index}\r\n`,
          ),
        ).join(""),
      ),
  },
  {
    name: "TLS handshakes that go on at once",
    aimsAt: "how long a turn takes (paced-socket.ts)",
    connections: 4_000,
    addresses: 4,
    isRead: true,
    door: "tls",
    send: () => clientHello.subarray(0, 1),
    later: clientHello.subarray(1),
  },
  {
    name: "TLS handshakes that come and go",
    aimsAt: "what is kept for a handshake (tls-server.ts)",
    connections: 500,
    addresses: 4,
    isRead: true,
    isChurn: true,
    door: "tls",
    send: () => clientHello,
  },
  {
    name: "connections that come and go",
    aimsAt: "what is kept for a connection (listener.ts, shares.ts)",
    connections: 50,
    addresses: 50,
    isRead: true,
    isChurn: true,
    send: () => Buffer.from(shortest),
  },
];

/**
 * Calls of many good clients that come and go, before memory is measured, because a new server has a small heap: V8 gives
 * objects that are new up to 128 MiB when there is work, and takes them back only after minutes.
 */
export const warmUps: Readonly<Record<"plain" | "tls", Omit<Flood, "name" | "aimsAt">>> = {
  plain: {
    connections: 128,
    addresses: 8,
    isRead: true,
    isChurn: true,
    send: (connection) =>
      connection % 2 === 0
        ? Buffer.from(get("/debug/metrics").repeat(50) + get("/nowhere").repeat(500))
        : http2(hundred.slice(0, 50).map((id) => call(id, check))),
  },
  tls: {
    connections: 1_000,
    addresses: 8,
    isRead: true,
    isChurn: true,
    send: () => clientHello,
  },
};

function rpc(path: string): Buffer {
  const body = envelope(Buffer.alloc(0));
  const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nContent-Length: ${body.byteLength}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** @param window The flow-control window of each stream. Default: that of the protocol. */
function http2(frames: readonly Uint8Array[], window?: number): Buffer {
  if (window === undefined) return Buffer.concat([opening, ...frames]);
  const setting = Buffer.alloc(6);
  setting.writeUInt16BE(4, 0);
  setting.writeUInt32BE(window, 2);
  const rest = opening.subarray(preface.byteLength + 9);
  return Buffer.concat([preface, frame(frameTypes.settings, 0, 0, setting), rest, ...frames]);
}

const fields = (method: string, path: string): Fields => [
  [":method", method],
  [":scheme", "http"],
  [":path", path],
  [":authority", "a"],
];
const grpcFields = (path: string): Fields => [
  ...fields("POST", path),
  ["content-type", "application/grpc"],
];

function read(id: number, path: string): Buffer {
  return headers(id, fields("GET", path), frameFlags.endHeaders | frameFlags.endStream);
}

function call(id: number, path: string): Buffer {
  return Buffer.concat([headers(id, grpcFields(path)), data(id, envelope(Buffer.alloc(0)))]);
}

/** A stream that is not ended. */
function talk(id: number, path: string, pieces: readonly Uint8Array[]): Buffer[] {
  const sent = pieces.map((piece) => frame(frameTypes.data, 0, id, piece));
  return [headers(id, grpcFields(path)), ...sent];
}

function smallTalk(id: number): Buffer[] {
  return talk(id, reflection, [repeated(smallQuestion, 1_000)]);
}

function zippedCall(id: number): Buffer {
  const fieldsOfZipped: Fields = [...grpcFields(check), ["grpc-encoding", "gzip"]];
  return Buffer.concat([headers(id, fieldsOfZipped), data(id, envelope(gzipSync(""), 1))]);
}

function zippedTalk(ids: readonly number[]): Buffer[] {
  const fieldsOfZipped: Fields = [...grpcFields(reflection), ["grpc-encoding", "gzip"]];
  return ids.flatMap((id) => [
    headers(id, fieldsOfZipped),
    ...Array.from({ length: 4 }, () => frame(frameTypes.data, 0, id, repeated(bomb, 16_000))),
  ]);
}

/** As often as it fits into so many bytes. */
function repeated(message: Buffer, bytes: number): Buffer {
  const count = Math.floor(bytes / message.byteLength);
  return Buffer.concat(Array.from({ length: count }, () => message));
}

/** An envelope that never becomes whole. */
function oneByOne(count: number): Buffer[] {
  const start = Buffer.from([0, 0, 0, 0xff, 0xff]);
  return [start, ...Array.from({ length: count }, () => Buffer.of(0))];
}
