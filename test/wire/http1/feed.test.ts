import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startEcho } from "../echo.ts";
import { openRaw, statuses, watch } from "../raw.ts";

const pages = new Map([
  ["/large", () => ({ status: 200, headers: {}, body: Buffer.alloc(4_000_000, "x") })],
  ["/page", () => ({ status: 200, headers: {}, body: Buffer.from("page") })],
]);
const bodyBytes = 65_536;
const getLarge = `GET /large HTTP/1.1\r\nHost: a\r\nContent-Length: ${bodyBytes}\r\n\r\n`;
const getOther = `GET /other HTTP/1.1\r\nHost: a\r\nX-Pad: ${"a".repeat(300)}\r\n\r\n`;
const getPage = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

test("a client that reads nothing, and sends more with the last byte of a body, harms nobody", async () => {
  await using server = await startEcho({}, { pages });
  using connection = await openRaw(server.port);
  connection.pause();
  for (let round = 0; round < 8; round += 1) {
    connection.send(getLarge + "x".repeat(bodyBytes - 1));
    await sleep(100);
    connection.send(`x${getOther.repeat(4)}`);
    await sleep(100);
  }
  using polite = await openRaw(server.port);
  polite.send(getPage);
  expect(statuses(await polite.until(/page$/))).toEqual([200]);
});

test("a connection whose client reads late gets all answers in order", async () => {
  await using server = await startEcho({}, { pages });
  using connection = await openRaw(server.port);
  connection.pause();
  for (let round = 0; round < 2; round += 1) {
    connection.send(getLarge + "x".repeat(bodyBytes - 1));
    await sleep(100);
    connection.send(`x${getOther.repeat(4)}`);
    await sleep(100);
  }
  connection.send(getPage);
  connection.resume();
  const received = await connection.until(/\r\n\r\npage$/);
  const others = Array(4).fill(404);
  expect(statuses(received)).toEqual([200, ...others, 200, ...others, 200]);
});

test("a client that closes its half behind a chunked body has sent no bad request", async () => {
  await using server = await startEcho();
  const body = JSON.stringify({ text: "x".repeat(60_000) });
  const chunks = body.replaceAll(
    /.{1,1000}/g,
    (chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`,
  );
  const head = "PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (let round = 0; round < 5; round += 1) {
    const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.end(`${head}${chunks}0\r\n\r\n`);
    const received = await watch(socket).closed();
    expect(statuses(received)).not.toContain(400);
  }
  expect(server.outcomes).toHaveLength(5);
});
