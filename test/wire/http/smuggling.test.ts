import { describe, expect, test } from "vitest";
import { startEcho } from "../echo.ts";
import { exchangeRaw, openRaw, statuses } from "../raw.ts";

// Requests about whose end two servers could disagree. After each comes another request, which a server
// that goes on reading would answer.

const canary = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
const start = "PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\n";

describe("W13: is refused, and nothing behind it is answered", () => {
  test.for([
    {
      name: "both lengths",
      request: `${start}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    },
    {
      name: "both lengths, the other way round",
      request: `${start}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    },
    {
      name: "two lengths",
      request: `${start}Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}`,
    },
    {
      name: "one length twice",
      request: `${start}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`,
    },
    { name: "a list of lengths", request: `${start}Content-Length: 2, 2\r\n\r\n{}` },
    { name: "a signed length", request: `${start}Content-Length: +2\r\n\r\n{}` },
    { name: "a negative length", request: `${start}Content-Length: -2\r\n\r\n{}` },
    { name: "a hexadecimal length", request: `${start}Content-Length: 0x2\r\n\r\n{}` },
    { name: "a length with a fraction", request: `${start}Content-Length: 2.0\r\n\r\n{}` },
    { name: "a length with a space", request: `${start}Content-Length: 2 0\r\n\r\n{}` },
    {
      name: "a length beyond 64 bits",
      request: `${start}Content-Length: 18446744073709551618\r\n\r\n{}`,
    },
    {
      name: "a length with a space before the colon",
      request: `${start}Content-Length : 2\r\n\r\n{}`,
    },
    {
      name: "an unknown coding",
      request: `${start}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    },
    {
      name: "chunked, but not last",
      request: `${start}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    },
    {
      name: "a coding twice",
      request: `${start}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
    },
    {
      name: "a coding behind a vertical tab",
      request: `${start}Transfer-Encoding: \u000bchunked\r\n\r\n0\r\n\r\n`,
    },
    {
      name: "a line that ends with LF alone",
      request: `${start}X: y\nContent-Length: 2\r\n\r\n{}`,
    },
    { name: "a head that ends with LF alone", request: `${start}Content-Length: 0\r\n\n` },
    { name: "a request line that ends with LF alone", request: start.replace("\r\n", "\n") },
    { name: "CR within a value", request: `${start}X: y\rContent-Length: 2\r\n\r\n{}` },
    { name: "a NUL within a value", request: `${start}X: y\u0000z\r\n\r\n` },
    { name: "a folded line", request: `${start}X: y\r\n Content-Length: 2\r\n\r\n` },
    { name: "a folded coding", request: `${start}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n` },
    { name: "a space in a name", request: `${start}Content Length: 2\r\n\r\n{}` },
    { name: "a name of nothing", request: `${start}: y\r\n\r\n` },
    { name: "a line without a colon", request: `${start}X\r\n\r\n` },
    { name: "a space before the first name", request: `${start} X: y\r\n\r\n` },
    {
      name: "a chunk size that is none",
      request: `${start}Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n`,
    },
    {
      name: "a negative chunk size",
      request: `${start}Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n`,
    },
    {
      name: "a chunk size beyond 64 bits",
      request: `${start}Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n`,
    },
    {
      name: "a chunk longer than its size",
      request: `${start}Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n`,
    },
    {
      name: "a chunk size that ends with LF alone",
      request: `${start}Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n`,
    },
    {
      name: "a chunk extension with LF alone",
      request: `${start}Transfer-Encoding: chunked\r\n\r\n2;a\nb\r\n{}\r\n0\r\n\r\n`,
    },
    {
      name: "a length behind the chunks",
      request: `${start}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nContent-Length: 40\r\n\r\n`,
    },
    { name: "a version that does not exist", request: start.replace("1.1", "1.9") },
    { name: "a verb that does not exist", request: `${start.replace("PUT", "PUTT")}\r\n` },
    { name: "a verb in lower case", request: `${start.replace("PUT", "put")}\r\n` },
    { name: "a space in the path", request: `${start.replace("/7", "/7 8")}\r\n` },
    { name: "a tab for a space", request: `${start.replace("PUT ", "PUT\t")}\r\n` },
  ])("$name", async ({ request }) => {
    let calls = 0;
    await using server = await startEcho({
      echo(note) {
        calls += 1;
        return note;
      },
    });
    const received = await exchangeRaw(server.port, request + canary);
    expect(statuses(received)).toEqual([400]);
    expect(received).not.toMatch(/page$/);
    expect(calls).toBe(0);
  });
});

test("chunks with extensions and trailers end where they should", async () => {
  await using server = await startEcho();
  using connection = await openRaw(server.port);
  connection.send(
    `${start}Transfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nX: y\r\nHost: b\r\n\r\n${canary}`,
  );
  expect(statuses(await connection.until(/page$/))).toEqual([200, 200]);
});

test("a body on GET is not taken for a request", async () => {
  await using server = await startEcho();
  using connection = await openRaw(server.port);
  connection.send(
    `GET /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\nContent-Length: ${canary.length}\r\n\r\n${canary}${canary}`,
  );
  await connection.until(/page$/);
  expect(statuses(connection.received)).toEqual([200, 200]);
});

describe("W12: too many headers", () => {
  const request = (count: number) =>
    `GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${"a:b\r\n".repeat(count - 2)}\r\n`;

  test.for([20, 99, 100])("%d are read", async (count) => {
    await using server = await startEcho();
    expect(statuses(await exchangeRaw(server.port, request(count)))).toEqual([200]);
  });

  test.for([101, 130, 1000, 2500])("%d are refused", async (count) => {
    await using server = await startEcho();
    const received = await exchangeRaw(server.port, request(count) + canary);
    expect(statuses(received)).toEqual([431]);
  });
});
