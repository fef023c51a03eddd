import { once } from "node:events";
import { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createTurns } from "../../../src/wire/bounds/turns.ts";

test("requests of one connection begin one after another, each in a turn of its own", async () => {
  const takeTurn = createTurns();
  const socket = new Socket();
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  for (const request of [1, 2, 3]) {
    takeTurn(socket, (done) => {
      begun.push(request);
      ends.push(done);
    });
  }
  expect(begun).toEqual([]);
  for (const soFar of [[1], [1, 2], [1, 2, 3]]) {
    await nextTurn();
    await nextTurn();
    expect(begun).toEqual(soFar);
    ends.pop()?.();
  }
  takeTurn(socket, () => begun.push(4));
  await nextTurn();
  await nextTurn();
  expect(begun).toEqual([1, 2, 3, 4]);
});

test("connections do not wait for one another", async () => {
  const takeTurn = createTurns();
  const begun: string[] = [];
  takeTurn(new Socket(), () => begun.push("never done"));
  takeTurn(new Socket(), () => begun.push("another"));
  await nextTurn();
  await nextTurn();
  expect(begun).toEqual(["never done", "another"]);
});

test("a thousand requests that are done at once leave the event loop to others", async () => {
  const takeTurn = createTurns();
  const socket = new Socket();
  let begun = 0;
  for (let request = 0; request < 1_000; request += 1) {
    takeTurn(socket, (done) => {
      begun += 1;
      done();
    });
  }
  await nextTurn();
  expect(begun).toBeLessThan(10);
  socket.destroy();
  await once(socket, "close");
});
