import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { createShares, type Shares } from "../../../src/wire/bounds/shares.ts";
import { PacedSocket } from "../../../src/wire/tls/paced-socket.ts";
import { startEcho } from "../echo.ts";
import { openRawTls } from "./raw-tls.ts";

/** What a client takes first may be larger than its share, so it has one byte here. */
function roomFor(client: string, maxEach: number): Shares {
  const shares = createShares(1_000_000, maxEach);
  shares.take(client, 1, () => {});
  return shares;
}

/** A connection whose turns the test gives. @param maxEach What may wait of a client. */
function paced({
  client = "127.0.0.1",
  maxEach = 1_000_000,
  unhandled = roomFor(client, maxEach),
} = {}) {
  const written: string[] = [];
  const raw = new Duplex({
    read() {},
    writev(chunks, done) {
      written.push(chunks.map(({ chunk }) => String(chunk)).join("+"));
      done();
    },
    highWaterMark: 65_536,
    allowHalfOpen: true,
  });
  const waiting = new Set<() => void>();
  let slices = 0;
  const socket = new PacedSocket(
    Object.assign(raw, { remoteAddress: client }) as unknown as Socket,
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
    /** What was written, an item for each time that the system was asked. */
    written,
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

type Paced = ReturnType<typeof paced>;

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

  test("tells of the end at once if nothing waits", async () => {
    const { raw, socket, news } = paced();
    socket.resume();
    raw.push(null);
    expect(await news()).toBe("end");
  });

  test("passes on what TLS writes, together what was written together, and the end", async () => {
    const { raw, socket, written } = paced();
    socket.cork();
    for (const bytes of ["a", "b"]) socket.write(Buffer.from(bytes), () => {});
    socket.uncork();
    expect(written).toEqual(["a+b"]);
    await new Promise((resolve) => socket.write(Buffer.from("c"), resolve));
    await new Promise<void>((resolve) => socket.end(resolve));
    expect([written, raw.writableFinished]).toEqual([["a+b", "c"], true]);
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
    raw.push(Buffer.alloc(65_535));
    await nextTurn();
    expect(raw.isPaused()).toBe(false);
    raw.push(Buffer.alloc(1));
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
    ).toBe(75_536);
    expect(raw.isPaused()).toBe(false);
  });

  test("is closed if its client has no room for what waits", async () => {
    const { raw, socket, give, news } = paced({ maxEach: 9_000 });
    socket.resume();
    raw.push(Buffer.alloc(8_000));
    expect(await news()).toBe("");
    give(5);
    expect(await news()).toBe("4096 3904");
    give(0);
    raw.push(Buffer.alloc(9_001));
    expect(await news()).toBe("close");
  });

  test.for([
    { name: "is taken", leave: ({ give }: Paced) => give(5), want: "4096 3904" },
    { name: "is closed", leave: ({ socket }: Paced) => socket.destroy(), want: "close" },
  ])("takes no room any more once it $name", async ({ leave, want }) => {
    const unhandled = createShares(9_000, 9_000);
    for (let round = 0; round < 3; round += 1) {
      const connection = paced({ unhandled });
      connection.socket.resume();
      connection.raw.push(Buffer.alloc(8_000));
      expect(await connection.news()).toBe("");
      leave(connection);
      expect(await connection.news()).toBe(want);
    }
  });

  test("takes no room of others when TLS closes it in the middle of what came", async () => {
    const unhandled = createShares(9_000, 9_000);
    const other = paced({ unhandled, client: "127.0.0.2" });
    other.socket.resume();
    other.raw.push(Buffer.alloc(5_000));
    await nextTurn();
    const { raw, socket, give, news } = paced({ unhandled });
    socket.on("data", () => socket.destroy());
    socket.resume();
    give(5);
    raw.push(Buffer.alloc(8_192));
    expect([await news(), other.raw.destroyed]).toEqual(["4096 close", false]);
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
      return { socket, bytes: Buffer.concat(Array.from({ length: 2_500 }, keyUpdate)) };
    }),
  );
  // Each is closed when enough of it was taken.
  const closed = all.map(({ socket }) => new Promise((resolve) => socket.once("close", resolve)));
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
  expect(turns).toBeGreaterThan(8);
});
