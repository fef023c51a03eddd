import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { maxRequestsPerSocket, maxTextBytes } from "../../../src/wire/limits.ts";
import { type EchoHandlers, startEcho } from "../echo.ts";
import { openRaw, statuses } from "../raw.ts";

const look = (...fields: string[]) =>
  ["GET /api/v1/notes/7 HTTP/1.1", "Host: a", ...fields, "\r\n"].join("\r\n");
const getPage = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

/** Of the one answer, without what differs by nature. */
function headOf(received: string): string[] {
  const head = received.slice(0, received.indexOf("\r\n\r\n"));
  return head
    .split("\r\n")
    .map((line) => line.replace(/^(Date|x-request-id|content-length): .+/, "$1"));
}

async function headFor(handlers: EchoHandlers, request = look()): Promise<string[]> {
  await using server = await startEcho(handlers);
  using connection = await openRaw(server.port);
  connection.send(request);
  return headOf(await connection.until(/\r\n\r\n/));
}

describe("an answer has the same head, whether it is sent as text or by Node", () => {
  test("to GET and to HEAD", async () => {
    const asText = await headFor({});
    expect(asText).toEqual(await headFor({}, look().replace("GET", "HEAD")));
    expect(asText.slice(-3)).toEqual([
      "Date",
      "Connection: keep-alive",
      "Keep-Alive: timeout=65, max=10000",
    ]);
  });

  test("to HTTP/1.0 that keeps the connection", async () => {
    const older = look("Connection: keep-alive").replace("HTTP/1.1", "HTTP/1.0");
    expect(await headFor({}, older)).toEqual(await headFor({}));
  });

  test.for<{ status: number; target: string; text: string; handlers?: EchoHandlers }>([
    { status: 204, target: "OPTIONS /api/v1/notes/7", text: "No Content" },
    { status: 404, target: "GET /api/v1/nothing", text: "Not Found" },
    { status: 405, target: "DELETE /api/v1/notes/7", text: "Method Not Allowed" },
    {
      status: 499,
      target: "GET /api/v1/notes/7",
      text: "unknown",
      handlers: {
        look() {
          throw new ConnectError("no longer", Code.Canceled);
        },
      },
    },
  ])("with status $status", async ({ status, target, text, handlers = {} }) => {
    const request = look().replace("GET /api/v1/notes/7", target);
    const closing = request.replace("Host: a", "Host: a\r\nConnection: close");
    const [asText, byNode] = [await headFor(handlers, request), await headFor(handlers, closing)];
    expect(asText[0]).toBe(`HTTP/1.1 ${status} ${text}`);
    expect(asText.slice(0, -2)).toEqual(byNode.slice(0, -1));
  });

  test.for([0, 1])("of a body that is %d bytes longer than fits into a text", async (more) => {
    const text = "é".repeat((maxTextBytes - 20) / 2) + "x".repeat(4 + more);
    await using server = await startEcho({ look: () => ({ text, id: "" }) });
    using connection = await openRaw(server.port);
    connection.send(look() + getPage);
    const received = await connection.until(/page$/);
    const length = Number(/content-length: (\d+)/.exec(received)?.[1]);
    expect(Math.sign(length - maxTextBytes)).toBeLessThanOrEqual(more);
    const body = received.slice(received.indexOf("\r\n\r\n") + 4).slice(0, length);
    expect(JSON.parse(Buffer.from(body, "latin1").toString())).toEqual({ text });
    expect(headOf(received)).toEqual(await headFor({}));
  });
});

test("an answer has the time in seconds", async () => {
  await using server = await startEcho();
  using connection = await openRaw(server.port);
  const second = () => 1_000 * Math.floor(Date.now() / 1_000);
  for (let round = 0; round < 2; round += 1) {
    const earliest = second();
    connection.send(look());
    await expect.poll(() => statuses(connection.received)).toHaveLength(round + 1);
    const [, latest = ""] = [...connection.received.matchAll(/^date: (.+)\r$/gim)].at(-1) ?? [];
    const date = Date.parse(latest);
    expect(date).toBeGreaterThanOrEqual(earliest);
    expect(date).toBeLessThanOrEqual(second());
    await sleep(1_001);
  }
});

describe("headers of a handler", () => {
  test.for([
    { name: "x-plain", value: "a b", line: "x-plain: a b" },
    { name: "x-latin", value: "h\u00e9", line: "x-latin: h\u00e9" },
    { name: "X-2", value: "two", line: "x-2: two" },
    { name: "connection", value: "close", line: "connection: close" },
    { name: "date", value: "today", line: "date: today" },
    { name: "keep-alive", value: "timeout=1", line: "keep-alive: timeout=1" },
  ])("$name is sent as Node sends it", async ({ name, value, line }) => {
    const set: EchoHandlers = {
      look(note, { responseHeader }) {
        responseHeader.set(name, value);
        return note;
      },
    };
    const asText = await headFor(set);
    expect(asText.join("\n").toLowerCase()).toContain(line);
    expect(asText).toEqual(await headFor(set, look().replace("GET", "HEAD")));
  });
});

test("a header that Node refuses makes an error of the answer, and those behind come one at a time", async () => {
  let running = 0;
  let most = 0;
  await using server = await startEcho({
    async look(note, { responseHeader }) {
      if (note.id === "bad") responseHeader.set("x-bad", "a\u0001b");
      most = Math.max(most, ++running);
      await sleep(5);
      running -= 1;
      return note;
    },
  });
  using connection = await openRaw(server.port);
  connection.send(look().replace("/7", "/bad") + look().repeat(4) + getPage);
  const received = await connection.until(/page$/);
  expect(statuses(received)).toEqual([500, 200, 200, 200, 200, 200]);
  expect(most).toBe(1);
});

describe("requests that Node answers by itself", () => {
  const tooMany = `GET /page HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(101)}\r\n`;
  const noHost = "GET /page HTTP/1.1\r\n\r\n";
  test.for([
    { name: "too many headers", request: tooMany, status: 431 },
    { name: "no host", request: noHost, status: 400 },
    { name: "no HTTP", request: "\u0000\r\n\r\n", status: 400 },
  ])("$name: its answer is the last, and in order", async ({ request, status }) => {
    await using server = await startEcho({
      async look(note) {
        await sleep(50);
        return note;
      },
    });
    using connection = await openRaw(server.port);
    connection.send(look() + look() + request + getPage + getPage);
    const [last, ...before] = statuses(await connection.closed()).reverse();
    expect(last).toBe(status);
    // Node answers some of them at once, and drops those before.
    expect([[], [200, 200]]).toContainEqual(before);
    using next = await openRaw(server.port);
    next.send(getPage);
    await next.until(/page$/);
  });
});

test.for([
  { name: "HEAD, whose answer has no content", request: getPage.replace("GET", "HEAD"), end: "" },
  {
    name: "a stream",
    request:
      [
        "POST /echo.v1.EchoService/Spread HTTP/1.1",
        ...["Host: a", "Content-Type: application/grpc-web", "Content-Length: 5", "\r\n"],
      ].join("\r\n") + "\0".repeat(5),
    end: "0",
  },
])("a connection goes on after $name", async ({ request, end }) => {
  await using server = await startEcho({
    async *spread(note) {
      yield note;
    },
  });
  using connection = await openRaw(server.port);
  connection.send(request);
  await connection.until(new RegExp(`${end}\r\n\r\n$`));
  const before = connection.received;
  connection.send(getPage);
  const received = await connection.until(/page$/);
  expect(received.slice(before.length)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
});

test("a connection has its share of requests, and the last answer says so", async () => {
  await using server = await startEcho();
  using connection = await openRaw(server.port);
  for (let count = 0; count < maxRequestsPerSocket; count += 100) {
    connection.send(getPage.repeat(100));
  }
  connection.send(getPage);
  const answers = (await connection.closed()).split(/HTTP\/1\.1 (?=\d)/).slice(1);
  // What comes behind the last one is dropped.
  expect(answers).toHaveLength(maxRequestsPerSocket);
  const closing = answers.flatMap((answer, at) => (/connection: close/i.test(answer) ? [at] : []));
  expect(closing).toEqual([maxRequestsPerSocket - 1]);
});

test("an answer in text that is not read waits, and counts as unsent", async () => {
  const clientLimits = { unsentTimeoutMs: 200 };
  const text = "x".repeat(maxTextBytes - 100);
  await using server = await startEcho({ look: (note) => ({ ...note, text }) }, { clientLimits });
  using connection = await openRaw(server.port);
  connection.pause();
  // More than the system holds.
  for (let count = 0; count < 3_000; count += 1) connection.send(look());
  await expect.poll(() => server.listener.load().connections).toBe(0);
});
