import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { startEcho } from "../echo.ts";
import {
  exchangeRaw,
  frameFlags,
  framesOf,
  frameTypes,
  headerBlock,
  http2Frame,
  http2Opening,
  openHttp2,
  openRaw,
  requestHttp2,
  statuses,
  watch,
} from "../raw.ts";

// Long because of its tables of what a connection may begin with, and what may follow on it.

const tlsFile = (name: string) =>
  fileURLToPath(new URL(`../../support/tls/${name}`, import.meta.url));
const tls = { certFile: tlsFile("cert.pem"), keyFile: tlsFile("key.pem") };
const ca = readFileSync(tls.certFile);

const put = (text: string) =>
  `PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\nContent-Length: ${text.length + 11}\r\n\r\n{"text":"${text}"}`;
const getPage = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
const pageHeaders = headerBlock([
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/page"],
  [":authority", "a"],
]);
const http2GetPage = Buffer.concat([
  http2Opening,
  http2Frame(frameTypes.headers, frameFlags.endHeaders | frameFlags.endStream, 1, pageHeaders),
]);

async function openTls(port: number, alpn: string[]) {
  const socket = connectTls({ port, host: "127.0.0.1", ca, ALPNProtocols: alpn });
  await once(socket, "secureConnect");
  return { connection: watch(socket), protocol: socket.alpnProtocol };
}

describe("one plain port", () => {
  test("serves HTTP/1.1 and HTTP/2 side by side", async () => {
    await using server = await startEcho();
    using connection = await openRaw(server.port);
    using session = openHttp2(server.port);
    connection.send(getPage);
    expect(await connection.until(/page$/)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(await requestHttp2(session, { ":path": "/page" })).toMatchObject({
      status: 200,
      body: Buffer.from("page"),
    });
  });

  test("knows HTTP/2 wherever its preface is split", async () => {
    await using server = await startEcho();
    const splits = Array.from({ length: http2Opening.byteLength }, (_, index) => index + 1);
    const answers = splits.map(async (at) => {
      using connection = await openRaw(server.port);
      connection.send(http2GetPage.subarray(0, at));
      await sleep(20);
      connection.send(http2GetPage.subarray(at));
      return await connection.until(/page/);
    });
    expect(await Promise.all(answers)).toHaveLength(splits.length);
  });

  test("knows HTTP/1.1 wherever its request is split", async () => {
    await using server = await startEcho();
    const request = put("split").replace("\r\n", "\r\nConnection: close\r\n");
    const answers = Array.from({ length: request.length - 1 }, async (_, index) => {
      using connection = await openRaw(server.port);
      connection.send(request.slice(0, index + 1));
      await sleep(20);
      connection.send(request.slice(index + 1));
      return statuses(await connection.closed());
    });
    expect(new Set((await Promise.all(answers)).flat())).toEqual(new Set([200]));
  });

  test.for([
    { name: "zeros", data: Buffer.alloc(64) },
    { name: "text", data: Buffer.from("hello\r\n\r\n") },
    { name: "a TLS handshake", data: Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3]) },
    { name: "almost a preface", data: Buffer.from("PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n") },
    { name: "a preface and rubbish", data: Buffer.concat([http2Opening, Buffer.alloc(64, 0xff)]) },
    { name: "a tunnel", data: Buffer.from("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n") },
    { name: "nothing but line ends", data: Buffer.from(`${"\r\n".repeat(99)}x\r\n\r\n`) },
  ])("closes a connection that begins with $name", async ({ data }) => {
    await using server = await startEcho();
    const received = await exchangeRaw(server.port, data);
    expect(statuses(received).filter((status) => status !== 400)).toEqual([]);
    expect(statuses(await exchangeRaw(server.port, closing(getPage)))).toEqual([200]);
    expect(server.outcomes).toHaveLength(1);
  });

  test("answers TLS with a text, so that clients name what they got", async () => {
    await using server = await startEcho();
    const hello = Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3]);
    expect(await exchangeRaw(server.port, hello)).toMatch(
      /^HTTP\/1.1 400 Bad Request\r\n.*This port speaks no TLS\. Use http:\/\/ instead of https:\/\/\.\n$/s,
    );
    const failed = await fetch(server.url.replace("http:", "https:")).catch(({ cause }) => cause);
    expect(String(failed)).toContain("wrong version number");
  });

  test("takes an HTTP/2 client that closes its half for one that has gone", async () => {
    await using server = await startEcho();
    const socket = connectTcp({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.write(http2Opening);
    await once(socket, "data");
    socket.end();
    // Sooner than idle connections are closed.
    await expect.poll(() => server.listener.load().connections, { timeout: 10_000 }).toBe(0);
    socket.destroy();
  });

  test("cannot be had twice", async () => {
    await using server = await startEcho();
    await using other = await startEcho();
    const address = { host: "127.0.0.1", port: server.port };
    await expect(other.listener.listen(address)).rejects.toThrow();
  });
});

describe("a TLS port", () => {
  test("serves HTTP/2 and HTTP/1.1 as ALPN asks", async () => {
    await using server = await startEcho({}, {}, tls);
    const session = connectHttp2(`https://localhost:${server.port}`, { ca });
    expect(await requestHttp2(session, { ":path": "/page" })).toMatchObject({ status: 200 });
    session.destroy();
    const { connection, protocol } = await openTls(server.port, ["http/1.1"]);
    expect(protocol).toBe("http/1.1");
    connection.send(put("tls") + closing(getPage));
    expect(statuses(await connection.closed())).toEqual([200, 200]);
  });

  test.for([
    { name: "without ALPN", alpn: [] },
    // As `curl --http1.0`.
    { name: "that offers HTTP/1.0", alpn: ["http/1.0"] },
  ])("serves a client $name over HTTP/1", async ({ alpn }) => {
    await using server = await startEcho({}, {}, tls);
    const { connection } = await openTls(server.port, alpn);
    connection.send(closing(getPage));
    expect(statuses(await connection.closed())).toEqual([200]);
  });

  test("refuses a protocol it does not speak", async () => {
    await using server = await startEcho({}, {}, tls);
    await expect(openTls(server.port, ["spdy/3"])).rejects.toThrow();
  });

  test.for([
    { name: "plain HTTP/1.1, and says why", data: getPage, want: [400] },
    { name: "plain HTTP/2", data: http2GetPage, want: [] },
    { name: "rubbish", data: Buffer.from([0x16, 3, 1, 0, 4, 9, 9, 9, 9]), want: [] },
  ])("closes a connection that speaks $name", async ({ data, want }) => {
    await using server = await startEcho({}, {}, tls);
    expect(statuses(await exchangeRaw(server.port, data))).toEqual(want);
    const { connection } = await openTls(server.port, ["http/1.1"]);
    connection.send(closing(getPage));
    expect(statuses(await connection.closed())).toEqual([200]);
  });

  test("says to plain HTTP/2 that the connection is not secure enough", async () => {
    await using server = await startEcho({}, {}, tls);
    const frames = framesOf(await exchangeRaw(server.port, http2GetPage));
    expect(frames.map(({ type, streamId }) => [type, streamId])).toEqual([
      [frameTypes.settings, 0],
      [frameTypes.goAway, 0],
    ]);
    const [settings, goAway] = frames.map(({ payload }) => payload);
    expect(settings?.byteLength).toBe(0);
    // INADEQUATE_SECURITY, and no stream was looked at.
    expect([goAway?.readUInt32BE(0), goAway?.readUInt32BE(4)]).toEqual([0, 12]);
    expect(goAway?.subarray(8).toString()).toContain("This port speaks TLS only.");
  });

  test("keeps its certificate when the new one cannot be used", async () => {
    const folder = mkdtempSync(join(tmpdir(), "giraffe-tls-"));
    const files = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
    copyFileSync(tls.certFile, files.certFile);
    copyFileSync(tls.keyFile, files.keyFile);
    await using server = await startEcho({}, {}, files);
    server.listener.reloadTls();
    writeFileSync(files.certFile, "not a certificate");
    expect(() => server.listener.reloadTls()).toThrow();
    const { connection } = await openTls(server.port, ["http/1.1"]);
    connection.send(closing(getPage));
    expect(statuses(await connection.closed())).toEqual([200]);
    rmSync(folder, { recursive: true });
  });
});

describe("a client that is told which protocol the port speaks", () => {
  const hello = Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3]);
  test.for([
    { name: "HTTP on a port with TLS", options: tls, data: getPage },
    { name: "TLS on a port without", options: undefined, data: hello },
  ])("is cut off if it does not close its half, either: $name", async ({ options, data }) => {
    await using server = await startEcho({}, {}, options);
    const socket = connectTcp({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => undefined).resume();
    socket.write(data);
    await once(socket, "end");
    await expect.poll(() => server.listener.load().connections).toBe(0);
    socket.destroy();
  });
});

describe("R14, W11: a client that sends nothing is cut off", () => {
  test.concurrent.for([
    { name: "at once", options: undefined, data: "" },
    { name: "within the preface of HTTP/2", options: undefined, data: "PRI * HTTP/2.0\r\n" },
    { name: "within the TLS handshake", options: tls, data: "\u0016" },
    { name: "before the TLS handshake", options: tls, data: "" },
  ])("$name", async ({ options, data }) => {
    await using server = await startEcho({}, {}, options);
    expect(await exchangeRaw(server.port, data)).toBe("");
  });

  test.concurrent("within the fields of an HTTP/2 request", async () => {
    await using server = await startEcho();
    const begun = http2Frame(frameTypes.headers, 0, 1, pageHeaders);
    const frames = framesOf(await exchangeRaw(server.port, Buffer.concat([http2Opening, begun])));
    expect(frames.at(-1)?.type).toBe(frameTypes.goAway);
  });
});

describe("an HTTP/1.1 connection", () => {
  test("stays open after refusals and carries on", async () => {
    await using server = await startEcho();
    using connection = await openRaw(server.port);
    const requests = [
      "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
      "DELETE /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST /echo.v1.EchoService/Echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody",
      "GET /echo.v1.EchoService/Echo HTTP/1.1\r\nHost: a\r\n\r\n",
      "PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n!",
      "OPTIONS /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\n\r\n",
      "HEAD /page HTTP/1.1\r\nHost: a\r\n\r\n",
      put("last"),
    ];
    const want = [404, 404, 405, 415, 405, 400, 204, 200, 200];
    for (const [index, request] of requests.entries()) {
      connection.send(request);
      const soFar = () => statuses(connection.received);
      await expect.poll(soFar).toEqual(want.slice(0, index + 1));
    }
    await connection.until(/"last"/);
    expect(connection.received).not.toMatch(/connection: close/i);
  });

  test("W15: answers 500 pipelined requests in order", async () => {
    await using server = await startEcho();
    const request = (index: number) =>
      `GET /api/v1/notes/${index} HTTP/1.1\r\nHost: a\r\n${index === 499 ? "Connection: close\r\n" : ""}\r\n`;
    const all = Array.from({ length: 500 }, (_, index) => request(index)).join("");
    const received = await exchangeRaw(server.port, all);
    const ids = [...received.matchAll(/"id":"(\d+)"/g)].map((match) => Number(match[1]));
    expect(ids).toEqual(Array.from({ length: 500 }, (_, index) => index));
  });

  const refused = [
    { name: "no such path", head: "POST /nowhere HTTP/1.1", status: 404 },
    { name: "a wrong verb", head: "POST /page HTTP/1.1", status: 405 },
    {
      name: "a wrong content type",
      head: "POST /echo.v1.EchoService/Echo HTTP/1.1\r\nContent-Type: text/plain",
      status: 415,
    },
    { name: "a body above the limit", head: "PUT /api/v1/notes/7 HTTP/1.1", status: 429 },
  ];
  const bodies = [
    { what: "that is never sent", framing: "Content-Length: 1000000", body: "x" },
    {
      what: "that is sent all the same",
      framing: "Content-Length: 1000000",
      body: "x".repeat(1e6),
    },
    {
      what: "of unknown length",
      framing: "Transfer-Encoding: chunked",
      body: `${"2710\r\n"}${"x".repeat(10_000)}\r\n`.repeat(100),
    },
  ];
  const cases = refused.flatMap((request) => bodies.map((body) => ({ ...request, ...body })));
  test.concurrent.for(cases)(
    "W14: is closed after the early answer to $name with a body $what",
    async ({ head, status, framing, body }) => {
      await using server = await startEcho();
      using connection = await openRaw(server.port);
      connection.send(`${head}\r\nHost: a\r\n${framing}\r\n\r\n`);
      await sleep(10);
      connection.send(body);
      const received = await connection.closed();
      expect(statuses(received)).toEqual([status]);
      expect(received).toMatch(/connection: close/i);
    },
  );

  test("ignores an offer to upgrade to HTTP/2", async () => {
    await using server = await startEcho();
    const offer =
      "\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    using connection = await openRaw(server.port);
    connection.send(getPage.replace("\r\n\r\n", offer));
    expect(statuses(await connection.until(/page$/))).toEqual([200]);
    connection.send(getPage);
    await expect.poll(() => statuses(connection.received)).toEqual([200, 200]);
  });
});

describe("HEAD and OPTIONS", () => {
  const cases = [
    { name: "HEAD of a page", request: "HEAD /page", status: 200, header: "content-length: 4" },
    {
      name: "HEAD of a GET binding",
      request: "HEAD /api/v1/notes/7",
      status: 200,
      header: "content-length: 10",
    },
    {
      name: "HEAD of nothing",
      request: "HEAD /nowhere",
      status: 404,
      header: "vary: Origin",
    },
    {
      name: "HEAD of an RPC",
      request: "HEAD /echo.v1.EchoService/Echo",
      status: 405,
      header: "allow: POST",
    },
    {
      name: "OPTIONS of a REST path",
      request: "OPTIONS /api/v1/notes/7",
      status: 204,
      header: "allow: GET, PUT",
    },
    {
      name: "OPTIONS of an RPC",
      request: "OPTIONS /echo.v1.EchoService/Look",
      status: 405,
      header: "allow: GET, POST",
    },
    {
      name: "OPTIONS of a page",
      request: "OPTIONS /page",
      status: 405,
      header: "allow: GET, HEAD",
    },
    {
      name: "OPTIONS of everything",
      request: "OPTIONS *",
      status: 204,
      header: "allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
    },
  ];
  test.for(cases)("$name over HTTP/1.1", async ({ request, status, header }) => {
    await using server = await startEcho();
    const text = `${request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
    const received = await exchangeRaw(server.port, text);
    expect(statuses(received)).toEqual([status]);
    expect(received).toContain(header);
  });

  test.for(cases.filter(({ request }) => request.startsWith("HEAD")))(
    "$name sends no body",
    async ({ request }) => {
      await using server = await startEcho();
      const text = `${request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
      expect(await exchangeRaw(server.port, text)).toMatch(/\r\n\r\n$/);
    },
  );

  test.for(cases)("$name over HTTP/2", async ({ request, status, header }) => {
    await using server = await startEcho();
    using session = openHttp2(server.port);
    const [verb, path] = request.split(" ");
    const answer = await requestHttp2(session, { ":method": verb, ":path": path });
    const [name = "", value] = header.split(": ");
    expect(answer).toMatchObject({ status, headers: { [name]: value }, reset: 0 });
  });
});

describe("an early answer over HTTP/2", () => {
  test.for([
    { name: "no such path", headers: { ":method": "POST", ":path": "/nowhere" }, status: 404 },
    { name: "a wrong verb", headers: { ":method": "POST", ":path": "/page" }, status: 405 },
    {
      name: "a wrong content type",
      headers: {
        ":method": "POST",
        ":path": "/echo.v1.EchoService/Echo",
        "content-type": "text/plain",
      },
      status: 415,
    },
    {
      name: "a body above the limit",
      headers: { ":method": "PUT", ":path": "/api/v1/notes/7" },
      status: 429,
    },
    {
      name: "a declared body above the limit",
      headers: { ":method": "PUT", ":path": "/api/v1/notes/7", "content-length": "1000000" },
      status: 429,
    },
  ])(
    "to $name ends the stream without an error and keeps the connection",
    async ({ headers, status }) => {
      await using server = await startEcho();
      using session = openHttp2(server.port);
      const answer = await requestHttp2(session, headers, "x".repeat(100_000), false);
      expect(answer).toMatchObject({ status, reset: 0 });
      expect(await requestHttp2(session, { ":path": "/page" })).toMatchObject({ status: 200 });
    },
  );

  test("reaches a gRPC client as a status", async () => {
    await using server = await startEcho();
    using session = openHttp2(server.port);
    const headers = {
      ":method": "POST",
      ":path": "/echo.v1.EchoService/Echo",
      "content-type": "application/grpc",
    };
    const answer = await requestHttp2(session, headers, "x".repeat(100_000), false);
    expect(answer).toMatchObject({ status: 200, trailers: { "grpc-status": "8" }, reset: 0 });
  });

  /** A request whose head is answered at once, and the frames of its stream. */
  async function openRefused(port: number, declared: [name: string, value: string][] = []) {
    const connection = await openRaw(port);
    const fields = headerBlock([
      [":method", "POST"],
      [":scheme", "http"],
      [":path", "/nowhere"],
      [":authority", "a"],
      ...declared,
    ]);
    connection.send(http2Opening);
    connection.send(http2Frame(frameTypes.headers, frameFlags.endHeaders, 1, fields));
    const frames = () =>
      framesOf(connection.received)
        .filter(({ streamId }) => streamId === 1)
        .map(({ type, payload }) => ({
          type,
          code: type === frameTypes.reset && payload.readUInt32BE(0),
        }));
    await expect
      .poll(() => frames().map(({ type }) => type))
      .toEqual(expect.arrayContaining(answerFrames));
    return { connection, frames };
  }
  const answerFrames = [frameTypes.headers, frameTypes.data];
  const data = (flags: number, bytes: number) =>
    http2Frame(frameTypes.data, flags, 1, Buffer.alloc(bytes));

  test("ends the stream without a reset when the rest of the body comes soon, which curl needs", async () => {
    await using server = await startEcho();
    const { connection, frames } = await openRefused(server.port);
    connection.send(data(frameFlags.endStream, 100));
    connection.send(http2Frame(frameTypes.ping, 0, 0, Buffer.alloc(8)));
    await expect
      .poll(() => framesOf(connection.received).some(({ type }) => type === frameTypes.ping))
      .toBe(true);
    expect(frames().map(({ type }) => type)).toEqual(answerFrames);
    connection[Symbol.dispose]();
  });

  test.for([
    { name: "does not come", pieces: 0 },
    { name: "comes in more pieces than are dropped", pieces: 65 },
  ])("is followed by RST_STREAM NO_ERROR if the rest of the body $name", async ({ pieces }) => {
    await using server = await startEcho();
    const { connection, frames } = await openRefused(server.port);
    for (let sent = 0; sent < pieces; sent += 1) connection.send(data(0, 1));
    await expect.poll(() => frames().at(-1)).toEqual({ type: frameTypes.reset, code: 0 });
    connection[Symbol.dispose]();
  });

  test("is followed by nothing if the client ends a large body early that it has declared", async () => {
    await using server = await startEcho();
    const { connection, frames } = await openRefused(server.port, [["content-length", "300000"]]);
    connection.send(data(frameFlags.endStream, 100));
    connection.send(http2Frame(frameTypes.ping, 0, 0, Buffer.alloc(8)));
    await expect
      .poll(() => framesOf(connection.received).some(({ type }) => type === frameTypes.ping))
      .toBe(true);
    expect(frames().map(({ type }) => type)).toEqual(answerFrames);
    connection[Symbol.dispose]();
  });
});

function closing(request: string): string {
  return request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
}
