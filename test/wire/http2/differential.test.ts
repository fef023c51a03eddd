import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http2";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Exchange } from "../../../src/wire/http/exchange.ts";
import {
  type Fields,
  frame,
  frameFlags,
  frameTypes,
  headerBlock,
  indexedField,
  uint32,
  windowUpdate,
} from "../../faults/frames.ts";
import { openMemory } from "./support/memory.ts";
import { openPeer } from "./support/peer.ts";
import { greeting, whole } from "./support/requests.ts";
import type { SeenFrame } from "./support/strict-reader.ts";

// The same requests to a server on `node:http2`, which uses nghttp2: what the handler sees, and what the client gets.

const { data, headers, continuation } = frameTypes;
const { endHeaders, endStream, padded } = frameFlags;

const node = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const text = saw(request.headers, Buffer.concat(chunks));
    response.setHeader("x-seen", "yes");
    response.end(text);
  });
});
beforeAll(async () => {
  node.listen(0, "127.0.0.1");
  await once(node, "listening");
});
afterAll(() => void node.close());

function ours(exchange: Exchange): void {
  const pieces: Buffer[] = [];
  exchange.openBody({
    take: (piece) => pieces.push(piece) > 0,
    end() {
      const body = Buffer.from(saw(exchange.head.headers, Buffer.concat(pieces)));
      exchange.respond({ status: 200, headers: { "x-seen": "yes" }, body }, []);
      exchange.release();
    },
  });
}

/** What a handler sees of a request. */
function saw(fields: IncomingHttpHeaders, body: Buffer): string {
  const seen = Object.entries(fields).filter(([name]) => typeof name === "string" && name !== "");
  return JSON.stringify([Object.fromEntries(seen.sort()), body.toString("latin1")]);
}

const text = (characters: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...characters), minLength, maxLength });

const field = fc.oneof(
  fc.tuple(
    text("abcxyz-_0", 1, 8).map((name) => `x-${name}`),
    text('ab ,;="\u00e9~', 0, 20).map((value) => value.trim()),
  ),
  fc.constantFrom(
    ["cookie", "a=b"] as const,
    ["cookie", "c=d"] as const,
    ["te", "trailers"] as const,
    ["accept", "application/json"] as const,
    ["user-agent", "test"] as const,
  ),
);

const message = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"),
  path: text("ab/?=&%+.~:@!$'()*,;", 0, 20).map((rest) => `/${rest}`),
  fields: fc.uniqueArray(field, {
    maxLength: 8,
    selector: ([name, value]) => (name === "cookie" ? value : name),
  }),
  pieces: fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 5 }),
  hasLength: fc.boolean(),
  hasTrailers: fc.boolean(),
  padding: fc.constantFrom(-1, 0, 9),
  hasPriority: fc.boolean(),
  cut: fc.constantFrom(0, 1, 3),
  isIndexed: fc.boolean(),
});
type Message = typeof message extends fc.Arbitrary<infer T> ? T : never;

/** The frames of a request, in one of the many forms that it can have. */
function framesOf(streamId: number, sent: Message): Buffer {
  const length = sent.pieces.reduce((sum, piece) => sum + piece, 0);
  const fields: Fields = [
    ...([
      [":method", sent.method],
      [":scheme", "http"],
      [":path", sent.path],
      [":authority", "a"],
    ] as const),
    ...sent.fields,
    ...(sent.hasLength ? ([["content-length", String(length)]] as const) : []),
  ];
  const indexed = sent.isIndexed ? [indexedField("x-indexed", "again")] : [];
  const block = Buffer.concat([headerBlock(fields), ...indexed]);
  const isOver = sent.pieces.length === 0 && !sent.hasTrailers;
  const last = sent.hasTrailers ? whole(streamId, [["x-trailer", "t"]]) : Buffer.alloc(0);
  return Buffer.concat([
    headFrames(streamId, block, sent, isOver ? endStream : 0),
    ...sent.pieces.map((size, index) => {
      const isLast = index === sent.pieces.length - 1 && !sent.hasTrailers;
      return dataFrame(
        streamId,
        Buffer.alloc(size, 97 + index),
        sent.padding,
        isLast ? endStream : 0,
      );
    }),
    last,
  ]);
}

function headFrames(
  streamId: number,
  block: Buffer,
  { padding, hasPriority, cut }: Message,
  flags: number,
): Buffer {
  const first = cut === 0 ? block : block.subarray(0, Math.floor(block.byteLength / (cut + 1)));
  const before = [
    padding >= 0 ? Buffer.of(padding) : Buffer.alloc(0),
    hasPriority ? Buffer.concat([uint32(0), Buffer.of(9)]) : Buffer.alloc(0),
  ];
  const bits =
    flags | (padding >= 0 ? padded : 0) | (hasPriority ? 32 : 0) | (cut === 0 ? endHeaders : 0);
  const frames = [
    frame(
      headers,
      bits,
      streamId,
      Buffer.concat([...before, first, Buffer.alloc(Math.max(padding, 0))]),
    ),
  ];
  for (let index = 1; index <= cut; index++) {
    const size = Math.floor(block.byteLength / (cut + 1));
    const end = index === cut ? block.byteLength : (index + 1) * size;
    frames.push(
      frame(
        continuation,
        index === cut ? endHeaders : 0,
        streamId,
        block.subarray(index * size, end),
      ),
    );
  }
  return Buffer.concat(frames);
}

function dataFrame(streamId: number, content: Buffer, padding: number, flags: number): Buffer {
  if (padding < 0) return frame(data, flags, streamId, content);
  const payload = Buffer.concat([Buffer.of(padding), content, Buffer.alloc(padding)]);
  return frame(data, flags | padded, streamId, payload);
}

/** Status and body of each stream. The fields differ in what each server adds. */
function answersOf(
  frames: readonly SeenFrame[],
): Record<number, { status?: string | undefined; seen: boolean; body: string }> {
  const ids = [...new Set(frames.map(({ streamId }) => streamId))]
    .filter((id) => id > 0)
    .sort((a, b) => a - b);
  return Object.fromEntries(
    ids.map((id) => {
      const own = frames.filter(({ streamId }) => streamId === id);
      const fields = own.find(({ type }) => type === headers)?.fields;
      const body = Buffer.concat(
        own.filter(({ type }) => type === data).map(({ payload }) => payload),
      );
      return [
        id,
        {
          status: fields?.[1],
          seen: fields?.includes("x-seen") ?? false,
          body: body.toString("latin1"),
        },
      ];
    }),
  );
}

const isEnd = ({ flags, type }: SeenFrame) =>
  (type === data || type === headers) && (flags & endStream) !== 0;

test("handlers see the same requests, and clients get the same answers", async () => {
  const { port } = node.address() as AddressInfo;
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 4 }), async (messages) => {
      const bytes = messages.map((each, index) => framesOf(2 * index + 1, each));
      using memory = openMemory(ours);
      memory.send(greeting, windowUpdate(0, 100_000), ...bytes);
      using peer = await openPeer(port);
      peer.send(greeting, windowUpdate(0, 100_000), ...bytes);
      await Promise.all(
        messages.map((_, index) =>
          peer.until((each) => isEnd(each) && each.streamId === 2 * index + 1),
        ),
      );
      expect(answersOf(memory.reader.frames)).toEqual(answersOf(peer.frames));
      expect(Object.values(answersOf(memory.reader.frames)).map(({ seen }) => seen)).toEqual(
        messages.map(() => true),
      );
      expect(memory.reader.violations).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
