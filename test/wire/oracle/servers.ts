import { createServer as createHttp1, type RequestListener, type Server } from "node:http";
import { type ClientHttp2Session, createServer as createHttp2, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { createListener } from "../../../src/wire/index.ts";
import { echoOptions } from "../echo.ts";
import { openHttp2 } from "../raw.ts";
import { interceptors, routes } from "./handlers.ts";

/** Bytes of one message, for both: small, so that going beyond it costs little. */
export const maxMessageBytes = 2048;

/** A server, and how to reach it over each version of HTTP. */
export type Oracle = {
  readonly http1Port: number;
  readonly session: ClientHttp2Session;
  close(): Promise<void>;
};

/** Our own lane, without a domain for errors: the stock adapter has none. */
export async function startLane(): Promise<Oracle> {
  const { errorDomain, limits, ...options } = echoOptions();
  const listener = createListener({
    ...options,
    routes,
    interceptors,
    limits: { ...limits, maxMessageBytes },
  });
  const { port } = await listener.listen({ host: "127.0.0.1", port: 0 });
  const session = openHttp2(port);
  return {
    http1Port: port,
    session,
    async close() {
      session.destroy();
      await listener.close(0);
    },
  };
}

/** The adapter that comes with Connect, with the same handlers. */
export async function startStock(): Promise<Oracle> {
  const adapter = connectNodeAdapter({
    routes: (router) => void routes(router),
    interceptors: [...interceptors],
    readMaxBytes: maxMessageBytes,
  });
  const http1 = createHttp1(adapter as RequestListener);
  const http2 = createHttp2(adapter);
  const http1Port = await listen(http1);
  const session = openHttp2(await listen(http2));
  return {
    http1Port,
    session,
    async close() {
      session.destroy();
      http1.closeAllConnections();
      await Promise.all([http1, http2].map(closed));
    },
  };
}

function closed(server: Server | Http2Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}

async function listen(server: Server | Http2Server): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
