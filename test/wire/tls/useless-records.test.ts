import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startEcho } from "../echo.ts";
import { openRawTls } from "./raw-tls.ts";

const tlsFile = (name: string) =>
  fileURLToPath(new URL(`../../support/tls/${name}`, import.meta.url));
const tls = { certFile: tlsFile("cert.pem"), keyFile: tlsFile("key.pem") };
const get = `GET /page HTTP/1.1\r\nHost: a\r\nCookie: ${"a".repeat(200)}\r\n\r\n`;

test("a client that makes new keys again and again, and sends no data, loses its connection", async () => {
  await using server = await startEcho({}, {}, tls);
  const { socket, keyUpdate } = await openRawTls(server.port);
  // It may be told with an error, for what the server did not read.
  const closed = new Promise((resolve) => socket.once("error", () => {}).once("close", resolve));
  socket.write(Buffer.concat(Array.from({ length: 5_000 }, keyUpdate)));
  await closed;
  await expect.poll(() => server.listener.load().connections).toBe(0);
});

test("a client that makes new keys and sends data with them is served", async () => {
  await using server = await startEcho({}, {}, tls);
  const { socket, keyUpdate, data } = await openRawTls(server.port);
  let isClosed = false;
  socket.once("close", () => {
    isClosed = true;
  });
  for (let requests = 0; requests < 300; requests += 1) {
    const answered = once(socket, "data");
    socket.write(Buffer.concat([...Array.from({ length: 10 }, keyUpdate), data(get)]));
    await answered;
  }
  expect(isClosed).toBe(false);
  socket.destroy();
});
