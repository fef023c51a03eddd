import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { heavyBodyBytes } from "../../../src/wire/limits.ts";
import type { WireOptions } from "../../../src/wire/options.ts";
import { createWorkTurns } from "../../../src/wire/turns/work-turns.ts";
import { getPage } from "../bounds/strangers.ts";
import { startEcho } from "../echo.ts";
import { openRaw, statuses } from "../raw.ts";

test("one piece begins at the end of each turn of the event loop, and clients take turns", async () => {
  const take = createWorkTurns();
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

test("with six milliseconds, as many begin in a turn as do within them", async () => {
  let now = 0;
  const take = createWorkTurns(undefined, 6, { now: () => now });
  const begun: string[] = [];
  const work = (name: string) =>
    take(name.charAt(0), () => {
      begun.push(name);
      now += 2;
    });
  for (const name of ["a1", "a2", "a3", "a4", "b1", "b2"]) work(name);
  expect(begun).toEqual([]);
  await turn();
  expect(begun).toEqual(["a1", "b1", "a2"]);
  work("c1");
  await turn();
  expect(begun).toEqual(["a1", "b1", "a2", "b2", "a3", "c1"]);
  await turn();
  expect(begun.at(-1)).toBe("a4");
});

test.for([0, 5])("with %i milliseconds, what work leads to begins in the next turn", async (ms) => {
  const take = createWorkTurns(undefined, ms);
  let begun = 0;
  const again = () => {
    begun += 1;
    take("a", again);
  };
  take("a", again);
  for (let turns = 1; turns <= 10; turns += 1) {
    await turn();
    expect(begun).toBe(turns);
  }
});

test("whoever gives up a turn is not begun, and holds up nobody", async () => {
  const take = createWorkTurns();
  const begun: string[] = [];
  const leaves = ["a1", "a2", "a3", "b1", "c1", "c2", "d1", "d2"].map((name) =>
    take(name.charAt(0), () => begun.push(name)),
  );
  for (const given of [1, 3, 5]) leaves[given]?.();
  await turn();
  for (const given of [0, 6]) leaves[given]?.();
  for (let turns = 0; turns < 4; turns += 1) await turn();
  expect(begun).toEqual(["a1", "c1", "d2", "a3"]);
  leaves[2]?.();
  await turn();
  expect(begun).toEqual(["a1", "c1", "d2", "a3"]);
});

test("what waits begins in no turn that is held, and nothing is asked while nothing waits", async () => {
  let isHeld = true;
  let asked = 0;
  const take = createWorkTurns(() => {
    asked += 1;
    return isHeld;
  });
  const begun: string[] = [];
  const leaves = ["a1", "a2", "a3"].map((name) => take("a", () => begun.push(name)));
  for (let turns = 0; turns < 5; turns += 1) await turn();
  expect([begun, asked]).toEqual([[], 5]);
  isHeld = false;
  for (let turns = 0; turns < 2; turns += 1) await turn();
  leaves[2]?.();
  for (let turns = 0; turns < 3; turns += 1) await turn();
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
