import fc from "fast-check";
import {
  type Fields,
  frame,
  frameFlags,
  frameTypes,
  headerBlock,
  indexedField,
  newestField,
  reset,
  uint32,
  windowUpdate,
} from "../../../faults/frames.ts";
import { begun, getNote, setting, whole, withField } from "./requests.ts";

const { data, headers, priority, settings, ping, goAway, continuation } = frameTypes;
const { endHeaders, endStream, padded } = frameFlags;

const path = fc.constantFrom("/", "/grpc", "/early", "/never", "/large");
const id = fc.constantFrom(1, 1, 3, 3, 5, 7, 9, 2, 0);
const size = fc.constantFrom(0, 1, 5, 200, 16_384);
const number = fc.constantFrom(0, 1, 255, 65_535, 0x7fffffff, 0x80000001);

const request: fc.Arbitrary<Fields> = path.chain((each) =>
  fc.constantFrom<Fields>(
    withField(":path", each),
    withField("content-length", "5", withField(":path", each, withField(":method", "PUT"))),
    withField("te", "trailers", withField(":path", each, withField(":method", "POST"))),
    withField("connection", "close"),
    [["x", "y"]],
  ),
);

/** A frame that is legal in most states, or nearly so. */
const likely: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(id, request).map(([each, fields]) => whole(each, fields)) },
  { weight: 4, arbitrary: fc.tuple(id, request).map(([each, fields]) => begun(each, fields)) },
  {
    weight: 8,
    arbitrary: fc
      .tuple(id, size, fc.constantFrom(0, endStream))
      .map(([each, length, flags]) => frame(data, flags, each, Buffer.alloc(length, "d"))),
  },
  fc
    .tuple(id, size)
    .map(([each, length]) =>
      frame(data, padded, each, Buffer.concat([Buffer.of(7), Buffer.alloc(length)])),
    ),
  fc.tuple(id, number).map(([each, increment]) => windowUpdate(each, increment)),
  id.map((each) => reset(each)),
  fc
    .tuple(fc.constantFrom(1, 2, 3, 4, 5, 6, 9, 99), number)
    .map(([each, value]) => frame(settings, 0, 0, setting(each, value))),
  fc.constantFrom(frame(settings, 1, 0), frame(settings, 0, 0)),
  fc.constantFrom(0, 1).map((flags) => frame(ping, flags, 0, Buffer.alloc(8, 3))),
  fc.constant(frame(goAway, 0, 0, Buffer.alloc(8))),
  fc
    .tuple(id, id)
    .map(([each, on]) => frame(priority, 0, each, Buffer.concat([uint32(on), Buffer.of(9)]))),
  fc.tuple(id, fc.boolean()).map(([each, isLast]) => inPieces(each, isLast)),
  id.map((each) =>
    frame(
      headers,
      endHeaders | endStream,
      each,
      Buffer.concat([headerBlock(getNote), indexedField("x", "z"), Buffer.of(newestField)]),
    ),
  ),
  id.map((each) =>
    frame(
      headers,
      endHeaders | endStream,
      each,
      Buffer.concat([headerBlock(getNote), Buffer.of(newestField)]),
    ),
  ),
);

/** HEADERS and two CONTINUATIONs. */
function inPieces(each: number, isLast: boolean): Buffer {
  const block = headerBlock(withField("x", "y".repeat(20)));
  return Buffer.concat([
    frame(headers, isLast ? endStream : 0, each, block.subarray(0, 10)),
    frame(continuation, 0, each, block.subarray(10, 40)),
    frame(continuation, endHeaders, each, block.subarray(40)),
  ]);
}

/** Any bytes as the payload of any frame. */
const odd: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.integer({ min: 0, max: 12 }),
    fc.integer({ min: 0, max: 255 }),
    id,
    fc.uint8Array({ maxLength: 40 }),
  )
  .map(([type, flags, each, payload]) => frame(type, flags, each, payload));

/** What a client may send after its greeting: frames, most of them legal, and at times a frame that is changed. */
export const anyInput: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.array(fc.oneof({ weight: 20, arbitrary: likely }, { weight: 1, arbitrary: odd }), {
      maxLength: 25,
    }),
    fc.option(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { freq: 3 }),
  )
  .map(([frames, change]) => {
    const bytes = Buffer.concat(frames);
    if (change === null || bytes.byteLength === 0) return bytes;
    const at = change[0] % bytes.byteLength;
    bytes[at] = (bytes[at] as number) ^ change[1];
    return bytes;
  });

/** A stream that ends well: its frames, in order. */
export const goodStream: fc.Arbitrary<(streamId: number) => Buffer[]> = fc
  .tuple(
    fc.constantFrom("/", "/grpc", "/early", "/large"),
    fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 4 }),
    fc.boolean(),
  )
  .map(([target, sizes, hasTrailers]) => (streamId) => {
    const fields = withField(":path", target, withField(":method", "POST"));
    const pieces = sizes.map((length, index) =>
      frame(data, 0, streamId, Buffer.alloc(length, 97 + index)),
    );
    const last = hasTrailers ? whole(streamId, [["x", "y"]]) : frame(data, endStream, streamId);
    return [begun(streamId, fields), ...pieces, last];
  });
