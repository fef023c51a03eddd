import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { heavyBodyBytes } from "../../../src/wire/limits.ts";
import type { WireOptions } from "../../../src/wire/options.ts";
import { createHeavyTurns } from "../../../src/wire/turns/heavy-turns.ts";
import { getPage } from "../bounds/strangers.ts";
import { startEcho } from "../echo.ts";
import { openRaw, statuses } from "../raw.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("one piece begins at the end of each turn of the event loop, and clients take turns", async () => {
  const take = createHeavyTurns((address) => address);
  const begun: string[] = [];
  for (const name of ["a1", "a2", "a3", "a4", "b1", "b2", "c1"]) {
    take(name.charAt(0), () => begun.push(name));
  }
  const seen: string[] = [];
  for (let turns = 0; turns < 8; turns += 1) {
    seen.push(begun.join(" "));
    await turn();
  }
  expect(seen).toEqual([
    "",
    "a1",
    "a1 b1",
    "a1 b1 c1",
    "a1 b1 c1 a2",
    "a1 b1 c1 a2 b2",
    "a1 b1 c1 a2 b2 a3",
    "a1 b1 c1 a2 b2 a3 a4",
  ]);
  take("d", () => begun.push("d1"));
  await turn();
  expect(begun.at(-1)).toBe("d1");
});

test("whoever gives up a turn is not begun, and holds up nobody", async () => {
  const take = createHeavyTurns((address) => address);
  const begun: string[] = [];
  const leaves = ["a1", "a2", "a3", "b1", "c1", "c2"].map((name) =>
    take(name.charAt(0), () => begun.push(name)),
  );
  for (const given of [1, 3, 5]) leaves[given]?.();
  for (let turns = 0; turns < 4; turns += 1) await turn();
  expect(begun).toEqual(["a1", "c1", "a3"]);
  leaves[2]?.();
  await turn();
  expect(begun).toEqual(["a1", "c1", "a3"]);
});

test("what waits begins in no turn that is held, and nothing is asked while nothing waits", async () => {
  let isHeld = true;
  let asked = 0;
  const take = createHeavyTurns(
    (address) => address,
    () => {
      asked += 1;
      return isHeld;
    },
  );
  const begun: string[] = [];
  for (const name of ["a1", "a2"]) take("a", () => begun.push(name));
  for (let turns = 0; turns < 5; turns += 1) await turn();
  expect([begun, asked]).toEqual([[], 5]);
  isHeld = false;
  for (let turns = 0; turns < 5; turns += 1) await turn();
  expect([begun, asked]).toEqual([["a1", "a2"], 7]);
});

const put = (body: Uint8Array, more = "") =>
  Buffer.concat([
    Buffer.from(
      `PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\n${more}Content-Length: ${body.byteLength}\r\n\r\n`,
    ),
    body,
  ]);
const large = Buffer.from(JSON.stringify({ text: "x".repeat(heavyBodyBytes) }));

describe("calls of many connections at once begin one by one", () => {
  test.for<{ name: string; request: Buffer; options: Partial<WireOptions> }>([
    {
      name: "of a heavy method",
      request: put(Buffer.from("{}")),
      options: { isHeavy: () => true },
    },
    { name: "with large bodies", request: put(large), options: {} },
    {
      name: "with compressed bodies",
      request: put(gzipSync("{}"), "Content-Encoding: gzip\r\n"),
      options: {},
    },
  ])("$name", async ({ request, options }) => {
    const count = 60;
    let begun = 0;
    await using server = await startEcho(
      {
        echo(note) {
          begun += 1;
          return { ...note, text: "" };
        },
      },
      options,
    );
    const connections = await Promise.all(
      Array.from({ length: count }, () => openRaw(server.port)),
    );
    // The system hands over one connection in each turn, so all of them must be there before.
    for (const connection of connections) {
      connection.send(getPage);
      await connection.until(/page$/);
    }
    let most = 0;
    let before = 0;
    const look = () => {
      most = Math.max(most, begun - before);
      before = begun;
      if (begun < count) setImmediate(look);
    };
    setImmediate(look);
    for (const connection of connections) connection.send(request);
    while (begun < count) await sleep(5);
    await turn();
    await turn();
    // Two turns may lie between two looks.
    expect(most).toBeLessThanOrEqual(2);
    for (const connection of connections) {
      await expect.poll(() => statuses(connection.received)).toEqual([200, 200]);
      connection[Symbol.dispose]();
    }
  });
});
