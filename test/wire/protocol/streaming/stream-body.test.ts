import { Buffer } from "node:buffer";
import { expect, test } from "vitest";
import type { BodyReader, Exchange } from "../../../../src/wire/http/exchange.ts";
import {
  BodyPieces,
  clientGone,
  wholeEnvelopes,
} from "../../../../src/wire/protocol/streaming/stream-body.ts";
import { envelope } from "../../speak.ts";

/** A body that does each of these things when more of it is asked for: at once, or in a later turn. */
function body(steps: readonly ((reader: BodyReader) => void)[], isAtOnce: boolean): BodyPieces {
  const left = [...steps];
  let reader: BodyReader | undefined;
  const next = () => {
    const step = left.shift();
    const run = () => reader && step?.(reader);
    if (isAtOnce) run();
    else setImmediate(run);
  };
  const exchange = {
    openBody(given: BodyReader) {
      reader = given;
      next();
    },
    resumeBody: next,
  };
  return new BodyPieces(exchange as unknown as Exchange);
}

const piece = (text: string) => (reader: BodyReader) =>
  void expect(reader.take(Buffer.from(text))).toBe(false);

async function read(pieces: AsyncIterable<Buffer>): Promise<string> {
  const texts: string[] = [];
  for await (const each of pieces) texts.push(each.toString());
  return texts.join("|");
}

test.for([
  { when: "at once", isAtOnce: true },
  { when: "later", isAtOnce: false },
])("a body that comes $when is read to its end, or until it breaks off", async ({ isAtOnce }) => {
  const two = [piece("a"), piece("b")];
  expect(await read(body([...two, (reader) => reader.end()], isAtOnce))).toBe("a|b");
  const broken = body([...two, () => broken.breakOff(clientGone())], isAtOnce);
  await expect(read(broken)).rejects.toThrow("the client has gone");
});

test("what comes while a piece is handled is read, too, and what waits when the body breaks off is not", async () => {
  const whole = body([piece("a")], true);
  const texts: string[] = [];
  for await (const each of whole) {
    texts.push(each.toString());
    if (texts.length > 1) continue;
    whole.take(Buffer.from("b"));
    whole.end();
  }
  expect(texts).toEqual(["a", "b"]);
  const breakOff = (reader: BodyReader) => {
    reader.take(Buffer.from("b"));
    broken.breakOff(clientGone());
  };
  const broken = body([piece("a"), breakOff], false);
  const reading = broken[Symbol.asyncIterator]();
  expect((await reading.next()).value).toEqual(Buffer.from("a"));
  await expect(reading.next()).rejects.toThrow("the client has gone");
});

async function* from(pieces: readonly Buffer[]) {
  yield* pieces;
}

/** The lengths of what is passed on. */
async function cut(pieces: readonly Buffer[], maxMessageBytes = 1_000): Promise<number[]> {
  const lengths: number[] = [];
  const nextTurn = () => undefined;
  for await (const each of wholeEnvelopes(from(pieces), { maxMessageBytes, nextTurn })) {
    lengths.push(each.byteLength);
  }
  return lengths;
}

const bytes = (whole: Buffer) => Array.from(whole, (_, at) => whole.subarray(at, at + 1));

test("messages are cut out of pieces of any size, and a rest is passed on", async () => {
  const two = Buffer.concat([envelope(Buffer.alloc(300)), envelope(Buffer.alloc(0))]);
  for (const pieces of [[two], bytes(two), [two.subarray(0, 7), two.subarray(7)]]) {
    expect(await cut(pieces)).toEqual([305, 5]);
  }
  expect(await cut([two.subarray(0, 100)])).toEqual([100]);
});

test("a message may be as large as the limit, and no larger", async () => {
  expect(await cut([envelope(Buffer.alloc(1_000))])).toEqual([1_005]);
  await expect(cut([envelope(Buffer.alloc(1_001))])).rejects.toThrow("larger than 1000 bytes");
});

test("a message in too many small pieces is refused, and many small messages are not", async () => {
  const large = envelope(Buffer.alloc(2_000));
  // Its end has not come yet.
  await expect(cut(bytes(large).slice(0, 1_025), 4_000)).rejects.toThrow("too many pieces");
  expect(await cut(bytes(large).slice(0, 1_024), 4_000)).toEqual([1_024]);
  // The last piece makes it whole.
  expect(await cut(bytes(envelope(Buffer.alloc(1_020))), 4_000)).toEqual([1_025]);
  const small = Array.from({ length: 2_000 }, () => envelope(Buffer.alloc(1)));
  expect(await cut(small)).toHaveLength(2_000);
});
