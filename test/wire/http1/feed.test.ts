import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startEcho } from "../echo.ts";
import { openRaw, statuses } from "../raw.ts";

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
