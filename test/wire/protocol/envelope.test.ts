import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { compressions } from "../../../src/wire/protocol/compression.ts";
import { frame, openEnvelope, sealEnvelope } from "../../../src/wire/protocol/envelope.ts";

const [gzip] = compressions;
const message = Buffer.from("0123456789");

test("a message comes back out of its envelope, compressed or not, and may be empty", () => {
  for (const compression of [undefined, gzip]) {
    for (const each of [message, Buffer.alloc(0)]) {
      const sealed = sealEnvelope(each, compression);
      expect(sealed[0]).toBe(compression === undefined ? 0 : 1);
      expect(Buffer.from(openEnvelope(sealed, compression, 100))).toEqual(each);
    }
  }
  expect(openEnvelope(frame(0, message), gzip, message.length)).toEqual(message);
});

const whole = frame(0, Buffer.of(1));

test.for([
  { body: Buffer.alloc(0), code: Code.Unimplemented, text: "the request has no message" },
  {
    body: whole.subarray(0, 4),
    code: Code.InvalidArgument,
    text: "the request ends within the head of its message",
  },
  {
    body: frame(0, message).subarray(0, 7),
    code: Code.InvalidArgument,
    text: "promised 10 bytes of message, got 2",
  },
  {
    body: frame(0, Buffer.alloc(11)),
    code: Code.ResourceExhausted,
    text: "message is larger than 10 bytes",
  },
  { body: frame(3, message), code: Code.InvalidArgument, text: "unknown flags of a message: 3" },
  {
    body: frame(1, message),
    code: Code.Internal,
    text: "the message is compressed, but no compression is named",
  },
  {
    body: Buffer.concat([whole, whole]),
    code: Code.Unimplemented,
    text: "the request has a second message",
  },
  {
    body: Buffer.concat([whole, frame(0, Buffer.alloc(0))]),
    code: Code.Unimplemented,
    text: "the request has a second message",
  },
  {
    body: Buffer.concat([whole, whole.subarray(0, 5)]),
    code: Code.InvalidArgument,
    text: "the request has bytes behind its message",
  },
])("refused: $text", ({ body, code, text }) => {
  expect(() => openEnvelope(body, undefined, 10)).toThrow(
    expect.objectContaining({ code, rawMessage: text }),
  );
});
