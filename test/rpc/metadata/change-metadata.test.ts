import { createContextValues } from "@connectrpc/connect";
import { expect, onTestFinished, test } from "vitest";
import { maxMetadataBytes } from "../../../src/domain/metadata.ts";
import { changeHuman } from "../../../src/rpc/change-human.ts";
import { extrasKey } from "../../../src/rpc/extras/extras.ts";
import {
  createMetadataChanges,
  metadataEntries,
} from "../../../src/rpc/metadata/change-metadata.ts";
import type { EventStore } from "../../../src/store/event-store.ts";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../src/store/sqlite/event-store.ts";
import { added, fold } from "../../domain/gigi.ts";

const { signal } = new AbortController();
const organization = "org";

/** A human in a store that notes for which keys, and whether for the total, it was asked. */
async function setUp() {
  const asked: { keys: readonly string[]; isTotalled: boolean }[] = [];
  const real = createSqliteEventStore({
    database: openSqlite(":memory:"),
    now: () => Date.now() * 1_000,
  });
  onTestFinished(() => real.close());
  const store: EventStore = {
    ...real,
    outlineAttributes: () => Promise.reject(new Error("all keys were read")),
    findAttributes(stream, owner, keys, isTotalled) {
      asked.push({ keys, isTotalled });
      return real.findAttributes(stream, owner, keys, isTotalled);
    },
  };
  await store.change("gigi", organization, () => ({
    events: [{ ...added, creator: "me" }],
    state: fold([added]),
  }));
  const set = (
    changes: ReturnType<typeof createMetadataChanges>,
    values: Readonly<Record<string, string>>,
    isDryRun = false,
  ) => {
    const entries = Object.entries(values).map(([key, text]) => ({
      key,
      value: Buffer.from(text),
    }));
    const contextValues = createContextValues();
    contextValues.set(extrasKey, { ...contextValues.get(extrasKey), isDryRun });
    const command = { type: "set-metadata", entries: metadataEntries(entries) } as const;
    return changes.run({ values: contextValues, signal }, "gigi", organization, command).then(
      () => "done",
      ({ key }: { key?: string }) => key,
    );
  };
  return { store, asked, set };
}

test("changes of metadata read their own keys, and the total of all keys once", async () => {
  const { store, asked, set } = await setUp();
  const changes = createMetadataChanges(store);
  for (let number = 0; number < 5; number += 1) {
    expect(await set(changes, { [`key ${number}`]: "1", shared: `${number}` })).toBe("done");
  }
  const keys = [0, 1, 2, 3, 4].map((number) => [`key ${number}`, "shared"]);
  expect(asked).toEqual(keys.map((each, place) => ({ keys: each, isTotalled: place === 0 })));
  const context = { values: createContextValues(), signal };
  await changeHuman(store, context, "gigi", organization, { type: "lock" });
  expect(await set(changes, { last: "1" })).toBe("done");
  expect(asked.at(-1)).toEqual({ keys: ["last"], isTotalled: false });
});

test("no change passes the limit, whatever other servers and dry runs do", async () => {
  const { store, asked, set } = await setUp();
  const [here, there] = [createMetadataChanges(store), createMetadataChanges(store)];
  const half = "x".repeat(maxMetadataBytes / 2 - 1);
  expect(await set(here, { a: half })).toBe("done");
  expect(await set(here, { b: half }, true)).toBe("done");
  expect(await set(there, { c: half })).toBe("done");
  expect(await set(here, { d: "1" })).toBe("metadataTooLarge");
  expect(await set(here, { a: "" }, true)).toBe("done");
  expect(await set(here, { d: "1" })).toBe("metadataTooLarge");
  expect(await set(there, { a: "" })).toBe("done");
  expect(await set(here, { d: half })).toBe("done");
  expect(await set(there, { e: "" })).toBe("done");
  expect(await set(there, { e: "1" })).toBe("metadataTooLarge");
  // Whoever finds that the other one has changed something asks for the total.
  expect(asked.filter(({ isTotalled }) => isTotalled)).toHaveLength(5);
});
