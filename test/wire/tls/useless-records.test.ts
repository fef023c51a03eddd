import { EventEmitter, once } from "node:events";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  createUselessRecords,
  type UselessRecords,
} from "../../../src/wire/tls/useless-records.ts";
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

/** What is known of a connection: the bytes that were sent, and those of data in them. */
class Connection extends EventEmitter {
  bytesRead = 0;
  isClosed = false;
  readonly under = { bytesRead: 0 };

  send(bytes: number, data = 0): void {
    this.under.bytesRead += bytes;
    this.bytesRead += data;
  }

  destroy(): void {
    this.isClosed = true;
    this.emit("close");
  }
}

function watched(useless: UselessRecords): Connection {
  const connection = new Connection();
  useless.watch(
    connection.under as unknown as Socket,
    connection as unknown as TLSSocket & Connection,
  );
  return connection;
}

/** Resolves once all connections were looked at: at the latest one last. */
async function looked(useless: UselessRecords): Promise<void> {
  const last = watched(useless);
  last.send(1_000_000);
  await once(last, "close");
}

describe("what brings no data", () => {
  test.for([
    { bytes: 65_536, data: 0, isClosed: false },
    { bytes: 65_537, data: 0, isClosed: true },
    { bytes: 65_536 + 4_000, data: 1_000, isClosed: false },
    { bytes: 65_537 + 4_000, data: 1_000, isClosed: true },
  ])("closes a connection with $bytes bytes, $data of data: $isClosed", async (sent) => {
    const useless = createUselessRecords();
    const connection = watched(useless);
    connection.send(sent.bytes, sent.data);
    await looked(useless);
    expect(connection.isClosed).toBe(sent.isClosed);
  });

  test("is outweighed by data that comes later, and not by what came before", async () => {
    const useless = createUselessRecords();
    const connection = watched(useless);
    for (const [bytes, data] of [
      [1_000_000, 1_000_000],
      [65_536, 0],
      [0, 10_000],
      [40_000, 0],
    ] as const) {
      connection.send(bytes, data);
      await looked(useless);
      expect(connection.isClosed).toBe(false);
    }
    connection.send(1);
    await looked(useless);
    expect(connection.isClosed).toBe(true);
  });

  test("is looked for as long as a connection is open, and again when there is a new one", async () => {
    const useless = createUselessRecords();
    const [first, second] = [watched(useless), watched(useless)];
    first.destroy();
    second.send(65_537);
    await once(second, "close");
    const third = watched(useless);
    third.send(65_537);
    await once(third, "close");
  });
});
