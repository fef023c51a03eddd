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
import { begun, getNote, putNote, setting, whole, withField } from "./requests.ts";

/**
 * Inputs that are kept for the fuzzer to start from: what a client sends after its greeting, each with something of
 * its own. What once found a fault is added here.
 */

const { data, headers, priority, settings, ping, goAway, continuation } = frameTypes;
const { ack, endHeaders, endStream, padded } = frameFlags;

const at = (path: string, fields: Fields = getNote) => withField(":path", path, fields);
const large = at("/large");
const block = headerBlock(getNote);
const list = (...parts: Buffer[]) => Buffer.concat(parts);
const initialWindow = (size: number) => frame(settings, 0, 0, setting(4, size));

export const corpus: Readonly<Record<string, Buffer>> = {
  "one request": whole(1),
  "two requests at once": list(whole(1), whole(3)),
  "a body in pieces": list(
    begun(1),
    frame(data, 0, 1, Buffer.from("{")),
    frame(data, endStream, 1, Buffer.from("}")),
  ),
  "a body of a declared length": list(
    begun(1, withField("content-length", "2", putNote)),
    frame(data, endStream, 1, Buffer.from("{}")),
  ),
  "a body that is too long": list(
    begun(1, withField("content-length", "1", putNote)),
    frame(data, 0, 1, Buffer.from("{}")),
  ),
  "padding everywhere": list(
    frame(headers, endHeaders | padded, 1, list(Buffer.of(5), block, Buffer.alloc(5))),
    frame(data, padded, 1, list(Buffer.of(5), Buffer.from("{}"), Buffer.alloc(5))),
    frame(data, padded | endStream, 1, Buffer.of(0)),
  ),
  "a priority": frame(
    headers,
    endHeaders | endStream | 32,
    1,
    list(uint32(0x80000000), Buffer.of(1), block),
  ),
  "a block in pieces": list(
    frame(headers, endStream, 1, block.subarray(0, 5)),
    frame(continuation, 0, 1, block.subarray(5, 6)),
    frame(continuation, endHeaders, 1, block.subarray(6)),
  ),
  "an entry that comes again": list(
    frame(headers, endHeaders | endStream, 1, list(block, indexedField("x", "y"))),
    frame(headers, endHeaders | endStream, 3, list(block, Buffer.of(newestField))),
  ),
  "size updates": list(
    frame(
      headers,
      endHeaders | endStream,
      1,
      list(Buffer.of(0x20, 0x3f, 0x45), block, indexedField("x", "y".repeat(90))),
    ),
    frame(headers, endHeaders | endStream, 3, list(Buffer.of(0x20), block)),
  ),
  Huffman: frame(
    headers,
    endHeaders | endStream,
    1,
    list(block, Buffer.from("008325a849028a62d1bf", "hex")),
  ),
  "a list that is too large": list(
    whole(1, [...getNote, ...Array<["a", ""]>(101).fill(["a", ""])]),
    whole(3),
  ),
  "a malformed request": list(
    begun(1, withField("connection", "close")),
    frame(data, endStream, 1, Buffer.from("{}")),
    whole(3),
  ),
  trailers: list(begun(1), frame(data, 0, 1, Buffer.from("{}")), whole(1, [["x", "y"]])),
  "trailers of gRPC": list(begun(1, at("/grpc")), frame(data, endStream, 1, Buffer.from("m"))),
  "an early answer": list(
    begun(1, at("/early")),
    frame(data, 0, 1, Buffer.alloc(99)),
    frame(data, endStream, 1),
  ),
  "an early answer and much more": list(
    begun(1, at("/early")),
    frame(data, 0, 1, Buffer.alloc(16_384)),
    reset(1, 0),
  ),
  "a reset": list(begun(1, at("/never")), reset(1), whole(3)),
  "a reset of what is answered": list(
    whole(1),
    reset(1),
    windowUpdate(1, 1),
    frame(priority, 0, 1, Buffer.alloc(5)),
  ),
  "frames for a stream that we have reset": list(
    begun(1, withField("te", "gzip")),
    frame(data, 0, 1, Buffer.alloc(9)),
    whole(1, [["x", "y"]]),
    windowUpdate(1, 0x7fffffff),
    reset(1),
  ),
  "a window of 0 that opens": list(
    initialWindow(0),
    whole(1, large),
    whole(3, large),
    initialWindow(40_000),
    windowUpdate(0, 40_000),
  ),
  "a window that becomes negative": list(
    whole(1, large),
    whole(3, large),
    whole(5, large),
    initialWindow(1),
    initialWindow(65_535),
  ),
  // Found that a byte too many was sent after GOAWAY.
  "an answer that is taken byte by byte": list(
    initialWindow(1),
    whole(1, large),
    ...Array<Buffer>(1_100).fill(windowUpdate(1, 1)),
  ),
  "a window beyond the largest": list(begun(1), windowUpdate(1, 0x7fffffff), whole(3)),
  "settings of every kind": frame(
    settings,
    0,
    0,
    list(...[1, 2, 3, 4, 5, 6, 8, 9, 0xfe03].map((id) => setting(id, id === 5 ? 16_384 : 1))),
  ),
  "no table": list(frame(settings, 0, 0, setting(1, 0)), whole(1), whole(3)),
  "a smaller table between two answers": list(
    whole(1),
    frame(settings, 0, 0, setting(1, 60)),
    whole(3),
    whole(5),
  ),
  "PING and its answer": list(
    frame(ping, 0, 0, Buffer.from("12345678")),
    frame(ping, ack, 0, Buffer.alloc(8)),
  ),
  "GOAWAY while a request is open": list(
    begun(1),
    frame(goAway, 0, 0, Buffer.alloc(12)),
    frame(data, endStream, 1, Buffer.from("{}")),
  ),
  "unknown frames": list(
    frame(0x10, 0, 0, Buffer.alloc(5)),
    frame(0xfa, 0xff, 7, Buffer.alloc(3)),
    whole(1),
  ),
  "skipped streams": list(whole(7), whole(13), frame(priority, 0, 3, Buffer.alloc(5))),
  "a hundred and one streams": list(
    ...Array.from({ length: 101 }, (_, index) => begun(2 * index + 1, at("/never"))),
  ),
};
