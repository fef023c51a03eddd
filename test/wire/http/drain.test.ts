import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { type EchoHandlers, startEcho } from "../echo.ts";
import { exchangeRaw, openHttp2, openRaw, requestHttp2, statuses, watch } from "../raw.ts";
import { binaryNote, envelope, speakers } from "../speak.ts";

const tlsFile = (name: string) =>
  fileURLToPath(new URL(`../../support/tls/${name}`, import.meta.url));
const tls = { certFile: tlsFile("cert.pem"), keyFile: tlsFile("key.pem") };
const putSlow = "PUT /api/v1/notes/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
const getPage = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

/** A handler that answers the note "slow" only when told to. */
function heldBack() {
  let release = () => {};
  let noteCall = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const called = new Promise<void>((resolve) => {
    noteCall = resolve;
  });
  const signals: AbortSignal[] = [];
  const handlers: EchoHandlers = {
    async echo(note, { signal }) {
      signals.push(signal);
      noteCall();
      if (note.id === "slow") await released;
      return note;
    },
  };
  return { handlers, release: () => release(), called, signals };
}

describe("while the server drains", () => {
  test.for(speakers)("a call in flight ends well: $name", async ({ say }) => {
    const { handlers, release, called } = heldBack();
    await using server = await startEcho(handlers);
    const reply = say(server, { note: { id: "slow" } });
    await called;
    const closed = server.listener.close(60_000);
    await sleep(20);
    release();
    expect(await reply).toMatchObject({ code: 0, note: { id: "slow" } });
    await closed;
  });

  test("HTTP/2 clients get a GOAWAY, and idle ones are closed", async () => {
    await using server = await startEcho();
    using session = openHttp2(server.port);
    await requestHttp2(session, { ":path": "/page" });
    const goAway = once(session, "goaway");
    await server.listener.close(60_000);
    expect((await goAway)[0]).toBe(0);
  });

  test("a busy HTTP/2 client gets a GOAWAY, too", async () => {
    const { handlers, release, called } = heldBack();
    await using server = await startEcho(handlers);
    using session = openHttp2(server.port);
    const answer = requestHttp2(session, { ":method": "PUT", ":path": "/api/v1/notes/slow" }, "{}");
    await called;
    const goAway = once(session, "goaway");
    const closed = server.listener.close(60_000);
    await goAway;
    release();
    expect(await answer).toMatchObject({ status: 200 });
    await closed;
  });

  test("idle HTTP/1.1 connections are closed, busy ones after their answer", async () => {
    const { handlers, release, called } = heldBack();
    await using server = await startEcho(handlers);
    using idle = await openRaw(server.port);
    idle.send(getPage);
    await idle.until(/page$/);
    using silent = await openRaw(server.port);
    using busy = await openRaw(server.port);
    busy.send(putSlow);
    await called;
    const closed = server.listener.close(60_000);
    await idle.closed();
    await silent.closed();
    release();
    expect(await busy.closed()).toMatch(/^HTTP\/1\.1 200 OK\r\n.*connection: close/is);
    await closed;
  });

  test("a call in flight over TLS ends well", async () => {
    const { handlers, release, called } = heldBack();
    await using server = await startEcho(handlers, {}, tls);
    const socket = connectTls({ port: server.port, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    using busy = watch(socket);
    busy.send(putSlow);
    await called;
    const closed = server.listener.close(600_000);
    await sleep(20);
    release();
    expect(statuses(await busy.closed())).toEqual([200]);
    await closed;
  });

  test("calls sent ahead on a closing connection are not made", async () => {
    const { handlers, release, called } = heldBack();
    await using server = await startEcho(handlers);
    using busy = await openRaw(server.port);
    busy.send(putSlow);
    await called;
    const closed = server.listener.close(60_000);
    busy.send("GET /api/v1/notes/late HTTP/1.1\r\nHost: a\r\n\r\n");
    release();
    expect(statuses(await busy.closed())).toEqual([200]);
    await closed;
    expect(server.outcomes.filter(({ error }) => error === undefined)).toHaveLength(1);
  });

  /** A page of so many bytes, and how often it was asked for. */
  function countedPage(bytes: number) {
    const body = Buffer.alloc(bytes, "x");
    let asked = 0;
    const page = () => {
      asked += 1;
      return { status: 200, headers: {}, body };
    };
    return { pages: new Map([["/page", page]]), asked: () => asked };
  }

  test("an HTTP/1.1 answer of which the client has not read the end is not cut off", async () => {
    const bytes = 60_000;
    const { pages, asked } = countedPage(bytes);
    await using server = await startEcho({}, { pages });
    using connection = await openRaw(server.port);
    connection.pause();
    // More than the system holds: so one answer has been handed over, and is not sent whole.
    connection.send(getPage.repeat(400));
    let before = -1;
    while (before !== asked()) {
      before = asked();
      await sleep(200);
    }
    expect(before).toBeLessThan(400);
    const closed = server.listener.close(600_000);
    connection.resume();
    const received = await connection.closed();
    const bodies = received.split(/HTTP\/1\.1 200 OK\r\n.+?\r\n\r\n/s).slice(1);
    expect(bodies.length).toBeGreaterThanOrEqual(before);
    expect(new Set(bodies.map(({ length }) => length))).toEqual(new Set([bytes]));
    await closed;
  });

  test("HTTP/1.1 connections are closed one by one after answers that were begun before", async () => {
    const { pages, asked } = countedPage(8_000_000);
    await using server = await startEcho({}, { pages });
    using first = await openRaw(server.port);
    using second = await openRaw(server.port);
    for (const connection of [first, second]) {
      connection.pause();
      connection.send(getPage);
    }
    await expect.poll(asked).toBe(2);
    const closed = server.listener.close(600_000);
    for (const connection of [first, second]) {
      connection.resume();
      const received = await connection.closed();
      expect(received.length - received.indexOf("\r\n\r\n") - 4).toBe(8_000_000);
    }
    await closed;
  });

  test.for([
    { kind: "a call", path: "/echo.v1.EchoService/Echo", type: "application/json" },
    { kind: "a stream", path: "/echo.v1.EchoService/Spread", type: "application/connect+json" },
  ])("$kind whose head comes late is refused", async ({ path, type }) => {
    await using server = await startEcho();
    using late = await openRaw(server.port);
    late.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\n`);
    // What came before this was read before it.
    await exchangeRaw(server.port, "GET /page HTTP/1.0\r\n\r\n");
    const closed = server.listener.close(60_000);
    late.send("Content-Length: 2\r\n\r\n{}");
    const answer = await late.closed();
    expect(answer).toContain('"code":"unavailable","message":"shutting down"');
    expect(answer).toContain('"reason":"DRAINING"');
    expect(answer).toMatch(/retry-after/);
    await closed;
  });

  test("new connections are refused", async () => {
    await using server = await startEcho();
    await server.listener.close(0);
    const socket = connectTcp(server.port, "127.0.0.1");
    expect(await once(socket, "error")).toMatchObject([{ code: "ECONNREFUSED" }]);
  });
});

describe("at the end of the drain", () => {
  test.for(speakers)("a call that still runs is broken off: $name", async ({ say }) => {
    const { handlers, called, signals } = heldBack();
    await using server = await startEcho(handlers);
    const reply = say(server, { note: { id: "slow" } }).catch(() => ({ code: Number.NaN }));
    await called;
    await server.listener.close(20);
    expect((await reply).code).not.toBe(0);
    await expect.poll(() => signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  test.for([
    { what: "a stream", method: "Spread" },
    { what: "a stream that waits for its client", method: "Talk" },
  ])("$what is told that the server is unavailable", async ({ method }) => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    await using server = await startEcho({
      async *spread(note, { signal }) {
        begin();
        yield note;
        await once(signal, "abort");
        signal.throwIfAborted();
      },
      async *talk(notes) {
        begin();
        yield* notes;
      },
    });
    using session = openHttp2(server.port);
    const headers = {
      ":method": "POST",
      ":path": `/echo.v1.EchoService/${method}`,
      "content-type": "application/grpc",
    };
    const answer = requestHttp2(session, headers, envelope(binaryNote()), method === "Spread");
    await begun;
    await server.listener.close(20);
    expect((await answer).trailers).toMatchObject({ "grpc-status": String(Code.Unavailable) });
  });

  test("a client in its TLS handshake is cut off", async () => {
    await using server = await startEcho({}, {}, tls);
    using connection = await openRaw(server.port);
    connection.send("\u0016");
    await sleep(20);
    let isClosed = false;
    void connection.closed().then(() => {
      isClosed = true;
    });
    await server.listener.close(20);
    // Sooner than the timeout of the handshake.
    await expect.poll(() => isClosed, { timeout: 4_000 }).toBe(true);
  });
});
