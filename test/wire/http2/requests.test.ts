import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Fields,
  frame,
  frameFlags,
  frameTypes,
  headerBlock,
  uint32,
  windowUpdate,
} from "../../faults/frames.ts";
import { type EchoServer, startEcho } from "../echo.ts";
import { describeFrames, type Peer } from "./support/peer.ts";
import {
  begun,
  expectServed,
  getNote,
  greet,
  putNote,
  setting,
  whole,
  withField,
} from "./support/requests.ts";

// Long because of the tables of requests.

const { data, headers, continuation } = frameTypes;
const { endHeaders, endStream, padded } = frameFlags;

let server: EchoServer;
let calls = 0;
beforeAll(async () => {
  const count = <Note>(note: Note) => {
    calls += 1;
    return note;
  };
  server = await startEcho({ look: count, echo: count });
});
afterAll(() => server[Symbol.asyncDispose]());

const without = (...names: string[]) => getNote.filter(([name]) => !names.includes(name));
const and = (...fields: Fields): Fields => [...getNote, ...fields];
const body = (text: string, flags = 0) => frame(data, flags, 1, Buffer.from(text));

/** The answer on stream 1: its status, or the code of RST_STREAM. */
async function answerOf(peer: Peer): Promise<string> {
  const { fields, payload } = await peer.until(
    ({ type, streamId }) => streamId === 1 && (type === headers || type === frameTypes.reset),
  );
  return fields?.[1] ?? `reset ${payload.readUInt32BE(0)}`;
}

describe("a malformed request costs its stream alone, and no handler sees it (RFC 9113, section 8.1.1)", () => {
  test.for<[name: string, fields: Fields]>([
    ["no method", without(":method")],
    ["no scheme", without(":scheme")],
    ["no path", without(":path")],
    ["an empty path", withField(":path", "")],
    ["a path without a slash", withField(":path", "api")],
    ["a path with a blank", withField(":path", "/a b")],
    ["a path with a fragment", withField(":path", "/a#b")],
    ["a path with a byte above 0x7f", withField(":path", "/\u00e9")],
    ["the path * without OPTIONS", withField(":path", "*")],
    ["two methods", and([":method", "GET"])],
    ["two paths", and([":path", "/"])],
    ["a pseudo-header after a field", [["x", "y"], ...getNote]],
    ["a pseudo-header of answers", and([":status", "200"])],
    ["an unknown pseudo-header", and([":odd", "1"])],
    [":protocol, which is not offered", and([":protocol", "websocket"])],
    ["a method that is no token", withField(":method", "G ET")],
    ["an empty method", withField(":method", "")],
    ["another scheme", withField(":scheme", "ftp")],
    ["CONNECT with a path", withField(":method", "CONNECT")],
    [
      "CONNECT with a scheme",
      [
        [":method", "CONNECT"],
        [":scheme", "http"],
        [":authority", "a"],
      ],
    ],
    [
      "CONNECT with a path alone",
      [
        [":method", "CONNECT"],
        [":path", "/"],
        [":authority", "a"],
      ],
    ],
    ["CONNECT without an authority", [[":method", "CONNECT"]]],
    ["an empty name", and(["", "x"])],
    ["a name in capitals", and(["X", "y"])],
    ["a name with a blank", and(["a b", "y"])],
    ["a name with a colon", and(["a:b", "y"])],
    ["a name with NUL", and(["a\0", "y"])],
    ["a value with NUL", and(["x", "a\0b"])],
    ["a value with CR", and(["x", "a\rb"])],
    ["a value with LF", and(["x", "a\nb"])],
    ["a value with another control character", and(["x", "a\x1fb"])],
    ["a value with DEL", and(["x", "a\x7fb"])],
    ["a value that begins with a blank", and(["x", " a"])],
    ["a value that ends with a tab", and(["x", "a\t"])],
    ["connection", and(["connection", "close"])],
    ["proxy-connection", and(["proxy-connection", "close"])],
    ["keep-alive", and(["keep-alive", "1"])],
    ["transfer-encoding", and(["transfer-encoding", "chunked"])],
    ["upgrade", and(["upgrade", "h2c"])],
    ["te other than trailers", and(["te", "gzip"])],
    ["te with more than trailers", and(["te", "trailers, gzip"])],
    ["a host that differs from the authority", and(["host", "b"])],
    ["two hosts", [...without(":authority"), ["host", "a"], ["host", "a"]]],
    ["a length that is no number", and(["content-length", "x"])],
    ["an empty length", and(["content-length", ""])],
    ["a negative length", and(["content-length", "-1"])],
    ["a length with a sign", and(["content-length", "+0"])],
    ["a length of 16 digits", and(["content-length", "0".repeat(16)])],
    ["two equal lengths", and(["content-length", "0"], ["content-length", "0"])],
    ["a length without content", and(["content-length", "9"])],
  ])("%s", async ([, fields]) => {
    const before = calls;
    using peer = await greet(server);
    peer.send(whole(1, fields));
    expect(await answerOf(peer)).toBe("reset 1");
    expect(calls).toBe(before);
    await expectServed(peer, 3);
    expect(peer.violations).toEqual([]);
  });

  test.for<{ name: string; frames: Buffer[] }>([
    {
      name: "more content than declared",
      frames: [begun(1, withField("content-length", "1", putNote)), body("{}")],
    },
    {
      name: "two equal lengths and their content",
      frames: [
        begun(1, [...withField("content-length", "2", putNote), ["content-length", "2"]]),
        body("{}", endStream),
      ],
    },
    {
      name: "less content than declared",
      frames: [begun(1, withField("content-length", "3", putNote)), body("{}", endStream)],
    },
    {
      name: "less content, and trailers",
      frames: [
        begun(1, withField("content-length", "3", putNote)),
        body("{}"),
        whole(1, [["x", "y"]]),
      ],
    },
    { name: "trailers without END_STREAM", frames: [begun(1), begun(1, [["x", "y"]])] },
    {
      name: "a pseudo-header before a trailer",
      frames: [
        begun(1),
        whole(1, [
          [":path", "/"],
          ["x", "y"],
        ]),
      ],
    },
    { name: "a pseudo-header as a trailer", frames: [begun(1), whole(1, [[":path", "/"]])] },
    {
      name: "a field of the connection as a trailer",
      frames: [begun(1), whole(1, [["connection", "close"]])],
    },
    { name: "a trailer with a line break", frames: [begun(1), whole(1, [["x", "a\nb"]])] },
  ])("$name", async ({ frames }) => {
    const before = calls;
    using peer = await greet(server);
    peer.send(...frames);
    expect(await answerOf(peer)).toBe("reset 1");
    expect(calls).toBe(before);
    await expectServed(peer, 3);
    expect(peer.violations).toEqual([]);
  });
});

describe("requests of one connection", () => {
  test("each is served by its own fields, whether or not they are those of the one before", async () => {
    using peer = await greet(server);
    const ids = ["7", "7", "8", "7", "7", "9", "9"];
    for (const [at, id] of ids.entries()) {
      const streamId = 2 * at + 1;
      peer.send(whole(streamId, withField(":path", `/api/v1/notes/${id}`)));
      const answer = await peer.until(
        (each) => each.type === data && each.streamId === streamId && each.payload.length > 0,
      );
      expect(JSON.parse(answer.payload.toString())).toEqual({ id });
    }
    expect(peer.violations).toEqual([]);
  });

  test.for<[name: string, second: Fields]>([
    ["with a field more", and(["connection", "close"])],
    ["with another value of the same length", withField(":scheme", "gopr")],
    ["without the last field", [...without(":authority", ":path")]],
  ])(
    "a malformed one %s than a good one is refused, and the good one is served again",
    async ([, second]) => {
      using peer = await greet(server);
      await expectServed(peer, 1);
      await expectServed(peer, 3);
      peer.send(whole(5, second));
      const refused = await peer.until(
        ({ type, streamId }) => type === frameTypes.reset && streamId === 5,
      );
      expect(refused.payload.readUInt32BE(0)).toBe(1);
      await expectServed(peer, 7);
      expect(peer.violations).toEqual([]);
    },
  );
});

describe("an unusual request is served", () => {
  const block = headerBlock(getNote);
  test.for<{ name: string; frames: Buffer[]; status?: string }>([
    { name: "te: trailers", frames: [whole(1, and(["te", "Trailers"]))] },
    { name: "a scheme in capitals", frames: [whole(1, withField(":scheme", "HTTP"))] },
    { name: "https in capitals", frames: [whole(1, withField(":scheme", "HTTPS"))] },
    {
      name: "https without TLS, as behind a proxy",
      frames: [whole(1, withField(":scheme", "https"))],
    },
    {
      name: "a host instead of an authority",
      frames: [whole(1, [...without(":authority"), ["host", "a"]])],
    },
    { name: "a host like the authority", frames: [whole(1, and(["host", "a"]))] },
    { name: "bytes above 0x7f in a value", frames: [whole(1, and(["x", "\u00e9\u00ff"]))] },
    { name: "a tab in a value", frames: [whole(1, and(["x", "a\tb"]))] },
    { name: "an empty value", frames: [whole(1, and(["x", ""]))] },
    {
      name: "a cookie in many pieces",
      frames: [whole(1, and(...Array<["cookie", string]>(90).fill(["cookie", "a=b"])))],
    },
    { name: "a length of 0", frames: [whole(1, and(["content-length", "0"]))] },
    {
      name: "a length of 15 digits",
      frames: [whole(1, and(["content-length", "0".repeat(15)]))],
    },
    {
      name: "CONNECT, which no path can serve",
      frames: [
        whole(1, [
          [":method", "CONNECT"],
          [":authority", "a"],
        ]),
      ],
      status: "404",
    },
    {
      name: "padding and a priority",
      frames: [
        frame(
          headers,
          endHeaders | endStream | padded | 32,
          1,
          Buffer.concat([Buffer.of(3), uint32(0), Buffer.of(9), block, Buffer.alloc(3)]),
        ),
      ],
    },
    {
      name: "a block of nine frames",
      frames: [
        frame(headers, endStream, 1, block.subarray(0, 2)),
        ...[...Array(7).keys()].map((at) =>
          frame(continuation, 0, 1, block.subarray(2 + at, 3 + at)),
        ),
        frame(continuation, endHeaders, 1, block.subarray(9)),
      ],
    },
    {
      name: "an empty HEADERS frame before CONTINUATION",
      frames: [frame(headers, endStream, 1), frame(continuation, endHeaders, 1, block)],
    },
    {
      name: "DATA with padding",
      frames: [
        begun(1, withField("content-length", "2", putNote)),
        frame(
          data,
          padded | endStream,
          1,
          Buffer.concat([Buffer.of(9), Buffer.from("{}"), Buffer.alloc(9)]),
        ),
      ],
    },
    {
      name: "an empty DATA frame at the end",
      frames: [begun(1, putNote), body("{"), body("}"), body("", endStream)],
    },
    { name: "trailers", frames: [begun(1, putNote), body("{}"), whole(1, [["x", "y"]])] },
    {
      name: "expect: 100-continue",
      frames: [begun(1, withField("expect", "100-continue", putNote)), body("{}", endStream)],
      status: "100",
    },
    {
      name: "101 fields",
      frames: [whole(1, and(...Array<["x", string]>(97).fill(["x", ""])))],
      status: "431",
    },
    {
      name: "fields of more than 16 KiB",
      frames: [whole(1, and(["x", "y".repeat(16_300)]))],
      status: "431",
    },
    {
      name: "fields of more than 16 KiB, and a body",
      frames: [begun(1, and(["x", "y".repeat(16_300)]))],
      status: "431",
    },
  ])("$name", async ({ frames, status = "200" }) => {
    using peer = await greet(server);
    peer.send(...frames);
    expect(await answerOf(peer)).toBe(status);
    await expectServed(peer, 3);
    expect(peer.violations).toEqual([]);
  });

  test("HEAD is answered without content", async () => {
    using peer = await greet(server);
    peer.send(whole(1, withField(":method", "HEAD", withField(":path", "/page"))));
    expect(await answerOf(peer)).toBe("200");
    await peer.settled();
    expect(describeFrames(peer.frames.filter(({ streamId }) => streamId === 1))).toBe("headers:1");
    expect(peer.violations).toEqual([]);
  });

  test("a client without a header table gets a size update, and answers that it can read", async () => {
    using peer = await greet(server);
    peer.send(frame(frameTypes.settings, 0, 0, setting(1, 0)));
    for (const id of [1, 3, 5]) await expectServed(peer, id);
    expect(peer.violations).toEqual([]);
    const blocks = peer.frames
      .filter(({ type }) => type === headers)
      .map(({ payload }) => payload[0]);
    expect(blocks[0]).toBe(0x20);
    expect(blocks[1]).not.toBe(0x20);
  });

  test("the fields that come again are sent as one byte each", async () => {
    using peer = await greet(server);
    for (const id of [1, 3]) await expectServed(peer, id);
    const [first = 0, second = 0] = peer.frames
      .filter(({ type }) => type === headers)
      .map(({ payload }) => payload.byteLength);
    expect(second).toBeLessThan(first);
  });

  test("an answer waits for a window of 0, byte by byte if it must", async () => {
    using peer = await greet(server);
    peer.send(frame(frameTypes.settings, 0, 0, setting(4, 0)), whole(1));
    await answerOf(peer);
    await peer.settled();
    const ofBody = () => peer.frames.filter(({ type }) => type === data);
    expect(ofBody()).toEqual([]);
    for (let index = 0; index < 3; index++) {
      peer.send(windowUpdate(1, 1));
      await peer.settled();
    }
    expect(ofBody().map(({ payload }) => payload.byteLength)).toEqual([1, 1, 1]);
    peer.send(windowUpdate(1, 1_000));
    await peer.until(({ type, flags }) => type === data && flags === endStream);
    expect(peer.violations).toEqual([]);
  });
});
