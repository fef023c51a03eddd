import { expect, test } from "vitest";
import { createHandshakeTurns, type Handshake } from "../../../src/wire/tls/handshake-turns.ts";

/** Turns that end when the test says so, and who is being read. */
function started() {
  const due: (() => void)[] = [];
  const take = createHandshakeTurns((run) => void due.push(run));
  const read = new Set<string>();
  /** The first letter is the client. */
  function begin(name: string): () => void {
    const handshake: Handshake = {
      client: name.charAt(0),
      read: () => void read.add(name),
      hold: () => void read.delete(name),
    };
    read.add(name);
    return take(handshake);
  }
  return {
    begin,
    endTurn: () => due.shift()?.(),
    seen: () => [...read].sort().join(" "),
    turnsDue: () => due.length,
  };
}

test("four connections are read at a time, clients by turns", () => {
  const { begin, endTurn, seen, turnsDue } = started();
  for (const name of ["a1", "a2", "a3", "a4"]) begin(name);
  expect([seen(), turnsDue()]).toEqual(["a1 a2 a3 a4", 0]);
  for (const name of ["a5", "a6", "a7", "b1", "c1"]) begin(name);
  expect([seen(), turnsDue()]).toEqual(["a1 a2 a3 a4", 1]);
  const turns = [];
  for (let turn = 0; turn < 4; turn += 1) {
    endTurn();
    turns.push(seen());
  }
  expect(turns).toEqual(["a5 a6 b1 c1", "a1 a7 b1 c1", "a2 a3 b1 c1", "a4 a5 b1 c1"]);
  expect(turnsDue()).toBe(1);
});

test("a connection whose handshake is over makes room for another, and is read", () => {
  const { begin, endTurn, seen, turnsDue } = started();
  const leaves = ["a1", "a2", "a3", "a4", "a5", "a6"].map(begin);
  // One that is read, and one that waits, as when the server lets it go.
  leaves[0]?.();
  leaves[4]?.();
  expect(seen()).toBe("a1 a2 a3 a4 a5");
  endTurn();
  expect(seen()).toBe("a1 a2 a3 a4 a5 a6");
  endTurn();
  expect(turnsDue()).toBe(0);
  for (const leave of leaves) leave();
  expect(seen()).toBe("a1 a2 a3 a4 a5 a6");
});

test("those that wait have their turn when all that were read are over at once", () => {
  const { begin, endTurn, seen, turnsDue } = started();
  const leaves = Array.from({ length: 12 }, (_, index) => begin(`a${index + 10}`));
  for (let turn = 0; turn < 2; turn += 1) {
    for (const leave of leaves.splice(0, 4)) leave();
    endTurn();
  }
  expect(seen().split(" ")).toHaveLength(12);
  expect(turnsDue()).toBe(0);
});
