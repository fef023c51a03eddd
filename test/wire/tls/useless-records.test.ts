import { once } from "node:events";
import type { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { PacedSocket } from "../../../src/wire/tls/paced-socket.ts";
import { refuseUselessRecords } from "../../../src/wire/tls/useless-records.ts";
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

/** A connection, and how TLS takes bytes of it, with so many of data in them. */
function watched() {
  const under = { bytesRead: 0 } as PacedSocket;
  let isClosed = false;
  const socket = {
    bytesRead: 0,
    destroy() {
      isClosed = true;
    },
  };
  refuseUselessRecords(under, socket as unknown as TLSSocket);
  return {
    take(bytes: number, data = 0): void {
      under.bytesRead += bytes;
      socket.bytesRead += data;
      under.onTaken?.();
    },
    isClosed: () => isClosed,
  };
}

describe("what brings no data", () => {
  test.for([
    { bytes: 65_536, data: 0, isClosed: false },
    { bytes: 65_537, data: 0, isClosed: true },
    { bytes: 65_536 + 4_000, data: 1_000, isClosed: false },
    { bytes: 65_537 + 4_000, data: 1_000, isClosed: true },
  ])("closes a connection with $bytes bytes, $data of data: $isClosed", (sent) => {
    const { take, isClosed } = watched();
    take(sent.bytes, sent.data);
    expect(isClosed()).toBe(sent.isClosed);
  });

  test("is outweighed by data that comes later, and not by what came before", () => {
    const { take, isClosed } = watched();
    for (const [bytes, data] of [
      [1_000_000, 1_000_000],
      [65_536, 0],
      [4_096, 10_000],
      [35_904, 0],
    ] as const) {
      take(bytes, data);
      expect(isClosed()).toBe(false);
    }
    take(4_096);
    expect(isClosed()).toBe(true);
  });

  test("is looked at after each four kilobytes", () => {
    const { take, isClosed } = watched();
    take(65_536);
    take(4_095);
    expect(isClosed()).toBe(false);
    take(1);
    expect(isClosed()).toBe(true);
  });
});
