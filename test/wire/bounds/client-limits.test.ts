import { setTimeout as sleep } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { clientLimits, maxPipelined } from "../../../src/wire/limits.ts";
import { type EchoHandlers, startEcho } from "../echo.ts";
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
  type RawConnection,
  requestHttp2,
  statuses,
} from "../raw.ts";
import { binaryNote, envelope } from "../speak.ts";

// What a client without a token can make the server hold. Other clients have other addresses of loopback.

const getPage = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
const lastPage = getPage.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
const others = "127.0.0.2";

async function expectServed(port: number, localAddress: string): Promise<void> {
  using connection = await openRaw(port, localAddress);
  connection.send(lastPage);
  expect(statuses(await connection.closed())).toEqual([200]);
}

/** A stream that ends when it is told to. */
function openEnded() {
  const signals: AbortSignal[] = [];
  const handlers: EchoHandlers = {
    async *spread(_note, { signal }) {
      signals.push(signal);
      yield { text: "a" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      signal.throwIfAborted();
    },
    async *talk(notes) {
      yield { text: "a" };
      for await (const { text } of notes) yield { text };
    },
  };
  return { handlers, signals };
}

const streamRequest = (method = "Spread") => {
  const body = envelope(binaryNote({ text: "x" }));
  const head = `POST /echo.v1.EchoService/${method} HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc-web\r\nContent-Length: ${body.byteLength}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
};

async function openStream(port: number, localAddress?: string): Promise<RawConnection> {
  const connection = await openRaw(port, localAddress);
  connection.send(streamRequest());
  return connection;
}

const requestFrame = (id: number, path: string, more: readonly [string, string][] = []) =>
  http2Frame(
    frameTypes.headers,
    frameFlags.endHeaders | (more.length === 0 ? frameFlags.endStream : 0),
    id,
    headerBlock([
      [":method", more.length === 0 ? "GET" : "POST"],
      [":scheme", "http"],
      [":path", path],
      [":authority", "a"],
      ...more,
    ]),
  );

describe("A1: pipelined requests", () => {
  test("A1: a handful waits, then nothing is read; all are answered in order", async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using server = await startEcho({
      async look(note) {
        await released;
        return note;
      },
    });
    using connection = await openRaw(server.port);
    const filler = "x".repeat(15_000);
    const request = (id: number) =>
      `GET /api/v1/notes/${id} HTTP/1.1\r\nHost: a\r\nX: ${filler}\r\n\r\n`;
    const count = 1_500;
    for (let id = 0; id < count; id += 1) connection.send(request(id));
    // More than the system holds for the two of us.
    expect(count * filler.length).toBeGreaterThan(20_000_000);
    let before = -1;
    while (before !== connection.stuck()) {
      before = connection.stuck();
      await sleep(300);
    }
    expect(before).toBeGreaterThan(0);
    expect(server.listener.load().calls).toBe(1);
    release();
    const ids = () =>
      [...connection.received.matchAll(/"id":"(\d+)"/g)].map(([, id]) => Number(id));
    await expect.poll(() => ids().length, { timeout: 30_000 }).toBe(count);
    expect(ids()).toEqual(Array.from({ length: count }, (_, id) => id));
  }, 60_000);

  test("A1: in one piece with thousands, still a handful waits", async () => {
    const { handlers, signals } = openEnded();
    await using server = await startEcho(handlers, {
      clientLimits: { maxWaitingRequestsEach: 2 * maxPipelined },
    });
    using connection = await openStream(server.port);
    await connection.until(/200 OK/);
    connection.send(getPage.repeat(5_000));
    await expectServed(server.port, "127.0.0.1");
    expect(signals).toHaveLength(1);
    expect(server.listener.load().connections).toBe(1);
    expect(statuses(connection.received)).toEqual([200]);
  });

  test("A1: on many connections, a client has a bound, and the last ones are closed", async () => {
    await using server = await startEcho(openEnded().handlers, {
      clientLimits: { maxWaitingRequestsEach: 2 * maxPipelined },
    });
    using first = await openStream(server.port);
    using second = await openStream(server.port);
    using third = await openStream(server.port);
    for (const each of [first, second, third]) {
      await each.until(/200 OK/);
      each.send(getPage.repeat(100));
    }
    expect(statuses(await third.closed())).toEqual([200]);
    expect(server.listener.load().connections).toBe(2);
    await expectServed(server.port, "127.0.0.1");
  });

  test("A1: whoever has most waiting makes room for others", async () => {
    await using server = await startEcho(openEnded().handlers, {
      clientLimits: { maxWaitingRequests: maxPipelined + 2 },
    });
    using bad = await openStream(server.port);
    await bad.until(/200 OK/);
    bad.send(getPage.repeat(99));
    using good = await openStream(server.port, others);
    await good.until(/200 OK/);
    good.send(getPage.repeat(5));
    expect(statuses(await bad.closed())).toEqual([200]);
    expect(server.listener.load().connections).toBe(1);
  });

  test.for([
    { name: "of a told length", framing: "Content-Length: 4000", body: "\r\n\r\n".repeat(1_000) },
    {
      name: "in chunks",
      framing: "Transfer-Encoding: chunked",
      body: `${"fa0\r\n"}${"\r\n\r\n".repeat(1_000)}\r\n`.repeat(10).concat("0\r\n\r\n"),
    },
  ])("A1: bodies that look like heads are read, $name", async ({ framing, body }) => {
    await using server = await startEcho();
    using connection = await openRaw(server.port);
    const put = `PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${body}`;
    // White space alone is an empty message.
    connection.send((put + getPage).repeat(20) + lastPage);
    const want = Array.from({ length: 41 }, () => 200);
    expect(statuses(await connection.closed())).toEqual(want);
    expect(connection.received.match(/"id":"7"/g)).toHaveLength(20);
  });
});

describe("A3: connections and streams", () => {
  test("A3: four addresses are needed to take all connections, eight to take all streams", () => {
    const { maxConnections, maxConnectionsEach, maxStreams, maxStreamsEach } = clientLimits;
    expect(maxConnectionsEach * 4).toBe(maxConnections);
    expect(maxStreamsEach * 8).toBe(maxStreams);
  });

  test("A3: one address has so many connections and no more", async () => {
    await using server = await startEcho({}, { clientLimits: { maxConnectionsEach: 3 } });
    const mine = await Promise.all([1, 2, 3].map(() => openRaw(server.port)));
    await expect.poll(() => server.listener.load().connections).toBe(3);
    expect(await exchangeRaw(server.port, "")).toBe("");
    await expectServed(server.port, others);
    for (const connection of mine) connection.send(getPage);
    for (const connection of mine) await connection.until(/page$/);
    mine[0]?.[Symbol.dispose]();
    await expect.poll(() => server.listener.load().connections).toBe(2);
    await expectServed(server.port, "127.0.0.1");
    for (const connection of mine) connection[Symbol.dispose]();
  });

  test("A3: whoever has most connections makes room for others", async () => {
    await using server = await startEcho({}, { clientLimits: { maxConnections: 4 } });
    const mine: RawConnection[] = [];
    for (let count = 1; count <= 4; count += 1) {
      mine.push(await openRaw(server.port));
      await expect.poll(() => server.listener.load().connections).toBe(count);
    }
    await expectServed(server.port, others);
    expect(await mine[0]?.closed()).toBe("");
    expect(server.listener.load().connections).toBe(3);
    for (const connection of mine) connection[Symbol.dispose]();
  });

  test("A3: one address has so many streams and no more", async () => {
    await using server = await startEcho(openEnded().handlers, {
      clientLimits: { maxStreamsEach: 2 },
    });
    using first = await openStream(server.port);
    using second = await openStream(server.port);
    for (const each of [first, second]) await each.until(/200 OK/);
    using third = await openStream(server.port);
    await third.until(/429 .*retry-after: 1.*too many streams/s);
    using theirs = await openStream(server.port, others);
    await theirs.until(/200 OK/);
    first[Symbol.dispose]();
    await expect.poll(() => server.outcomes.map(({ status }) => status)).toEqual([429, 200]);
    using again = await openStream(server.port);
    await again.until(/200 OK/);
    expect(server.outcomes[0]?.error?.code).toBe(Code.ResourceExhausted);
  });

  test("A3: whoever has most streams makes room for others, and is told", async () => {
    await using server = await startEcho(openEnded().handlers, {
      clientLimits: { maxStreams: 3 },
    });
    using first = await openStream(server.port);
    await first.until(/200 OK/);
    using second = await openStream(server.port);
    using third = await openStream(server.port);
    for (const each of [second, third]) await each.until(/200 OK/);
    using theirs = await openStream(server.port, others);
    await theirs.until(/200 OK/);
    await first.until(/grpc-status: 8/);
    expect(second.received + third.received).not.toContain("grpc-status");
  });

  test("A3: one address has so many HTTP/2 requests open and no more, over all connections", async () => {
    await using server = await startEcho(
      { look: () => new Promise(() => undefined) },
      { clientLimits: { maxRequestsEach: 2 } },
    );
    const get = requestFrame(1, "/api/v1/notes/7");
    using first = await openRaw(server.port);
    using second = await openRaw(server.port);
    for (const each of [first, second]) each.send(Buffer.concat([http2Opening, get]));
    await expect.poll(() => server.listener.load().calls).toBe(2);
    using third = await openRaw(server.port);
    third.send(Buffer.concat([http2Opening, get]));
    const resets = () => framesOf(third.received).filter(({ type }) => type === frameTypes.reset);
    const refusedStream = Buffer.of(0, 0, 0, 7);
    await expect.poll(resets).toMatchObject([{ streamId: 1, payload: refusedStream }]);
    using theirs = await openRaw(server.port, others);
    theirs.send(Buffer.concat([http2Opening, requestFrame(1, "/page")]));
    await theirs.until(/page/);
    first[Symbol.dispose]();
    await expect.poll(() => server.listener.load().calls).toBe(1);
    third.send(requestFrame(3, "/page"));
    await third.until(/page/);
  });

  test.for(["Spread", "Talk"])("A3: a stream does not grow old: %s", async (method) => {
    await using server = await startEcho(openEnded().handlers, {
      clientLimits: { maxStreamAgeMs: 300 },
    });
    using session = openHttp2(server.port);
    const answer = await requestHttp2(
      session,
      {
        ":method": "POST",
        ":path": `/echo.v1.EchoService/${method}`,
        "content-type": "application/grpc",
      },
      envelope(binaryNote()),
      method === "Spread",
    );
    // A handler that waits for its client cannot say why.
    if (method === "Spread") {
      expect(answer.trailers).toMatchObject({
        "grpc-status": String(Code.Unavailable),
        "grpc-message": "the stream is too old; open it again",
      });
    }
    await expect.poll(() => server.outcomes).toHaveLength(1);
    expect(await requestHttp2(session, { ":path": "/page" })).toMatchObject({ status: 200 });
  });
});

const big = Buffer.alloc(16_000_000, "x");
const bigPage = {
  pages: new Map([
    ["/big", () => ({ status: 200, headers: {}, body: big })],
    ["/half", () => ({ status: 200, headers: {}, body: big.subarray(big.byteLength / 2) })],
    ["/page", () => ({ status: 200, headers: {}, body: Buffer.from("page") })],
  ]),
};
const getBig = getPage.replace("/page", "/big");

/** HTTP/2 with a given window for each stream. */
function openingWithWindow(bytes: number): Buffer {
  const setting = Buffer.alloc(6);
  setting.writeUInt16BE(4, 0);
  setting.writeUInt32BE(bytes, 2);
  const { settings } = frameTypes;
  const preface = http2Opening.subarray(0, http2Opening.byteLength - 9);
  return Buffer.concat([preface, http2Frame(settings, 0, 0, setting)]);
}

describe("A4: answers that nobody reads", () => {
  test("A4: HTTP/1.1: the connection is closed", async () => {
    await using server = await startEcho(
      {},
      { ...bigPage, clientLimits: { unsentTimeoutMs: 300 } },
    );
    using connection = await openRaw(server.port);
    connection.pause();
    connection.send(getBig);
    await expect.poll(() => server.outcomes.length).toBe(1);
    await expect.poll(() => server.listener.load().connections, { timeout: 5_000 }).toBe(0);
    await expectServed(server.port, "127.0.0.1");
  });

  test("A4: HTTP/2 with a window of 0: the stream is reset, the connection stays", async () => {
    await using server = await startEcho({}, { clientLimits: { unsentTimeoutMs: 300 } });
    using connection = await openRaw(server.port);
    connection.send(Buffer.concat([openingWithWindow(0), requestFrame(1, "/page")]));
    const resets = () =>
      framesOf(connection.received).filter(({ type }) => type === frameTypes.reset);
    await expect.poll(resets, { timeout: 5_000 }).toMatchObject([{ streamId: 1 }]);
    expect(server.listener.load().connections).toBe(1);
  });

  test("A4: HTTP/2 whose socket is not read: the connection is closed", async () => {
    await using server = await startEcho(
      {},
      { ...bigPage, clientLimits: { unsentTimeoutMs: 300 } },
    );
    using connection = await openRaw(server.port);
    const increment = Buffer.from([0x7f, 0, 0, 0]);
    const window = http2Frame(frameTypes.windowUpdate, 0, 0, increment);
    connection.pause();
    connection.send(Buffer.concat([openingWithWindow(0x7fffffff), window]));
    connection.send(requestFrame(1, "/big"));
    await expect.poll(() => server.outcomes.length).toBe(1);
    await expect.poll(() => server.listener.load().connections, { timeout: 5_000 }).toBe(0);
  });

  test.for(["1.1", "2"])("A4: a stream over HTTP/%s", async (version) => {
    await using server = await startEcho(
      {
        async *spread() {
          for (;;) yield { text: "x".repeat(60_000) };
        },
      },
      { clientLimits: { unsentTimeoutMs: 300 } },
    );
    using connection = await openRaw(server.port);
    connection.pause();
    if (version === "1.1") {
      connection.send(streamRequest());
    } else {
      const path = "/echo.v1.EchoService/Spread";
      connection.send(openingWithWindow(0));
      connection.send(requestFrame(1, path, [["content-type", "application/grpc"]]));
      const body = envelope(binaryNote());
      connection.send(http2Frame(frameTypes.data, frameFlags.endStream, 1, body));
    }
    await expect.poll(() => server.outcomes, { timeout: 5_000 }).toHaveLength(1);
  });

  test("A4: a client that reads slowly gets all of it", async () => {
    await using server = await startEcho(
      {},
      { ...bigPage, clientLimits: { unsentTimeoutMs: 1_000 } },
    );
    const response = await fetch(`${server.url}/big`);
    let bytes = 0;
    let nextRest = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes < nextRest) continue;
      nextRest += big.byteLength / 8;
      await sleep(300);
    }
    expect(bytes).toBe(big.byteLength);
  });

  test("A4: a stream with nothing to say is left alone", async () => {
    await using server = await startEcho(openEnded().handlers, {
      clientLimits: { unsentTimeoutMs: 200 },
    });
    using connection = await openStream(server.port);
    await connection.until(/200 OK/);
    await sleep(1_000);
    expect(server.outcomes).toEqual([]);
    expect(server.listener.load().connections).toBe(1);
  });

  test("A4: all together are bounded: whoever has most waiting loses it", async () => {
    await using server = await startEcho(
      {},
      { ...bigPage, clientLimits: { maxUnsentBytes: 35_000_000 } },
    );
    using bad = await openRaw(server.port);
    using worse = await openRaw(server.port, others);
    for (const each of [bad, worse]) {
      each.send(Buffer.concat([openingWithWindow(0), requestFrame(1, "/big")]));
    }
    await expect.poll(() => server.outcomes.length).toBe(2);
    const half = lastPage.replace("/page", "/half");
    using good = await openRaw(server.port, "127.0.0.3");
    good.send(half);
    expect((await good.closed()).length).toBeGreaterThan(big.byteLength / 2);
    const resets = ({ received }: RawConnection) =>
      framesOf(received).filter(({ type }) => type === frameTypes.reset).length;
    await expect.poll(() => resets(bad) + resets(worse)).toBe(1);
  });

  test("A4: one client is bounded: a second large answer is broken off", async () => {
    await using server = await startEcho({}, bigPage);
    using connection = await openRaw(server.port);
    const requests = [1, 3].map((id) => requestFrame(id, "/big"));
    connection.send(Buffer.concat([openingWithWindow(0), ...requests]));
    const resets = () =>
      framesOf(connection.received).filter(({ type }) => type === frameTypes.reset);
    await expect.poll(resets).toMatchObject([{ streamId: 3 }]);
  });
});
