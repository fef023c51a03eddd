import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { EchoHandlers } from "../echo.ts";
import { startEcho } from "../echo.ts";
import { openRaw, statuses, watch } from "../raw.ts";
import { binaryNote, envelope } from "../speak.ts";

// After an answer with `connection: close` a client may send the requests behind it again (RFC 9112 section 9.6). So they
// must not have been served.

const change = "PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
const manyHeaders = "x:y\r\n".repeat(100);

const tlsFile = (name: string) =>
  fileURLToPath(new URL(`../../support/tls/${name}`, import.meta.url));
const tls = { certFile: tlsFile("cert.pem"), keyFile: tlsFile("key.pem") };

function counting() {
  const calls: string[] = [];
  const handlers: EchoHandlers = {
    echo(note) {
      calls.push(note.id);
      return note;
    },
    async *spread(note) {
      yield note;
    },
  };
  return { calls, handlers };
}

describe("nothing is served behind", () => {
  test.for([
    { name: "a malformed host", request: "GET /page HTTP/1.1\r\nHost: a/b\r\n\r\n", status: 400 },
    { name: "no host", request: "GET /page HTTP/1.1\r\n\r\n", status: 400 },
    {
      name: "too many headers",
      request: `GET /page HTTP/1.1\r\nHost: a\r\n${manyHeaders}\r\n`,
      status: 431,
    },
    {
      name: "gRPC of HTTP/1.0, which has no trailers",
      request:
        "POST /echo.v1.EchoService/Look HTTP/1.0\r\nConnection: keep-alive\r\nContent-Type: application/grpc\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0",
      status: 505,
    },
  ])("$name", async ({ request, status }) => {
    const { calls, handlers } = counting();
    await using server = await startEcho(handlers);
    using connection = await openRaw(server.port);
    connection.send(request + change.repeat(20));
    expect(statuses(await connection.closed())).toEqual([status]);
    // What was begun before the connection closed has had its turn by then.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(calls).toEqual([]);
  });

  // Over TLS a connection takes longer to close, so there is time to serve what comes behind.
  const body = Buffer.from(envelope(binaryNote())).toString("latin1");
  test.for([
    {
      name: "a stream in HTTP/1.0, which has no chunks",
      request: `POST /echo.v1.EchoService/Spread HTTP/1.0\r\nConnection: keep-alive\r\nContent-Type: application/grpc-web+proto\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      status: 200,
    },
    {
      name: "no content in HTTP/1.0",
      request: "OPTIONS /api/v1/notes/7 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      status: 204,
    },
    {
      name: "a body that came before it was asked for",
      request: change.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n"),
      status: 200,
      served: ["7"],
    },
    {
      name: "a call that needs HTTP/2",
      request: `POST /echo.v1.EchoService/Talk HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc-web+proto\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      status: 505,
    },
  ])("$name, over TLS", async ({ request, status, served = [] }) => {
    const { calls, handlers } = counting();
    await using server = await startEcho(handlers, {}, tls);
    const socket = connectTls({ port: server.port, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    using connection = watch(socket);
    connection.send(Buffer.from(request + change.repeat(20), "latin1"));
    const received = await connection.closed();
    expect(statuses(received)).toEqual([status]);
    expect(received.match(/connection: close/gi)).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(calls).toEqual(served);
  });

  test("the answer that ends a connection while the server drains", async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    let calls = 0;
    await using server = await startEcho({
      async echo(note) {
        calls += 1;
        await released;
        return note;
      },
    });
    using connection = await openRaw(server.port);
    connection.send(change.repeat(3));
    await expect.poll(() => calls).toBe(1);
    const closed = server.listener.close(10_000);
    release();
    expect(statuses(await connection.closed())).toEqual([200]);
    await closed;
    expect(calls).toBe(1);
  });
});
