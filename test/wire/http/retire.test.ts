import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { createShares } from "../../../src/wire/bounds/shares.ts";
import { createUnsent } from "../../../src/wire/bounds/unsent.ts";
import type { Exchange } from "../../../src/wire/http/exchange.ts";
import { createHttp2Server } from "../../../src/wire/http/http2-server.ts";
import { clientLimits } from "../../../src/wire/limits.ts";
import { envelope } from "../speak.ts";

/** A server of gRPC that answers every call with so many bytes. */
async function startServer(bytes: number) {
  const answer = envelope(Buffer.alloc(bytes, "x"));
  const serve = (exchange: Exchange) =>
    exchange.openBody({
      take: () => true,
      async end() {
        await sleep(2);
        const headers = { "content-type": "application/grpc" };
        const trailers = { "grpc-status": "0" };
        exchange.respond({ status: 200, headers, body: answer, trailers }, []);
        exchange.release();
      },
    });
  const unsent = createUnsent();
  const http2 = createHttp2Server(
    clientLimits,
    {
      clientOf: (peer) => peer,
      groupOf: (address) => address,
      unsent,
      unhandled: createShares(2 ** 26, 2 ** 26),
      isDraining: () => false,
      isTaking: () => false,
      date: () => "Thu, 01 Jan 1970 00:00:01 GMT",
    },
    serve,
    () => undefined,
  );
  let connections = 0;
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    connections += 1;
    socket.on("error", () => undefined);
    http2.adopt(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    /** What happens to a connection when it is old. */
    retire: () => http2.close(),
    [Symbol.dispose]() {
      server.close();
      http2.stop();
      unsent.stop();
    },
  };
}

test.for([10, 40_000])(
  "no call of grpc-js is lost while its connections retire, with answers of %d bytes",
  async (bytes) => {
    using server = await startServer(bytes);
    const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
    const failures: ServiceError[] = [];
    const call = () =>
      new Promise<void>((resolve) => {
        const same = (message: Buffer) => message;
        client.makeUnaryRequest("/a.B/C", same, same, Buffer.alloc(5), (error, message) => {
          if (error) failures.push(error);
          else expect(message?.byteLength).toBe(bytes);
          resolve();
        });
      });
    const timer = setInterval(server.retire, 50);
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        for (let count = 0; count < 100; count++) await call();
      }),
    );
    clearInterval(timer);
    client.close();
    expect(failures).toEqual([]);
    expect(server.connections()).toBeGreaterThan(2);
  },
);
