import { describe, expect, test } from "vitest";
import {
  framesFromText,
  framesFromTextStream,
  isGrpcWebText,
} from "../../../src/wire/protocol/grpc-web-text.ts";

test.for([
  ["application/grpc-web-text", true],
  ["application/grpc-web-text+proto", true],
  ["Application/GRPC-Web-Text;charset=utf-8", true],
  ["application/grpc-web", false],
  ["application/grpc-web-textual", false],
  ["x-application/grpc-web-text", false],
] as const)("%s is the text form: %s", ([contentType, want]) => {
  expect(isGrpcWebText(contentType)).toBe(want);
});

/** Read a text that arrives in these pieces. */
async function readPieces(texts: readonly string[]): Promise<Buffer> {
  async function* pieces() {
    for (const text of texts) yield Buffer.from(text, "latin1");
  }
  const frames: Buffer[] = [];
  for await (const frame of framesFromTextStream(pieces())) {
    expect(frame.byteLength).toBeGreaterThan(0);
    frames.push(frame);
  }
  return Buffer.concat(frames);
}

test("blocks of base64 with padding and line ends are read, however they are cut as they arrive", async () => {
  const text = "AA==\r\n//8=  \n AQID\tBA==";
  const want = Buffer.of(0, 255, 255, 1, 2, 3, 4);
  expect(framesFromText(Buffer.from(text))).toEqual(want);
  for (let at = 0; at <= text.length; at += 1) {
    expect(await readPieces([text.slice(0, at), text.slice(at)])).toEqual(want);
  }
  expect(await readPieces([...text])).toEqual(want);
  expect(framesFromText(Buffer.alloc(0))).toEqual(Buffer.alloc(0));
});

describe("text that is not base64 is refused", () => {
  const refused = expect.objectContaining({ code: 3, rawMessage: "the body is not base64" });
  test.for([
    "AAA!",
    "!AAA",
    "A!AA",
    "AAAA!",
    "AAA",
    "A",
    "====",
    "AAAAAAA",
    "AA=A",
    "AA===",
    "\u00ff",
  ])("%j", async (text) => {
    expect(() => framesFromText(Buffer.from(text, "latin1"))).toThrow(refused);
    await expect(readPieces([text])).rejects.toThrow(refused);
    await expect(readPieces([...text])).rejects.toThrow(refused);
  });
});
