import { expect, test } from "vitest";
import { createHandshakePlaces } from "../../../src/wire/tls/handshake-places.ts";

/** What happens to handshakes, in order. */
function places(maxHandshakes: number, maxHandshakesEach: number) {
  const take = createHandshakePlaces({ maxHandshakes, maxHandshakesEach });
  const seen: string[] = [];
  /** The first letter is the client. */
  const enter = (name: string) =>
    take({
      client: name.charAt(0),
      begin: () => void seen.push(name),
      end: () => void seen.push(`-${name}`),
    });
  const news = () => seen.splice(0).join(" ");
  return { enter, news };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("handshakes beyond what a client may have wait, clients by turns, and begin one a turn", async () => {
  const { enter, news } = places(4, 2);
  const leaves = ["a1", "a2", "a3", "a4", "b1", "b2", "b3", "c1"].map(enter);
  // The client that has most makes room for one that has less.
  expect(news()).toBe("a1 a2 b1 b2 -a1 c1");
  leaves[0]?.();
  expect(news()).toBe("");
  for (const left of [1, 4, 5]) leaves[left]?.();
  expect(news()).toBe("");
  await turn();
  expect(news()).toBe("a3");
  await turn();
  expect(news()).toBe("b3");
  await turn();
  expect(news()).toBe("a4");
});

test("those that have gone do not begin, and keep no place", async () => {
  const { enter, news } = places(1, 1);
  const leaves = ["a1", "a2", "a3", "a4"].map(enter);
  leaves[1]?.();
  leaves[1]?.();
  leaves[0]?.();
  leaves[0]?.();
  await turn();
  expect(news()).toBe("a1 a3");
  const leave = enter("a5");
  leaves[2]?.();
  // Its turn would be the next.
  leaves[3]?.();
  await turn();
  await turn();
  expect(news()).toBe("a5");
  leave();
  enter("a6");
  expect(news()).toBe("a6");
});

test("one that loses its place before its turn does not begin", async () => {
  const { enter, news } = places(3, 3);
  const leaves = ["a1", "a2", "a3", "a4", "a5", "a6"].map(enter);
  for (const leave of leaves.slice(0, 3)) leave();
  await turn();
  expect(news()).toBe("a1 a2 a3 a4");
  for (const name of ["b1", "c1"]) enter(name);
  expect(news()).toBe("-a4 b1 -a5 c1");
  await turn();
  await turn();
  await turn();
  expect(news()).toBe("a6");
});
