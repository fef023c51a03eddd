import { setTimeout as sleep } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { clientLimits } from "../../../src/wire/limits.ts";
import { startEcho } from "../echo.ts";
import {
  exchangeRaw,
  framesOf,
  frameTypes,
  http2Opening,
  openHttp2,
  openRaw,
  type RawConnection,
  requestHttp2,
} from "../raw.ts";
import { binaryNote, envelope } from "../speak.ts";
import { expectServed, getPage, openEnded, openStream, others, requestFrame } from "./strangers.ts";

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
    await third.until(/grpc-status: 8\r\n/);
    using theirs = await openStream(server.port, others);
    await theirs.until(/200 OK/);
    first[Symbol.dispose]();
    await expect.poll(() => server.outcomes.map(({ status }) => status)).toEqual([200, 200]);
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

  test("A3: a stream that is too old is cut off if its handler does not look", async () => {
    await using server = await startEcho(
      {
        async *spread(note) {
          for (;;) {
            yield note;
            await sleep(200);
          }
        },
      },
      { clientLimits: { maxStreamAgeMs: 300 } },
    );
    using session = openHttp2(server.port);
    const path = "/echo.v1.EchoService/Spread";
    const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc" };
    const { reset } = await requestHttp2(session, headers, envelope(binaryNote()));
    expect(reset).toBe(8);
    await expect.poll(() => server.outcomes).toMatchObject([{ error: { code: Code.Unavailable } }]);
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
    expect(answer.trailers).toMatchObject({
      "grpc-status": String(Code.Unavailable),
      "grpc-message": "the stream is too old; open it again",
    });
    await expect.poll(() => server.outcomes).toMatchObject([{ error: { code: Code.Unavailable } }]);
    expect(await requestHttp2(session, { ":path": "/page" })).toMatchObject({ status: 200 });
  });
});
