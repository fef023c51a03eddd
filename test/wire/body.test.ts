import { Buffer } from "node:buffer";
import type { ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { assertDeclaredLength, isHeavyBody, readBody } from "../../src/wire/body.ts";
import type { BodyReader, Exchange, RequestHead } from "../../src/wire/http/exchange.ts";
import { heavyBodyBytes } from "../../src/wire/limits.ts";

const limits = { maxBytes: 5_000, maxMessageBytes: 4_995 };

/** The reader of a body, and what became of it. */
function reading(maxBytes = limits.maxBytes) {
  const seen: string[] = [];
  let reader: BodyReader | undefined;
  const exchange = { openBody: (given: BodyReader) => (reader = given) } as unknown as Exchange;
  readBody(exchange, {
    ...limits,
    maxBytes,
    done: (body) => seen.push(`whole: ${body}`),
    refuse: ({ rawMessage }) => seen.push(rawMessage),
  });
  if (reader === undefined) throw new Error("the body was not opened");
  return { reader, seen };
}

test.for([
  { name: "nothing", pieces: [], want: "" },
  { name: "one piece", pieces: ["a"], want: "a" },
  { name: "several pieces", pieces: ["a", "bc", "d"], want: "abcd" },
])("a body of $name is given once", ({ pieces, want }) => {
  const { reader, seen } = reading();
  for (const piece of pieces) expect(reader.take(Buffer.from(piece))).toBe(true);
  reader.end();
  reader.end();
  expect(seen).toEqual([`whole: ${want}`]);
});

test.for([
  { name: "too large", bytes: 1_001, count: 5, want: "message is larger than 4995 bytes" },
  {
    name: "in too many pieces",
    bytes: 1,
    count: 1_025,
    want: "the request body came in too many pieces",
  },
])(
  "a body that is $name is refused once, and the rest of it is dropped",
  ({ bytes, count, want }) => {
    const { reader, seen } = reading();
    const piece = Buffer.alloc(bytes);
    for (let pieces = 1; pieces < count; pieces += 1) reader.take(piece);
    expect(seen).toEqual([]);
    for (let more = 0; more < 3; more += 1) expect(reader.take(piece)).toBe(true);
    reader.end();
    expect(seen).toEqual([want]);
  },
);

test("a body that is as large as it may be is read", () => {
  const { reader, seen } = reading(4);
  reader.take(Buffer.from("abcd"));
  reader.end();
  expect(seen).toEqual(["whole: abcd"]);
});

test("a length above the limit is refused when it is declared", () => {
  const declare = (length?: string) =>
    assertDeclaredLength(
      { headers: { "content-length": length } } as unknown as RequestHead,
      limits,
    );
  for (const length of [undefined, "0", "5000"]) expect(() => declare(length)).not.toThrow();
  const error = (() => {
    try {
      declare("5001");
    } catch (reason) {
      return reason as ConnectError;
    }
  })();
  expect(error?.rawMessage).toBe("message is larger than 4995 bytes");
});

test.for<{ headers: RequestHead["headers"]; bytes: number; want: boolean }>([
  { headers: {}, bytes: heavyBodyBytes, want: false },
  { headers: {}, bytes: heavyBodyBytes + 1, want: true },
  { headers: { "grpc-encoding": "identity" }, bytes: 1, want: false },
  { headers: { "grpc-encoding": "gzip" }, bytes: 1, want: true },
  { headers: { "content-encoding": "identity" }, bytes: 1, want: false },
  { headers: { "content-encoding": "br" }, bytes: 1, want: true },
])("a body of $bytes bytes with $headers is heavy: $want", ({ headers, bytes, want }) => {
  const head = { headers } as RequestHead;
  expect(isHeavyBody(head, Buffer.alloc(bytes))).toBe(want);
});
