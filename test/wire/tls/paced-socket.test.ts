import { once } from "node:events";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { createShares } from "../../../src/wire/bounds/shares.ts";
import { PacedSocket } from "../../../src/wire/tls/paced-socket.ts";
import { startEcho } from "../echo.ts";
import { openRawTls } from "./raw-tls.ts";

/** A connection whose turns the test gives. */
function paced(maxBytes = 1_000_000) {
  const raw = new Duplex({
    read() {},
    write: (_chunk, _, done) => done(),
    highWaterMark: 65_536,
    allowHalfOpen: true,
  });
  const unhandled = createShares(maxBytes, maxBytes);
  // What a client takes first may be larger than its share.
  unhandled.take("127.0.0.1", 1, () => {});
  const waiting = new Set<() => void>();
  let slices = 0;
  const socket = new PacedSocket(
    Object.assign(raw, { remoteAddress: "127.0.0.1" }) as unknown as Socket,
    {
      groupOf: (address) => address,
      unhandled,
      turns: {
        hasTime() {
          slices -= 1;
          return slices >= 0;
        },
        wait(_client, goOn) {
          waiting.add(goOn);
          return () => void waiting.delete(goOn);
        },
      },
    },
  );
  const seen: string[] = [];
  socket.on("data", (slice: Buffer) => {
    expect(PacedSocket.current).toBe(socket);
    seen.push(`${slice.byteLength}`);
  });
  for (const event of ["end", "close"]) socket.on(event, () => void seen.push(event));
  return {
    raw,
    socket,
    /** So many slices have time from now on. */
    give(count: number): void {
      slices = count;
      const [goOn] = waiting;
      if (goOn === undefined) return;
      waiting.delete(goOn);
      goOn();
    },
    isWaiting: () => waiting.size > 0,
    /** What came since the last look. */
    async news(): Promise<string> {
      await nextTurn();
      return seen.splice(0).join(" ");
    },
  };
}

describe("a connection under TLS", () => {
  test("hands over slices while there is time, and the rest in later turns, in order", async () => {
    const { raw, socket, give, news, isWaiting } = paced();
    const bytes = Buffer.from(Array.from({ length: 10_000 }, (_, index) => index % 251));
    const taken: Buffer[] = [];
    socket.on("data", (slice: Buffer) => taken.push(slice));
    socket.resume();
    give(2);
    raw.push(bytes);
    expect(await news()).toBe("4096 4096");
    expect([isWaiting(), socket.bytesRead]).toEqual([true, 8_192]);
    give(1);
    expect(await news()).toBe("1808");
    expect([isWaiting(), socket.bytesRead]).toEqual([false, 10_000]);
    expect(Buffer.concat(taken)).toEqual(bytes);
    give(1);
    raw.push("more");
    expect(await news()).toBe("4");
  });

  test("tells of the end behind all that came before it", async () => {
    const { raw, socket, give, news } = paced();
    socket.resume();
    raw.push(Buffer.alloc(5_000));
    raw.push(null);
    expect(await news()).toBe("");
    give(1);
    expect(await news()).toBe("4096");
    give(1);
    expect(await news()).toBe("904 end");
  });

  test("hands over nothing while TLS does not want it", async () => {
    const { raw, socket, give, news, isWaiting } = paced();
    socket.on("data", () => socket.pause());
    socket.resume();
    give(5);
    raw.push(Buffer.alloc(5_000));
    expect(await news()).toBe("4096");
    expect(isWaiting()).toBe(false);
    raw.push(Buffer.alloc(100));
    expect(await news()).toBe("");
    socket.resume();
    give(5);
    expect(await news()).toBe("904");
    socket.resume();
    expect(await news()).toBe("100");
  });

  test("gives up its turn when it closes", async () => {
    const { raw, socket, news, isWaiting } = paced();
    socket.resume();
    raw.push(Buffer.alloc(5_000));
    await nextTurn();
    expect(isWaiting()).toBe(true);
    socket.destroy();
    expect(await news()).toBe("close");
    expect([isWaiting(), raw.destroyed]).toEqual([false, true]);
  });

  test("reads no more while 64 KiB wait", async () => {
    const { raw, socket, give, news } = paced();
    socket.resume();
    for (let pieces = 0; pieces < 7; pieces += 1) raw.push(Buffer.alloc(10_000));
    await nextTurn();
    expect(raw.isPaused()).toBe(true);
    raw.push(Buffer.alloc(10_000));
    await nextTurn();
    expect(raw.readableLength).toBe(10_000);
    give(100);
    expect(
      (await news())
        .split(" ")
        .map(Number)
        .reduce((sum, size) => sum + size),
    ).toBe(80_000);
    expect(raw.isPaused()).toBe(false);
  });

  test("is closed if there is no room for what waits", async () => {
    const { raw, socket, give, news } = paced(9_000);
    socket.resume();
    raw.push(Buffer.alloc(8_000));
    expect(await news()).toBe("");
    give(5);
    expect(await news()).toBe("4096 3904");
    give(0);
    raw.push(Buffer.alloc(9_001));
    expect(await news()).toBe("close");
  });
});

const tlsFile = (name: string) =>
  fileURLToPath(new URL(`../../support/tls/${name}`, import.meta.url));
const tls = { certFile: tlsFile("cert.pem"), keyFile: tlsFile("key.pem") };

test("requests for new keys on many connections leave the event loop to others", async () => {
  await using server = await startEcho({}, {}, tls);
  const all = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const { socket, keyUpdate } = await openRawTls(server.port);
      socket.on("error", () => undefined);
      return { socket, bytes: Buffer.concat(Array.from({ length: 1_500 }, keyUpdate)) };
    }),
  );
  const closed = all.map(({ socket }) => once(socket, "close"));
  for (const { socket, bytes } of all) socket.write(bytes);
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(closed);
  isOver = true;
  expect(turns).toBeGreaterThan(4);
});
