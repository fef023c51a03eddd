import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { maxPipelined } from "../../../src/wire/limits.ts";
import { createPipelinedTurns } from "../../../src/wire/turns/pipelined-turns.ts";

test("requests of one connection begin one after another, each in a turn of its own", async () => {
  const takeTurn = createPipelinedTurns();
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
  const takeTurn = createPipelinedTurns();
  const begun: string[] = [];
  takeTurn(new Socket(), () => begun.push("never done"));
  takeTurn(new Socket(), () => begun.push("another"));
  await nextTurn();
  await nextTurn();
  expect(begun).toEqual(["never done", "another"]);
});

test("a thousand requests that are done at once leave the event loop to others", async () => {
  const takeTurn = createPipelinedTurns();
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

test("a connection is full with so many requests, and has room again once half of them have begun", async () => {
  const withRoom: Socket[] = [];
  const takeTurn = createPipelinedTurns(undefined, (socket) => withRoom.push(socket));
  const socket = new Socket();
  let end = () => {};
  const take = () =>
    takeTurn(socket, (done) => {
      end = done;
    });
  const isFull = Array.from({ length: 1 + maxPipelined }, take);
  expect(isFull).toEqual([...Array(maxPipelined).fill(false), true]);
  for (let begun = 1; begun <= maxPipelined; begun += 1) {
    await nextTurn();
    await nextTurn();
    end();
    expect(withRoom).toEqual(begun < maxPipelined / 2 ? [] : [socket]);
  }
});

test("requests of a connection that has closed wait no more, and count no more for their client", async () => {
  const takeTurn = createPipelinedTurns({ maxWaitingRequests: 10, maxWaitingRequestsEach: 3 });
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const take = (socket: Socket, name: string) =>
    takeTurn(
      socket,
      (done) => {
        begun.push(name);
        ends.push(done);
      },
      "client",
    );
  for (let round = 0; round < 3; round += 1) {
    const socket = new Socket();
    for (const index of [0, 1, 2, 3]) take(socket, `${round}.${index}`);
    await nextTurn();
    expect(socket.destroyed).toBe(false);
    socket.destroy();
    await once(socket, "close");
    // What comes afterwards is not taken.
    expect(take(socket, "late")).toBe(true);
  }
  for (const end of ends) end();
  for (let turns = 0; turns < 5; turns += 1) await nextTurn();
  expect(begun).toEqual(["0.0", "1.0", "2.0"]);
});

test("each request keeps the context in which it was taken", async () => {
  const context = new AsyncLocalStorage<string>();
  const takeTurn = createPipelinedTurns();
  const socket = new Socket();
  const seen: (string | undefined)[] = [];
  const serve = (done: () => void) => {
    seen.push(context.getStore());
    done();
  };
  for (const name of ["a", "b"]) context.run(name, () => takeTurn(socket, serve));
  takeTurn(socket, serve);
  for (let turns = 0; turns < 5; turns += 1) await nextTurn();
  expect(seen).toEqual(["a", "b", undefined]);
});
