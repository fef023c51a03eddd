import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { maxPipelined } from "../../../src/wire/limits.ts";
import { startEcho } from "../echo.ts";
import { openRaw, statuses } from "../raw.ts";
import { expectServed, getPage, lastPage, openEnded, openStream, others } from "./strangers.ts";

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
    await expect.poll(() => server.listener.load().calls).toBe(1);
    release();
    const ids = () =>
      [...connection.received.matchAll(/"id":"(\d+)"/g)].map(([, id]) => Number(id));
    await expect.poll(() => ids().length).toBe(count);
    expect(ids()).toEqual(Array.from({ length: count }, (_, id) => id));
  });

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

  test("A1: requests without a host wait like others", async () => {
    await using server = await startEcho(openEnded().handlers, {
      clientLimits: { maxWaitingRequestsEach: 2 * maxPipelined },
    });
    using first = await openStream(server.port);
    using second = await openStream(server.port);
    using third = await openStream(server.port);
    for (const each of [first, second, third]) {
      await each.until(/200 OK/);
      each.send("GET /page HTTP/1.1\r\n\r\n".repeat(100));
    }
    expect(statuses(await third.closed())).toEqual([200]);
    expect(server.listener.load().connections).toBe(2);
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
