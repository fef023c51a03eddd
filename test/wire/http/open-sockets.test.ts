import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { expect, test } from "vitest";
import { createShares } from "../../../src/wire/bounds/shares.ts";
import { createOpenSockets } from "../../../src/wire/http/open-sockets.ts";
import { createOpeningTurns } from "../../../src/wire/turns/opening-turns.ts";
import { createTaking } from "../../../src/wire/turns/taking.ts";
import { startEcho } from "../echo.ts";

/** A connection of a client. @param first Its first bytes, which are there. */
function connection(client: string, first = "GET / HTTP/1.1\r\n"): Socket {
  const socket = new Duplex({ read() {}, write() {}, highWaterMark: 65_536 });
  if (first !== "") socket.push(first);
  return Object.assign(socket, { remoteAddress: client }) as unknown as Socket;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

function opened(taking = createTaking()) {
  const served: Socket[] = [];
  const sockets = createOpenSockets({
    takePlace: () => true,
    serve: (socket) => void served.push(socket),
    takeTurn: createOpeningTurns({
      groupOf: (address) => address,
      unhandled: createShares(1_000_000, 500_000),
      isTaking: taking.isTaking,
    }),
    taking,
  });
  const names = () => served.map(({ remoteAddress }) => remoteAddress).join("");
  return { sockets, served, names };
}

test("new connections are served one in each turn, clients by turns", async () => {
  const { sockets, names } = opened();
  for (const client of "AAAAAAB") sockets.accept(connection(client));
  await turn();
  const seen: number[] = [];
  while (names().length < 7) {
    seen.push(names().length);
    await turn();
  }
  expect(names()).toBe("ABAAAAA");
  expect(seen.every((count, index) => index === 0 || count <= (seen[index - 1] ?? 0) + 1)).toBe(
    true,
  );
});

test("connections are taken before others are served, but not for ever", async () => {
  let now = 0;
  const { sockets, names } = opened(createTaking({ now: () => now }));
  for (; now < 200; now += 1) {
    sockets.accept(connection("A"));
    await turn();
  }
  // One after each five milliseconds.
  expect(names()).toHaveLength(33);
  for (let turns = 0; turns < 200; turns += 1) await turn();
  expect(names()).toHaveLength(200);
});

test("so they are if each turn brings the bytes of one connection before it brings the next", async () => {
  let now = 0;
  const { sockets, names } = opened(createTaking({ now: () => now }));
  let silent = connection("A", "");
  for (; now < 200; now += 1) {
    silent.push("GET / HTTP/1.1\r\n");
    await new Promise(process.nextTick);
    silent = connection("A", "");
    sockets.accept(silent);
    await turn();
  }
  expect(names()).toHaveLength(33);
});

test("whoever connects waits for a few milliseconds of each other client, however slow the turns are", async () => {
  let now = 0;
  const { sockets, names } = opened(createTaking({ now: () => now }));
  const others = Array.from({ length: 40 }, (_, index) => String.fromCharCode(0x4e00 + index));
  for (const client of [...others, ...others]) sockets.accept(connection(client));
  await turn();
  sockets.accept(connection("B"));
  // Others connect all the time.
  for (; !names().includes("B") && now < 10_000; now += 1) {
    sockets.accept(connection("A"));
    await turn();
  }
  expect(now).toBeGreaterThan(40 * 4);
  expect(now).toBeLessThan(42 * 7);
});

test("what is read from connections that wait is counted, and a client with too much loses one", async () => {
  const { sockets, served } = opened();
  sockets.accept(connection("A"));
  const all = Array.from({ length: 20 }, () => connection("A"));
  const other = connection("B");
  for (const socket of [...all, other]) sockets.accept(socket);
  // They have begun to wait, and now more comes than anybody asks for.
  await new Promise(process.nextTick);
  for (const socket of [...all, other]) socket.push(Buffer.alloc(40_000));
  await new Promise(process.nextTick);
  await new Promise(process.nextTick);
  expect(all.filter(({ destroyed }) => destroyed)).toHaveLength(8);
  expect(other.destroyed).toBe(false);
  for (let turns = 0; turns < 100; turns += 1) await turn();
  expect(served).toHaveLength(14);
  // They count no more, so there is room again.
  const later = Array.from({ length: 12 }, () => connection("A"));
  for (const socket of later) {
    socket.push(Buffer.alloc(40_000));
    sockets.accept(socket);
  }
  for (let turns = 0; turns < 100; turns += 1) await turn();
  expect(later.filter(({ destroyed }) => destroyed)).toEqual([]);
  expect(served).toHaveLength(26);
  expect(served.map(({ readableLength }) => readableLength).slice(-12)).toEqual(
    Array(12).fill(40_016),
  );
});

test("connections that are closed before their turn are served no more", async () => {
  const { sockets, served } = opened();
  const all = Array.from({ length: 20 }, () => connection("A"));
  for (const socket of all) sockets.accept(socket);
  await turn();
  for (const socket of all.slice(5, 15)) socket.destroy();
  for (let turns = 0; turns < 40; turns += 1) await turn();
  expect(served).toEqual([...all.slice(0, 5), ...all.slice(15)]);
  expect(sockets.count()).toBe(10);
});

test("what was read from connections that are closed before their turn counts no more", async () => {
  const { sockets } = opened();
  for (let round = 0; round < 3; round += 1) {
    // Whose turn it is, so that those behind wait.
    sockets.accept(connection("B"));
    const all = Array.from({ length: 12 }, () => connection("A"));
    for (const socket of all) {
      socket.push(Buffer.alloc(40_000));
      sockets.accept(socket);
    }
    await new Promise(process.nextTick);
    await new Promise(process.nextTick);
    expect(all.filter(({ destroyed }) => destroyed)).toEqual([]);
    for (const socket of all) socket.destroy();
    await Promise.all(all.map((socket) => once(socket, "close")));
    await turn();
  }
});

test("connections that wait for their turn end when the server drains", async () => {
  const { sockets, served } = opened();
  const all = Array.from({ length: 20 }, () => connection("A"));
  for (const socket of all) sockets.accept(socket);
  await turn();
  sockets.destroyOpening();
  for (let turns = 0; turns < 40; turns += 1) await turn();
  expect(served.length).toBeLessThan(5);
  expect(all.filter((socket) => !socket.destroyed)).toEqual(served);
});

test("a client that ends its connection before it says what it speaks is not waited for", async () => {
  await using server = await startEcho();
  const open = async () => {
    const socket = connect({ port: server.port, host: "127.0.0.1" });
    await once(socket, "connect");
    const closed = new Promise((resolve) => socket.once("close", () => resolve(socket)));
    return { socket: socket.resume(), closed };
  };
  const stays = await open();
  const goes = await open();
  goes.socket.end("PRI");
  // The first has its timeout first.
  expect(await Promise.race([goes.closed, stays.closed])).toBe(goes.socket);
  stays.socket.destroy();
});

test("a client that resets its connection before it says what it speaks harms nobody", async () => {
  await using server = await startEcho();
  const socket = connect({ port: server.port, host: "127.0.0.1" });
  await expect.poll(() => server.listener.load().connections).toBe(1);
  socket.resetAndDestroy();
  await expect.poll(() => server.listener.load().connections).toBe(0);
  expect((await fetch(`${server.url}/page`)).status).toBe(200);
});
