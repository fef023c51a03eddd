import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startEcho } from "../echo.ts";
import { frameFlags, frameTypes, headerBlock, http2Frame, http2Opening, watch } from "../raw.ts";

const tlsFile = (name: string) =>
  fileURLToPath(new URL(`../../support/tls/${name}`, import.meta.url));
const tls = { certFile: tlsFile("cert.pem"), keyFile: tlsFile("key.pem") };

const body = JSON.stringify({ text: "x".repeat(60_000) });
const put = `PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const chunked = `PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body.replaceAll(
  /.{1,500}/g,
  (chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`,
)}0\r\n\r\n`;
const page = headerBlock([
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/page"],
  [":authority", "a"],
]);
const isWhole = frameFlags.endHeaders | frameFlags.endStream;
const http2 = Buffer.concat([http2Opening, http2Frame(frameTypes.headers, isWhole, 1, page)]);

/** What a client sends first, and how its answer ends. */
const clients = [
  { bytes: "GET /page HTTP/1.1\r\nHost: a\r\n\r\n", answer: /page$/ },
  { bytes: "GET /page HTTP/1.1\r\nHost: a\r\n\r\n", answer: /page$/, isHalfClosed: true },
  { bytes: put, answer: /x"\}$/ },
  // The second answer shows that nothing was lost behind the first.
  { bytes: put + put, answer: /200 OK.*200 OK.*x"\}$/s },
  { bytes: chunked + put, answer: /200 OK.*200 OK.*x"\}$/s },
  { bytes: http2, answer: /page/ },
];

const connected = (sockets: readonly Socket[], event = "connect") =>
  Promise.all(sockets.map((socket) => once(socket, event)));

test("connections that come at once wait for their turn, and are served whole, whatever they send", async () => {
  await using server = await startEcho();
  const open = () => connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
  const all = Array.from({ length: 60 }, (_, index) => ({
    ...(clients[index % clients.length] as (typeof clients)[number]),
    socket: open(),
  }));
  await connected(all.map(({ socket }) => socket));
  // First one byte each, so that all the rest comes while they wait.
  for (const { socket, bytes } of all) socket.write(bytes.slice(0, 1));
  for (const { socket, bytes, isHalfClosed } of all) {
    socket.write(bytes.slice(1));
    if (isHalfClosed) socket.end();
  }
  const answers = await Promise.all(all.map(({ socket, answer }) => watch(socket).until(answer)));
  expect(answers).toHaveLength(60);
  for (const { socket } of all) socket.destroy();
});

test("TLS connections that come at once are served whole", async () => {
  await using server = await startEcho({}, {}, tls);
  const ca = readFileSync(tls.certFile);
  const sockets = Array.from({ length: 60 }, () =>
    connectTls({ port: server.port, host: "127.0.0.1", ca, ALPNProtocols: ["http/1.1"] }),
  );
  await connected(sockets, "secureConnect");
  for (const socket of sockets) socket.write(put);
  const answers = await Promise.all(sockets.map((socket) => watch(socket).until(/x"\}$/)));
  expect(answers).toHaveLength(60);
  for (const socket of sockets) socket.destroy();
});
