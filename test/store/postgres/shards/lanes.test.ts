import { expect, test } from "vitest";
import { createLanes } from "../../../../src/store/postgres/shards/lanes.ts";
import { isAmong } from "../../../../src/store/postgres/shards/shard-map.ts";

function newLanes() {
  const open = new Set<string>();
  const lanes = createLanes((lane) => {
    const name = lane ?? "of all";
    open.add(name);
    return {
      name,
      async close() {
        open.delete(name);
      },
    };
  });
  return { lanes, open };
}

test("lanes to a node that was removed are closed, and all others stay", async () => {
  const { lanes, open } = newLanes();
  for (const lane of ["2.0", "2.1", "3.0", "all", undefined]) lanes.get(lane);
  const kept = lanes.get("2.0");
  lanes.keep((lane) => isAmong(new Set(["2", "4"]), lane));
  expect([...open].sort()).toEqual(["2.0", "2.1", "all", "of all"]);
  expect(lanes.get("2.0")).toBe(kept);
  // If the node comes back, there are new ones.
  lanes.get("3.0");
  expect([...open].sort()).toEqual(["2.0", "2.1", "3.0", "all", "of all"]);
  await lanes.close();
  expect(open.size).toBe(0);
});

test("closing waits for lanes that are closed already", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const lanes = createLanes(() => ({ close: () => promise }));
  lanes.get("2.0");
  lanes.keep(() => false);
  let isClosed = false;
  const closing = lanes.close().then(() => {
    isClosed = true;
  });
  await Promise.resolve();
  expect(isClosed).toBe(false);
  resolve();
  await closing;
});

test("lanes are found by their names", () => {
  const { lanes } = newLanes();
  for (const lane of ["2.0", "3.0", undefined]) lanes.get(lane);
  expect(lanes.some((lane) => lane.startsWith("2.")).map(({ name }) => name)).toEqual(["2.0"]);
});

test("a lane that is asked for after all were closed is closed, too", async () => {
  const { lanes, open } = newLanes();
  await lanes.close();
  expect(lanes.get("2.0").name).toBe("2.0");
  expect(open.size).toBe(0);
});
