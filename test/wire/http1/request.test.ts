import { connect, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { Http1Request } from "../../../src/wire/http1/request.ts";
import { lingerMs, maxDroppedBytes } from "../../../src/wire/limits.ts";
import { startEcho } from "../echo.ts";
import { exchangeRaw, openRaw, statuses, watch } from "../raw.ts";

const put = "PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\n";
const chunked = `${put}Transfer-Encoding: chunked\r\n\r\n`;
const getPage = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

/** A gate that is open, or closed, once it is told to. */
function heldGate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { requestGate: () => promise, open: resolve };
}

/** @returns Bytes that the server does not read for a while. */
async function stuckBytes(connection: { stuck(): number }): Promise<number> {
  let before = -1;
  while (before !== connection.stuck()) {
    before = connection.stuck();
    await sleep(300);
  }
  return before;
}

test.for([
  { name: "in one piece", rest: `12\r\n{"text":"in time"}\r\n0\r\n\r\n` },
  {
    name: "byte by byte",
    rest: [...'{"text":"in time"}', ""].map((text) => `${text.length}\r\n${text}\r\n`).join(""),
  },
])("a body that comes before the gate has decided is read, $name", async ({ rest }) => {
  const { requestGate, open } = heldGate();
  await using server = await startEcho({}, { requestGate });
  using connection = await openRaw(server.port);
  connection.send(chunked + rest + getPage);
  await sleep(50);
  open();
  expect(await connection.until(/page$/)).toContain('{"id":"7","text":"in time"}');
  expect(statuses(connection.received)).toEqual([200, 200]);
});

test.for([
  { name: "large", chunk: `2000\r\n${"x".repeat(0x2000)}\r\n`, count: 3_000 },
  { name: "as small as a byte", chunk: "1\r\nx\r\n", count: 4_000_000 },
])("while the gate decides, a body does not fill the memory: pieces $name", async (piece) => {
  const { requestGate, open } = heldGate();
  await using server = await startEcho({}, { requestGate });
  using connection = await openRaw(server.port);
  connection.send(chunked + piece.chunk.repeat(piece.count));
  // More than the system holds for the two of us.
  expect(piece.chunk.length * piece.count).toBeGreaterThan(20_000_000);
  expect(await stuckBytes(connection)).toBeGreaterThan(10_000_000);
  open();
  // Too large, or in too many pieces.
  expect(statuses(await connection.until(/"message"/))).toEqual([429]);
});

test.for([
  { name: "65,536 bytes", pieces: [65_535, 1] },
  { name: "64 pieces", pieces: Array<number>(64).fill(1) },
])("while nobody reads a body, $name of it are held and no more", ({ pieces }) => {
  const request = new Http1Request(new Socket());
  const wantsMore = pieces.map((bytes) => request.push(Buffer.alloc(bytes)));
  expect(wantsMore).toEqual([...Array(pieces.length - 1).fill(true), false]);
});

test("a body that nobody wants is read on, in however many pieces", () => {
  const request = new Http1Request(new Socket());
  request.dropBody();
  const pieces = Array.from({ length: 100 }, () => request.push(Buffer.alloc(1_000)));
  expect(pieces).not.toContain(false);
});

test.concurrent.for([
  { start: "POST /nowhere", status: 404 },
  { start: "OPTIONS /api/v1/notes/7", status: 204 },
])("a connection goes on after an answer that comes before the body: $status", async (early) => {
  await using server = await startEcho();
  using connection = await openRaw(server.port);
  connection.send(`${early.start} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n`);
  await connection.until(/\r\n\r\n/);
  connection.send("x");
  await sleep(20);
  connection.send(`x${getPage}`);
  await connection.until(/page$/);
  // Longer than is waited for the body.
  await sleep(lingerMs + 100);
  connection.send(getPage);
  await connection.until(/page.+page$/s);
  expect(statuses(connection.received)).toEqual([early.status, 200, 200]);
});

test.for([
  { bytes: maxDroppedBytes, connection: "keep-alive" },
  { bytes: maxDroppedBytes + 1, connection: "close" },
])(
  "what is said of the connection before $bytes of a body that nobody reads: $connection",
  async (rest) => {
    await using server = await startEcho();
    using connection = await openRaw(server.port);
    connection.send(`POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: ${rest.bytes}\r\n\r\n`);
    const head = await connection.until(/\r\n\r\n/);
    expect(/^connection: (.+)\r$/im.exec(head)?.[1]).toBe(rest.connection);
  },
);

test.concurrent("a connection is closed if the body does not come after an answer", async () => {
  await using server = await startEcho();
  const head = "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";
  const received = await exchangeRaw(server.port, head);
  expect(statuses(received)).toEqual([404]);
  expect(received).toMatch(/connection: keep-alive/i);
});

test.concurrent("an answer in chunks ends if the body of its request does not", async () => {
  await using server = await startEcho({
    async collect() {
      throw new ConnectError("no", Code.Unauthenticated);
    },
  });
  const received = await exchangeRaw(
    server.port,
    [
      "POST /echo.v1.EchoService/Collect HTTP/1.1",
      ...["Host: a", "Content-Type: application/grpc-web", "Transfer-Encoding: chunked"],
      "\r\n",
    ].join("\r\n"),
  );
  expect(received).toMatch(/transfer-encoding: chunked.+grpc-status: 16.+0\r\n\r\n$/is);
});

test("a connection goes on after a refusal within a body that was not read on", async () => {
  const { promise, reject } = Promise.withResolvers<void>();
  await using server = await startEcho({}, { requestGate: () => promise });
  const socket = connect(server.port, "127.0.0.1").setNoDelay(true);
  using connection = watch(socket);
  connection.send(`${put}Content-Length: 101\r\n\r\n`);
  // More pieces than are held.
  for (let sent = 0; sent < 100; sent += 1) {
    connection.send("x");
    await sleep(1);
  }
  reject(new ConnectError("no", Code.Unauthenticated));
  await connection.until(/"message"/);
  connection.send(`x${getPage}`);
  expect(statuses(await connection.until(/page$/))).toEqual([401, 200]);
});

test("a connection goes on after a refusal of a body that came before", async () => {
  const refuses = () => {
    throw new ConnectError("no", Code.Unauthenticated);
  };
  await using server = await startEcho({}, { requestGate: refuses });
  using connection = await openRaw(server.port);
  const body = "x".repeat(60_000);
  const whole = `${put}Content-Length: ${body.length}\r\n\r\n${body}`;
  for (let count = 0; count < 20; count += 1) connection.send(whole);
  connection.send(getPage);
  await connection.until(/page$/);
  expect(statuses(connection.received)).toEqual([...Array(20).fill(401), 200]);
});

test("a client that goes away within its body cancels the call", async () => {
  await using server = await startEcho();
  using connection = await openRaw(server.port);
  connection.send(`${put}Content-Length: 100\r\n\r\n{"text":`);
  await expect.poll(() => server.listener.load().calls).toBe(1);
  connection[Symbol.dispose]();
  await expect.poll(() => server.outcomes.map(({ error }) => error?.code)).toEqual([Code.Canceled]);
});
