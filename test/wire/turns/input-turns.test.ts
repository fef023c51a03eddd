import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createInputTurns } from "../../../src/wire/turns/input-turns.ts";
import { startEcho } from "../echo.ts";
import { openRaw } from "../raw.ts";

/** Turns whose time passes by what is done in them: a millisecond for each piece. */
function timed(isHeld = () => false) {
  let now = 1_000;
  const turns = createInputTurns(isHeld, { now: () => now });
  const done: string[] = [];
  return {
    turns,
    /** What was done since the last look. */
    seen: () => done.splice(0).join(""),
    /** Do pieces while there is time, and wait with the rest. */
    work(client: string, pieces: number): void {
      let left = pieces;
      const goOn = () => {
        for (; left > 0 && turns.hasTime(); left -= 1) {
          done.push(client);
          now += 1;
        }
        if (left > 0) turns.wait(client, goOn);
      };
      goOn();
    },
  };
}

test("chunks have five milliseconds of each turn, and clients take turns", async () => {
  const { seen, work } = timed();
  work("a", 12);
  work("a", 2);
  work("b", 6);
  work("c", 1);
  const turns: string[] = [];
  for (let count = 0; count < 8; count += 1) {
    turns.push(seen());
    await nextTurn();
  }
  expect(turns).toEqual(["aaaaa", "aaaaa", "bbbbb", "caaba", "a", "", "", ""]);
});

test("chunks that come while others wait go behind them", async () => {
  const { seen, work } = timed();
  work("a", 6);
  work("b", 6);
  await nextTurn();
  work("c", 1);
  expect(seen()).toBe("aaaaaabbbb");
  await nextTurn();
  expect(seen()).toBe("bbc");
});

test("chunks that come go behind those that wait, even while there is time", async () => {
  const { turns, seen, work } = timed();
  for (let round = 0; round < 2; round += 1) {
    turns.wait("a", () => work("a", 1));
    work("b", 1);
    expect(seen()).toBe("");
    await nextTurn();
    expect(seen()).toBe("ab");
  }
});

test("in the next turn there is time at once if nobody waits", async () => {
  const { seen, work } = timed();
  work("a", 5);
  await nextTurn();
  work("b", 7);
  expect(seen()).toBe("aaaaabbbbb");
  await nextTurn();
  // Three milliseconds of this turn's time are left, and then the next turn's time begins.
  work("c", 4);
  expect(seen()).toBe("bbcccc");
});

test("nothing goes on in a turn that is held, and later all does", async () => {
  let isHeld = true;
  const { seen, work } = timed(() => isHeld);
  work("a", 2);
  for (let turns = 0; turns < 3; turns += 1) await nextTurn();
  expect(seen()).toBe("");
  isHeld = false;
  await nextTurn();
  expect(seen()).toBe("aa");
});

test("a connection that has closed gives up its turn", async () => {
  const { turns, seen, work } = timed();
  work("a", 6);
  const leave = turns.wait("b", () => expect.unreachable());
  leave();
  await nextTurn();
  await nextTurn();
  expect(seen()).toBe("aaaaaa");
});

test("chunks of one byte on many connections leave the event loop to others", async () => {
  await using server = await startEcho();
  const connections = await Promise.all(Array.from({ length: 60 }, () => openRaw(server.port)));
  const head = "PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const connection of connections) connection.send(head);
  await expect.poll(() => server.listener.load().calls).toBe(connections.length);
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  for (const connection of connections) connection.send("1\r\n \r\n".repeat(10_000));
  setImmediate(count);
  await Promise.all(connections.map((connection) => connection.until(/HTTP\/1.1 4/)));
  isOver = true;
  expect(turns).toBeGreaterThan(20);
});
