import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createHpackDecoder, HpackError } from "../../../../src/wire/http2/hpack/decoder.ts";
import { createHpackEncoder, listBytes } from "../../../../src/wire/http2/hpack/encoder.ts";
import {
  decodedBound,
  decodeHuffman,
  encodeHuffman,
} from "../../../../src/wire/http2/hpack/huffman.ts";
import { openNghttp2 } from "../support/nghttp2.ts";

const limits = { maxBytes: 16_384, maxFields: 100 };

const letters = (characters: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...characters), minLength, maxLength });

/** Few, so that they come again. */
const name = fc.oneof(
  fc.constantFrom("content-type", "grpc-status", "etag", "x-request-id", "set-cookie", "vary", "x"),
  letters("abcxyz-019_", 1, 12).map((text) => `x-${text}`),
);
const value = fc.oneof(
  fc.constantFrom("", "0", "application/grpc+proto", "gzip", "no-cache", "v".repeat(300)),
  letters("ab yz09;=,/\u00e9\u00ff~!", 0, 40).map((text) => text.trim()),
);
const list = fc
  .array(fc.tuple(name, value), { maxLength: 12 })
  .map((fields) => [":status", "200", ...fields.flat()]);

/** Blocks that one encoder writes, and the size that the peer's table may have from then on. */
const steps = fc.array(
  fc.record({ list, tableSize: fc.constantFrom(undefined, 0, 31, 64, 200, 4_096, 65_536) }),
  { minLength: 1, maxLength: 8 },
);

function encode(encoder: ReturnType<typeof createHpackEncoder>, fields: readonly string[]): Buffer {
  const room = Buffer.alloc(listBytes(fields));
  return room.subarray(0, encoder.write(fields, room, 0));
}

test("what is encoded is decoded alike, whatever size the table has", () => {
  fc.assert(
    fc.property(steps, (blocks) => {
      const encoder = createHpackEncoder();
      const decoder = createHpackDecoder({ maxBytes: 100_000, maxFields: 100 });
      let tableSize = 4_096;
      for (const step of blocks) {
        if (step.tableSize !== undefined) encoder.setMaxTableSize(step.tableSize);
        tableSize = Math.min(tableSize, step.tableSize ?? tableSize);
        const block = encode(encoder, step.list);
        expect(block.byteLength).toBeLessThan(listBytes(step.list));
        expect(decoder.decode(block)).toEqual(step.list);
        expect(decoder.tableBytes).toBeLessThanOrEqual(tableSize);
      }
    }),
    { numRuns: 1_000 },
  );
});

test("Huffman: every text comes back, and of a cut one its beginning or an error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (text) => {
      const code = encodeHuffman(text);
      const room = Buffer.alloc(decodedBound(code.byteLength));
      const length = decodeHuffman(code, 0, code.byteLength, room);
      expect(room.subarray(0, length)).toEqual(Buffer.from(text));
      for (let end = 0; end < code.byteLength; end++) {
        const cut = decodeHuffman(code, 0, end, room);
        expect(cut).toBeLessThanOrEqual(length);
        expect(room.subarray(0, Math.max(cut, 0))).toEqual(
          Buffer.from(text.subarray(0, Math.max(cut, 0))),
        );
      }
    }),
    { numRuns: 300 },
  );
});

describe("a decoder throws no error but its own, and keeps its limits", () => {
  /** @returns Whether the block was HPACK. */
  function take(decoder: ReturnType<typeof createHpackDecoder>, block: Buffer): boolean {
    try {
      const fields = decoder.decode(block) ?? [];
      expect(listBytes(fields)).toBeLessThanOrEqual(limits.maxBytes);
      expect(fields.length).toBeLessThanOrEqual(2 * limits.maxFields);
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(HpackError);
      return false;
    } finally {
      expect(decoder.tableBytes).toBeLessThanOrEqual(4_096);
    }
  }

  test("random bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 20 }), (blocks) => {
        const decoder = createHpackDecoder(limits);
        for (const block of blocks) if (!take(decoder, Buffer.from(block))) break;
      }),
      { numRuns: 2_000 },
    );
  });

  /** Bytes that mean something: instructions, lengths, indices, texts. */
  const meaningful = fc.array(
    fc.oneof(
      fc.constantFrom([0x82], [0xbe], [0xbf], [0x20], [0x3f, 0xe1, 0x1f], [0x3f, 0x45]),
      fc.constantFrom([0x40, 1, 120, 1, 121], [0x44, 0x81, 0x07], [0x7e, 2, 97, 98], [0x10, 0x81]),
      fc.uint8Array({ maxLength: 4 }).map((bytes) => [...bytes]),
      fc.integer({ min: 0, max: 4_200 }).map((length) => [...longEntry(length)]),
    ),
    { maxLength: 60 },
  );

  test("instructions in any order", () => {
    fc.assert(
      fc.property(fc.array(meaningful, { maxLength: 5 }), (blocks) => {
        const decoder = createHpackDecoder(limits);
        for (const block of blocks) if (!take(decoder, Buffer.from(block.flat()))) break;
      }),
      { numRuns: 2_000 },
    );
  });

  test("every truncation of a block, and every byte of it changed", () => {
    fc.assert(
      fc.property(list, fc.integer({ min: 1, max: 255 }), (fields, change) => {
        const block = encode(createHpackEncoder(), fields);
        for (let at = 0; at < block.byteLength; at++) {
          take(createHpackDecoder(limits), block.subarray(0, at));
          const changed = Buffer.from(block);
          changed[at] = (changed[at] as number) ^ change;
          take(createHpackDecoder(limits), changed);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("a block that is cut gives an error, or its fields up to there", () => {
    fc.assert(
      fc.property(list, (fields) => {
        const block = encode(createHpackEncoder(), fields);
        for (let end = 0; end < block.byteLength; end++) {
          const decoder = createHpackDecoder(limits);
          let decoded: string[] | undefined;
          try {
            decoded = decoder.decode(block.subarray(0, end));
          } catch {
            continue;
          }
          expect(decoded).toEqual(fields.slice(0, decoded?.length));
        }
      }),
      { numRuns: 100 },
    );
  });
});

/** A literal that enters the table. */
function longEntry(length: number): Buffer {
  const rest = Buffer.alloc(length, "v");
  const head = length < 127 ? [length] : [127, ((length - 127) & 127) | 128, (length - 127) >> 7];
  return Buffer.concat([Buffer.of(0x40, 1, 120), Buffer.from(head), rest]);
}

describe("nghttp2", () => {
  test("reads what the encoder writes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(list, { minLength: 1, maxLength: 8 }),
        fc.constantFrom(0, 64, 200, 4_096, 65_536),
        async (lists, tableSize) => {
          await using client = await openNghttp2(tableSize);
          const encoder = createHpackEncoder();
          encoder.setMaxTableSize(tableSize);
          for (const fields of lists) {
            const { streamId } = await client.request({});
            expect(await client.answer(streamId, encode(encoder, fields))).toEqual(fields);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test("writes what the decoder reads", async () => {
    const headers = fc
      .dictionary(letters("abcxyz-019_", 1, 12), value, { maxKeys: 20, noNullPrototype: true })
      .map((fields) => ({ ":path": "/p", ...fields }));
    await fc.assert(
      fc.asyncProperty(fc.array(headers, { minLength: 1, maxLength: 8 }), async (requests) => {
        await using client = await openNghttp2();
        const decoder = createHpackDecoder({ maxBytes: 65_536, maxFields: 100 });
        for (const request of requests) {
          const { block } = await client.request(request);
          const fields = decoder.decode(block) as string[];
          const seen = Object.fromEntries(
            fields.flatMap((each, at) => (at % 2 === 0 ? [[each, fields[at + 1]]] : [])),
          );
          expect(seen).toMatchObject(request);
          expect(decoder.tableBytes).toBeLessThanOrEqual(4_096);
        }
      }),
      { numRuns: 60 },
    );
  });
});
