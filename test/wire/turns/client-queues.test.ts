import { expect, test } from "vitest";
import { ClientQueues } from "../../../src/wire/turns/client-queues.ts";

/** Each item begins with its client. */
function queues(names: string) {
  const waiting = new ClientQueues<{ readonly name: string }>();
  const items = names.split(" ").map((name) => ({ name }));
  for (const item of items) waiting.add(item.name.charAt(0), item);
  const remove = (name: string) =>
    waiting.delete(name.charAt(0), items.find((item) => item.name === name) ?? { name });
  return { waiting, remove };
}

function drain(waiting: ClientQueues<{ readonly name: string }>): string {
  const names: string[] = [];
  for (let item = waiting.next(); item !== undefined; item = waiting.next()) names.push(item.name);
  return names.join(" ");
}

test("clients take turns, and what one has added comes in order", () => {
  const { waiting } = queues("a1 a2 a3 b1 c1 c2");
  expect(waiting.isEmpty).toBe(false);
  expect(drain(waiting)).toBe("a1 b1 c1 a2 c2 a3");
  expect(waiting.isEmpty).toBe(true);
});

test("what was taken out has no turn", () => {
  const { waiting, remove } = queues("a1 a2 b1");
  expect([remove("a1"), remove("a1"), remove("b1"), remove("c1")]).toEqual([
    true,
    false,
    true,
    false,
  ]);
  expect(drain(waiting)).toBe("a2");
});

test("nothing is kept of clients whose items were all taken out", () => {
  const { waiting, remove } = queues("a1 b1 b2");
  for (const name of ["a1", "b1", "b2"]) remove(name);
  expect(waiting.isEmpty).toBe(true);
});

test("a client that may not have its turn keeps it, and others have theirs", () => {
  const { waiting } = queues("a1 a2 b1 b2");
  expect(waiting.next(({ name }) => !name.startsWith("a"))?.name).toBe("b1");
  expect(waiting.next(() => false)).toBeUndefined();
  expect(drain(waiting)).toBe("a1 b2 a2");
});
