import { describe, expect, test } from "vitest";
import {
  frame,
  frameFlags,
  frameTypes,
  headerBlock,
  reset,
  uint32,
  windowUpdate,
} from "../../../faults/frames.ts";
import { greeting, setting, whole, withField } from "./requests.ts";
import { StrictReader } from "./strict-reader.ts";

// The tests of HTTP/2 rely on this reader to see what a server must not do.

const { data, headers, settings, ping, goAway } = frameTypes;
const { ack, endHeaders, endStream } = frameFlags;

const hello = Buffer.concat([frame(settings, 0, 0), frame(settings, ack, 0)]);
const answer = (fields: [string, string][], flags = 0) =>
  frame(headers, endHeaders | flags, 1, headerBlock([[":status", "200"], ...fields]));
const body = (text: string, flags: number = endStream) => frame(data, flags, 1, Buffer.from(text));
const lastStream = (id: number, code = 0) =>
  frame(goAway, 0, 0, Buffer.concat([uint32(id), uint32(code)]));

function violationsOf(sent: readonly Buffer[], received: readonly Buffer[]): string[] {
  const reader = new StrictReader();
  for (const bytes of sent) reader.client.note(bytes);
  for (const bytes of received) reader.read(bytes);
  reader.end();
  return [...reader.violations];
}

test("an ordinary answer breaks no rule", () => {
  const received = [hello, answer([["content-length", "2"]]), body("{}"), lastStream(1)];
  expect(violationsOf([greeting, whole(1)], received)).toEqual([]);
});

describe("the reader sees", () => {
  test.for<{ name: string; sent?: Buffer; received: Buffer[] }>([
    { name: "a frame before SETTINGS", received: [frame(ping, 0, 0, Buffer.alloc(8)), hello] },
    { name: "SETTINGS ACK twice", received: [hello, frame(settings, ack, 0)] },
    { name: "an answer to no PING", received: [hello, frame(ping, ack, 0, Buffer.alloc(8))] },
    { name: "a frame on an idle stream", received: [hello, reset(3)] },
    { name: "RST_STREAM twice", received: [hello, reset(1), reset(1)] },
    { name: "END_STREAM twice", received: [hello, answer([]), body(""), body("")] },
    { name: "DATA after RST_STREAM", received: [hello, answer([]), reset(1), body("x")] },
    { name: "DATA before HEADERS", received: [hello, body("x")] },
    { name: "trailers without END_STREAM", received: [hello, answer([]), answer([])] },
    { name: "a wrong length", received: [hello, answer([["content-length", "3"]]), body("{}")] },
    {
      name: "a field of the connection",
      received: [hello, answer([["connection", "close"]], endStream)],
    },
    { name: "a name in capitals", received: [hello, answer([["X", "y"]], endStream)] },
    { name: "a line break in a value", received: [hello, answer([["x", "a\r\nb"]], endStream)] },
    { name: "a blank around a value", received: [hello, answer([["x", " a"]], endStream)] },
    {
      name: "content after HEAD",
      sent: whole(1, withField(":method", "HEAD")),
      received: [hello, answer([]), body("x")],
    },
    {
      name: "DATA beyond the window of the connection",
      sent: Buffer.concat([whole(1), windowUpdate(1, 100_000)]),
      received: [hello, answer([]), ...Array(5).fill(body("x".repeat(16_000), 0))],
    },
    {
      name: "DATA beyond the window of the stream",
      sent: Buffer.concat([whole(1), frame(settings, 0, 0, setting(4, 1))]),
      received: [hello, frame(settings, ack, 0), answer([]), body("xx")],
    },
    {
      name: "DATA that uses a window before it is acknowledged",
      sent: Buffer.concat([
        whole(1),
        windowUpdate(0, 100_000),
        frame(settings, 0, 0, setting(4, 100_000)),
      ]),
      received: [hello, answer([]), ...Array(5).fill(body("x".repeat(16_000), 0))],
    },
    {
      name: "no size update after the client's table shrinks",
      sent: Buffer.concat([whole(1), frame(settings, 0, 0, setting(1, 0))]),
      received: [hello, frame(settings, ack, 0), answer([], endStream)],
    },
    { name: "GOAWAY whose last stream grows", received: [hello, lastStream(1), lastStream(3)] },
    { name: "a frame after a fatal GOAWAY", received: [hello, lastStream(1, 1), reset(1)] },
    { name: "a frame of 16385 bytes", received: [hello, answer([]), body("x".repeat(16_385))] },
    { name: "a window update of 0", received: [hello, windowUpdate(0, 0)] },
    { name: "half a frame at the end", received: [hello, body("xx").subarray(0, 10)] },
  ])("$name", ({ sent = whole(1), received }) => {
    expect(violationsOf([greeting, sent], received)).not.toEqual([]);
  });
});
