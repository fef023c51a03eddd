import { expect } from "vitest";
import type { EchoHandlers } from "../echo.ts";
import {
  frameFlags,
  frameTypes,
  headerBlock,
  http2Frame,
  openRaw,
  type RawConnection,
  statuses,
} from "../raw.ts";
import { binaryNote, envelope } from "../speak.ts";

// Clients without a token, on several addresses of loopback.

export const getPage = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
export const lastPage = getPage.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
export const others = "127.0.0.2";

export async function expectServed(port: number, localAddress: string): Promise<void> {
  using connection = await openRaw(port, localAddress);
  connection.send(lastPage);
  expect(statuses(await connection.closed())).toEqual([200]);
}

/** A stream that ends when it is told to. */
export function openEnded() {
  const signals: AbortSignal[] = [];
  const handlers: EchoHandlers = {
    async *spread(_note, { signal }) {
      signals.push(signal);
      yield { text: "a" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      signal.throwIfAborted();
    },
    async *talk(notes) {
      yield { text: "a" };
      for await (const { text } of notes) yield { text };
    },
  };
  return { handlers, signals };
}

export const streamRequest = (method = "Spread") => {
  const body = envelope(binaryNote({ text: "x" }));
  const head = `POST /echo.v1.EchoService/${method} HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc-web\r\nContent-Length: ${body.byteLength}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
};

export async function openStream(port: number, localAddress?: string): Promise<RawConnection> {
  const connection = await openRaw(port, localAddress);
  connection.send(streamRequest());
  return connection;
}

export const requestFrame = (id: number, path: string, more: readonly [string, string][] = []) =>
  http2Frame(
    frameTypes.headers,
    frameFlags.endHeaders | (more.length === 0 ? frameFlags.endStream : 0),
    id,
    headerBlock([
      [":method", more.length === 0 ? "GET" : "POST"],
      [":scheme", "http"],
      [":path", path],
      [":authority", "a"],
      ...more,
    ]),
  );
