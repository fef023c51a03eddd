import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { type EchoServer, startEcho } from "../echo.ts";
import {
  frameFlags,
  framesOf,
  frameTypes,
  headerBlock,
  http2Frame,
  http2Opening,
  openHttp2,
  openRaw,
  requestHttp2,
} from "../raw.ts";
import { speakers } from "../speak.ts";

// A client that floods a connection loses it. All other clients are served meanwhile.

const { endHeaders, endStream } = frameFlags;
const getNote = headerBlock([
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/api/v1/notes/7"],
  [":authority", "a"],
]);
const cancel = Buffer.of(0, 0, 0, 8);
const noIncrement = Buffer.alloc(4);
const streamIds = (count: number) => Array.from({ length: count }, (_, index) => 2 * index + 1);

async function expectAlive(server: EchoServer): Promise<void> {
  for (const { say } of speakers) expect(await say(server)).toMatchObject({ code: 0 });
}

describe("a connection whose streams are reset again and again is closed", () => {
  test.for([
    { name: "W1: by the client", frame: frameTypes.reset, payload: cancel },
    {
      name: "W2: by the server, for a fault",
      frame: frameTypes.windowUpdate,
      payload: noIncrement,
    },
  ])("$name", async ({ frame, payload }) => {
    let calls = 0;
    await using server = await startEcho({
      look(note) {
        calls += 1;
        return note;
      },
    });
    using connection = await openRaw(server.port);
    const closed = connection.closed();
    connection.send(http2Opening);
    for (const id of streamIds(2_000)) {
      connection.send(http2Frame(frameTypes.headers, endHeaders | endStream, id, getNote));
      connection.send(http2Frame(frame, 0, id, payload));
    }
    await expectAlive(server);
    expect(framesOf(await closed).map(({ type }) => type)).toContain(frameTypes.goAway);
    expect(calls).toBeLessThan(1_000);
    await expectAlive(server);
  });
});

test("W7: more than 100 streams at once are refused, the first 100 served", async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let calls = 0;
  await using server = await startEcho({
    async look(note) {
      calls += 1;
      await released;
      return note;
    },
  });
  using connection = await openRaw(server.port);
  const head = (id: number) => http2Frame(frameTypes.headers, endHeaders | endStream, id, getNote);
  connection.send(Buffer.concat([http2Opening, ...streamIds(150).map(head)]));
  const resets = () =>
    framesOf(connection.received).filter(({ type }) => type === frameTypes.reset);
  await expect.poll(() => resets().length).toBe(50);
  expect(new Set(resets().map(({ payload }) => payload.readUInt32BE(0)))).toEqual(new Set([7]));
  await expectAlive(server);
  expect(calls).toBe(100);
  release();
  const answered = () =>
    framesOf(connection.received).filter(({ type }) => type === frameTypes.headers).length;
  await expect.poll(answered).toBe(100);
});

describe("a connection that sends too many", () => {
  test.for([
    { name: "W4: pings", frame: () => http2Frame(frameTypes.ping, 0, 0, Buffer.alloc(8)) },
    { name: "W4: settings", frame: () => http2Frame(frameTypes.settings, 0, 0, Buffer.alloc(600)) },
    { name: "W5: frames of unknown type", frame: () => http2Frame(0xfa, 0, 0, Buffer.alloc(8)) },
    { name: "W5: priorities", frame: () => http2Frame(2, 0, 1, Buffer.of(0, 0, 0, 3, 1)) },
    {
      name: "W6: window updates beyond the largest window",
      frame: () => http2Frame(frameTypes.windowUpdate, 0, 0, Buffer.of(0x7f, 255, 255, 255)),
    },
    {
      name: "W5: data on no stream",
      frame: () => http2Frame(frameTypes.data, 0, 1, Buffer.alloc(9)),
    },
    {
      name: "W3: header lists that go on and on",
      frame: (index: number) =>
        http2Frame(index === 0 ? frameTypes.headers : 9, 0, 1, Buffer.alloc(100)),
    },
  ])("$name harms nobody else", async ({ frame }) => {
    await using server = await startEcho();
    using connection = await openRaw(server.port);
    connection.send(http2Opening);
    for (let index = 0; index < 2_000; index += 100) {
      connection.send(Buffer.concat(Array.from({ length: 100 }, (_, each) => frame(index + each))));
      await sleep(0);
    }
    await expectAlive(server);
  });
});

test("W8: a header list of more than 100 fields is refused with 431, and the connection lives", async () => {
  await using server = await startEcho();
  using connection = await openRaw(server.port);
  const send = (id: number, count: number) => {
    const more = Array.from({ length: count - 4 }, (_, n): [string, string] => [`x-${n}`, "y"]);
    const block = Buffer.concat([getNote, headerBlock(more)]);
    connection.send(http2Frame(frameTypes.headers, endHeaders | endStream, id, block));
  };
  connection.send(http2Opening);
  send(1, 101);
  const answersTo = (id: number) =>
    framesOf(connection.received).filter(({ streamId }) => streamId === id);
  await expect.poll(() => answersTo(1).length).toBeGreaterThan(0);
  expect(answersTo(1)[0]?.payload.toString("latin1")).toContain("431");
  expect(server.outcomes).toEqual([]);
  send(3, 100);
  await expect.poll(() => server.outcomes).toMatchObject([{ status: 200 }]);
});

describe("W8: a header list that becomes large from a few bytes is refused", () => {
  const value = Buffer.alloc(4_000, 120);
  const indexed = Buffer.concat([
    Buffer.of(0x40, 1, 120),
    // The length in HPACK's form: 127 and the rest in groups of seven bits.
    Buffer.of(127, ((value.byteLength - 127) & 127) | 128, (value.byteLength - 127) >> 7),
    value,
  ]);
  const again = Buffer.of(0xbe);

  test.for([
    { name: "before the settings are acknowledged", opening: http2Opening },
    {
      name: "after the settings are acknowledged",
      opening: Buffer.concat([http2Opening, http2Frame(frameTypes.settings, 1, 0)]),
    },
  ])("$name", async ({ opening }) => {
    await using server = await startEcho();
    using connection = await openRaw(server.port);
    connection.send(http2Opening);
    await connection.until(/./s);
    connection.send(opening.subarray(http2Opening.byteLength));
    const block = Buffer.concat([getNote, indexed, ...Array.from({ length: 50 }, () => again)]);
    connection.send(http2Frame(frameTypes.headers, endHeaders | endStream, 1, block));
    const answers = () =>
      framesOf(connection.received).filter(({ streamId }) => streamId === 1).length;
    await expect.poll(answers).toBeGreaterThan(0);
    expect(server.outcomes).toEqual([]);
    await expectAlive(server);
  });
});

describe("W13, W21: malformed requests over HTTP/2 never reach a handler", () => {
  const good: [string, string][] = [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/api/v1/notes/7"],
    [":authority", "a"],
  ];
  const without = (name: string) => good.filter(([each]) => each !== name);
  test.for<{ name: string; fields: [string, string][] }>([
    { name: "no method", fields: without(":method") },
    { name: "no path", fields: without(":path") },
    { name: "no scheme", fields: without(":scheme") },
    { name: "an empty path", fields: [...without(":path"), [":path", ""]] },
    { name: "two paths", fields: [...good, [":path", "/page"]] },
    { name: "a status", fields: [...good, [":status", "200"]] },
    { name: "an unknown pseudo header", fields: [...good, [":odd", "1"]] },
    { name: "a late pseudo header", fields: [["x", "y"], ...good] },
    { name: "an upper-case name", fields: [...good, ["X-Y", "z"]] },
    { name: "a connection header", fields: [...good, ["connection", "close"]] },
    { name: "a transfer coding", fields: [...good, ["transfer-encoding", "chunked"]] },
    { name: "an upgrade", fields: [...good, ["upgrade", "h2c"]] },
    { name: "te other than trailers", fields: [...good, ["te", "gzip"]] },
    { name: "a length that is not the body's", fields: [...good, ["content-length", "9"]] },
    { name: "two lengths", fields: [...good, ["content-length", "0"], ["content-length", "1"]] },
    { name: "a length that is no number", fields: [...good, ["content-length", "x"]] },
  ])("$name", async ({ fields }) => {
    let calls = 0;
    await using server = await startEcho({
      look(note) {
        calls += 1;
        return note;
      },
    });
    using connection = await openRaw(server.port);
    connection.send(http2Opening);
    const flags = endHeaders | endStream;
    connection.send(http2Frame(frameTypes.headers, flags, 1, headerBlock(fields)));
    const { reset, goAway } = frameTypes;
    const isRefused = () =>
      framesOf(connection.received).some(({ type }) => type === reset || type === goAway);
    await expect.poll(isRefused).toBe(true);
    expect(calls).toBe(0);
    using session = openHttp2(server.port);
    expect(await requestHttp2(session, { ":path": "/api/v1/notes/7" })).toMatchObject({
      status: 200,
    });
  });
});

test("W22: connections that break off at any moment are forgotten", async () => {
  await using server = await startEcho();
  const opening = Buffer.concat([
    http2Opening,
    http2Frame(frameTypes.headers, endHeaders, 1, getNote),
  ]);
  const request = Buffer.from(
    "PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{",
  );
  for (const data of [opening, request]) {
    for (let length = 0; length <= data.byteLength; length += 3) {
      using connection = await openRaw(server.port);
      connection.send(data.subarray(0, length));
      await sleep(1);
    }
  }
  await expectAlive(server);
  await expect(server.listener.close(60_000)).resolves.toBeUndefined();
});
