import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { startEcho } from "../echo.ts";
import {
  frameFlags,
  framesOf,
  frameTypes,
  http2Frame,
  http2Opening,
  openRaw,
  type RawConnection,
} from "../raw.ts";
import { binaryNote, envelope } from "../speak.ts";
import {
  expectServed,
  getPage,
  lastPage,
  openEnded,
  openStream,
  others,
  requestFrame,
  streamRequest,
} from "./strangers.ts";

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
    await expect.poll(() => server.listener.load().connections).toBe(0);
    await expectServed(server.port, "127.0.0.1");
  });

  test("A4: HTTP/2 with a window of 0: the stream is reset, the connection stays", async () => {
    await using server = await startEcho({}, { clientLimits: { unsentTimeoutMs: 300 } });
    using connection = await openRaw(server.port);
    connection.send(Buffer.concat([openingWithWindow(0), requestFrame(1, "/page")]));
    const resets = () =>
      framesOf(connection.received).filter(({ type }) => type === frameTypes.reset);
    await expect.poll(resets).toMatchObject([{ streamId: 1 }]);
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
    await expect.poll(() => server.listener.load().connections).toBe(0);
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
    await expect.poll(() => server.outcomes).toHaveLength(1);
  });

  test("A4: a client that reads slowly gets all of it", async () => {
    await using server = await startEcho(
      {},
      { ...bigPage, clientLimits: { unsentTimeoutMs: 6_000 } },
    );
    const response = await fetch(`${server.url}/big`);
    let bytes = 0;
    let nextRest = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes < nextRest) continue;
      // All rests together are longer than the time without progress, and each is far shorter.
      nextRest += big.byteLength / 16;
      await sleep(450);
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
