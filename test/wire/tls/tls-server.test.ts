import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { clientLimits, openingTimeoutMs } from "../../../src/wire/limits.ts";
import { clientHello } from "../../faults/mutations/tls.ts";
import { startEcho } from "../echo.ts";

const tlsFile = (name: string) =>
  fileURLToPath(new URL(`../../support/tls/${name}`, import.meta.url));
const tls = { certFile: tlsFile("cert.pem"), keyFile: tlsFile("key.pem") };

const connected = (sockets: readonly Socket[], event = "connect") =>
  Promise.all(sockets.map((socket) => once(socket, event)));

/** Also of one that is reset. */
const closed = (socket: Socket) =>
  new Promise<Socket>((resolve) => socket.once("close", () => resolve(socket)));

/** Connections that have sent the first message of a handshake. */
async function inHandshake(port: number, count: number, localAddress?: string): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () =>
    connect({ port, host: "127.0.0.1", localAddress }),
  );
  await connected(sockets);
  for (const socket of sockets) socket.on("error", () => undefined).write(clientHello);
  return sockets;
}

test("handshakes that go on at once are made in several turns of the event loop", async () => {
  await using server = await startEcho({}, {}, tls);
  const open = (_: unknown, index: number) =>
    connect({ port: server.port, host: "127.0.0.1", localAddress: `127.0.0.${2 + (index % 4)}` });
  const sockets = Array.from({ length: 400 }, open);
  await connected(sockets);
  // One byte each, after which TLS has them. So all handshakes can go on at the same moment.
  for (const socket of sockets) socket.write(clientHello.subarray(0, 1));
  while (server.listener.load().connections < sockets.length) await nextTurn();
  for (let turns = 0; turns < 2 * sockets.length; turns += 1) await nextTurn();
  let answers = 0;
  for (const socket of sockets) {
    socket.once("data", () => {
      answers += 1;
    });
  }
  for (const socket of sockets) socket.write(clientHello.subarray(1));
  let turns = 0;
  for (; answers < sockets.length; turns += 1) await nextTurn();
  // Each takes 0.1 ms at least.
  expect(turns).toBeGreaterThan(8);
  for (const socket of sockets) socket.destroy();
});

test("connections in the middle of a handshake are closed when the server drains", async () => {
  await using server = await startEcho({}, {}, tls);
  const sockets = await inHandshake(server.port, 20);
  await connected(sockets, "data");
  const closed = server.listener.close(60_000);
  // Sooner than the timeout of the handshake.
  await expect.poll(() => sockets.every((socket) => socket.closed), { timeout: 4_000 }).toBe(true);
  await closed;
});

test("a client that begins the handshake again loses its connection", async () => {
  await using server = await startEcho({}, {}, tls);
  const socket = connectTls({
    port: server.port,
    host: "127.0.0.1",
    ca: readFileSync(tls.certFile),
    maxVersion: "TLSv1.2",
  });
  await once(socket, "secureConnect");
  socket.on("error", () => undefined).resume();
  socket.renegotiate({}, () => undefined);
  await once(socket, "close");
});

test("a client that goes in the middle of a handshake is not waited for", async () => {
  await using server = await startEcho({}, {}, tls);
  const [stays, goes] = (await inHandshake(server.port, 2)) as [Socket, Socket];
  await connected([stays, goes], "data");
  goes.end();
  // The handshake of the first has its timeout first.
  await Promise.race([once(goes, "close"), once(stays, "close")]);
  await expect.poll(() => server.listener.load().connections).toBe(1);
  expect([stays.readableEnded, stays.destroyed]).toEqual([false, false]);
  stays.destroy();
});

describe("places for handshakes", () => {
  test("four addresses are needed to take all", () => {
    const { maxHandshakes, maxHandshakesEach } = clientLimits;
    expect(maxHandshakesEach * 4).toBe(maxHandshakes);
  });

  test("a client whose handshakes do not end holds up itself alone, until they end", async () => {
    await using server = await startEcho({}, { clientLimits: { maxHandshakesEach: 2 } }, tls);
    const slow = await inHandshake(server.port, 2);
    await connected(slow, "data");
    const [waits] = (await inHandshake(server.port, 1)) as [Socket];
    let isAnswered = false;
    waits.once("data", () => {
      isAnswered = true;
    });
    const socket = connect({ port: server.port, host: "127.0.0.1", localAddress: "127.0.0.2" });
    const other = connectTls({
      socket,
      host: "127.0.0.1",
      ca: readFileSync(tls.certFile),
    });
    await once(other, "secureConnect");
    expect(isAnswered).toBe(false);
    slow[0]?.destroy();
    await expect.poll(() => isAnswered).toBe(true);
    for (const socket of [...slow, waits, other]) socket.destroy();
  });

  test("a handshake that has succeeded leaves its place", async () => {
    await using server = await startEcho({}, { clientLimits: { maxHandshakesEach: 1 } }, tls);
    const sockets: Socket[] = [];
    while (sockets.length < 3) {
      const socket = connectTls({ port: server.port, rejectUnauthorized: false });
      await once(socket, "secureConnect");
      sockets.push(socket);
    }
    for (const socket of sockets) socket.destroy();
  });

  test("whoever has most handshakes under way makes room for others", async () => {
    await using server = await startEcho({}, { clientLimits: { maxHandshakes: 3 } }, tls);
    const slow = await inHandshake(server.port, 3);
    await connected(slow, "data");
    const [theirs] = (await inHandshake(server.port, 1, "127.0.0.2")) as [Socket];
    await Promise.all([once(theirs, "data"), once(slow[0] as Socket, "close")]);
    expect(server.listener.load().connections).toBe(3);
    for (const socket of [...slow, theirs]) socket.destroy();
  });

  test("what connections that wait for a place have sent is bounded", async () => {
    const limits = { maxHandshakesEach: 1, maxUnhandledBytesEach: 100_000 };
    await using server = await startEcho({}, { clientLimits: limits }, tls);
    // It sends nothing, and so has its timeout before all others.
    const silent = connect({ port: server.port, host: "127.0.0.1" });
    await once(silent, "connect");
    await pause(500);
    const [slow] = (await inHandshake(server.port, 1)) as [Socket];
    await once(slow, "data");
    const greedy = await inHandshake(server.port, 4);
    for (const socket of greedy) socket.write(Buffer.alloc(60_000));
    const first = await Promise.race([silent.resume(), ...greedy].map(closed));
    expect(greedy).toContain(first);
    for (const socket of [silent, slow, ...greedy]) socket.destroy();
  });

  test.concurrent("a connection that has waited for a place is served as long as any other", async () => {
    await using server = await startEcho({}, { clientLimits: { maxHandshakesEach: 1 } }, tls);
    const [slow] = (await inHandshake(server.port, 1)) as [Socket];
    await once(slow, "data");
    const socket = connectTls({ port: server.port, rejectUnauthorized: false });
    await expect.poll(() => server.listener.load().connections).toBe(2);
    await pause(100);
    slow.destroy();
    await once(socket, "secureConnect");
    await pause(openingTimeoutMs + 100);
    socket.write("GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
    await once(socket, "data");
    socket.destroy();
  });

  test.concurrent("a connection that waits for a place too long is closed", async () => {
    await using server = await startEcho({}, { clientLimits: { maxHandshakesEach: 1 } }, tls);
    const [slow] = (await inHandshake(server.port, 1)) as [Socket];
    await once(slow, "data");
    const waiting = await inHandshake(server.port, 3);
    const answered = new Set<Socket>();
    for (const socket of waiting) socket.once("data", () => answered.add(socket));
    const first = await Promise.race(waiting.map(closed));
    expect(answered.has(first)).toBe(false);
    for (const socket of [slow, ...waiting]) socket.destroy();
  });
});
