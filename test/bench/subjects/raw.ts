import { createServer as createHttp1 } from "node:http";
import { createServer as createHttp2 } from "node:http2";
import type { Server } from "node:net";
import type { Readable } from "node:stream";
import { type HttpVersion, type ProtocolName, protocolCalls } from "../protocols.ts";
import { type Echo, echoes } from "./raw-echo.ts";

/** The least that `node:http` and `node:http2` can do for such a call. */
export function createRaw(protocol: ProtocolName, version: HttpVersion): Server {
  const contentType = protocolCalls[protocol].headers["content-type"] ?? "";
  const echo = echoes[protocol];
  return version === "1.1"
    ? createRawHttp1(echo, contentType)
    : createRawHttp2(echo, contentType, protocol === "grpc");
}

function createRawHttp1(echo: Echo, contentType: string): Server {
  // By default Node closes connections that are idle for five seconds, which happens in slow rounds.
  return createHttp1({ keepAliveTimeout: 60_000 }, (request, response) => {
    onBody(request, (bytes) => {
      const body = echo(bytes, request.url ?? "");
      response.writeHead(200, {
        "content-type": contentType,
        "content-length": body.byteLength,
      });
      response.end(body);
    });
  });
}

function createRawHttp2(echo: Echo, contentType: string, hasTrailers: boolean): Server {
  const server = createHttp2();
  server.on("stream", (stream, headers) => {
    onBody(stream, (bytes) => {
      const body = echo(bytes, headers[":path"] ?? "");
      const fields = { ":status": 200, "content-type": contentType };
      if (hasTrailers) {
        stream.respond(fields, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      } else {
        stream.respond({ ...fields, "content-length": body.byteLength });
      }
      stream.end(body);
    });
  });
  return server;
}

function onBody(readable: Readable, callback: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  readable.on("data", (chunk: Buffer) => chunks.push(chunk));
  readable.on("end", () =>
    callback(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)),
  );
}
