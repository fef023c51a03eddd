import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EventStore } from "../../src/store/event-store.ts";
import type { NewStream, Transfer } from "../../src/store/transfer.ts";

/** What every engine's transfers must do. Call it once per engine. */
export function describeTransfer(
  name: string,
  open: () => Promise<{ transfer: Transfer; store: EventStore }>,
) {
  describe(`${name} transfer`, () => {
    let transfer: Transfer;
    let store: EventStore;
    beforeAll(async () => {
      ({ transfer, store } = await open());
    });
    afterAll(async () => {
      await transfer.close();
      await store.close();
    });

    const newStream = (stream: string, claims: string[] = [], states = ["a"]): NewStream => ({
      stream,
      organization: "org",
      decisions: states.map((state, index) => ({
        event: { type: "said", data: { state }, creator: "me" },
        state,
        ...(index === 0 && { claims }),
      })),
    });
    const newId = () => `s-${randomUUID()}`;
    const pageBehind = (after: string, limit: number, organization?: string) =>
      transfer.heads({ after, limit, organization });
    const progress = (lines = 1, source = randomUUID()) => ({ source, lines, digest: "d" });

    test("writes streams that the event store then has", async () => {
      const [id, claim] = [newId(), newId()];
      const fates = await transfer.write([newStream(id, [claim], ["a", "b"])], progress());
      expect(fates).toEqual(["stored"]);
      expect(await store.load(id, "org")).toMatchObject({ version: 2, state: "b" });
      expect(await store.locate(claim)).toEqual({ stream: id, organization: "org" });
      const range = { after: 0, limit: 9, ascending: true };
      const history = await store.history(id, "org", range);
      expect(history.map(({ version, data }) => [version, data])).toEqual([
        [1, { state: "a" }],
        [2, { state: "b" }],
      ]);
      const changed = await store.change<string>(id, "org", (head) => ({
        event: { type: "said", data: {}, creator: "me" },
        state: `${head?.state}c`,
      }));
      expect(changed).toMatchObject({ version: 3, state: "bc" });
    });

    test("tells of each stream what became of it, and lets the others be", async () => {
      const [old, fresh, other, claim, free] = [newId(), newId(), newId(), newId(), newId()];
      await transfer.write([newStream(old, [claim])], progress());
      const fates = await transfer.write(
        [
          newStream(old, [], ["again", "and again"]),
          newStream(newId(), [claim], ["a", "b"]),
          newStream(fresh, [free]),
          newStream(fresh),
          newStream(newId(), [free]),
          newStream(other),
        ],
        progress(),
      );
      expect(fates).toEqual(["exists", "claim-taken", "stored", "exists", "claim-taken", "stored"]);
      expect(await store.load(old, "org")).toMatchObject({ version: 1, state: "a" });
      expect(await store.load(fresh, "org")).toMatchObject({ version: 1 });
      expect(await store.load(other, "org")).toMatchObject({ version: 1 });
    });

    test("remembers the progress that it wrote last, by source", async () => {
      const note = progress(7);
      expect(await transfer.progress(note.source)).toBeUndefined();
      await transfer.write([newStream(newId())], note);
      await transfer.write([], { ...note, lines: 9, digest: "e" });
      expect(await transfer.progress(note.source)).toEqual({ ...note, lines: 9, digest: "e" });
      expect(await transfer.progress(randomUUID())).toBeUndefined();
    });

    test("gives heads in the order of their ids, page by page", async () => {
      const prefix = `t-${randomUUID()}`;
      const ids = Array.from({ length: 7 }, (_, index) => `${prefix}-${index}`);
      await transfer.write(
        ids.toReversed().map((id) => newStream(id)),
        progress(),
      );
      const seen: string[] = [];
      for (let after: string | undefined = prefix; after !== undefined; ) {
        const { heads, next } = await pageBehind(after, 3);
        seen.push(...heads.map(({ stream }) => stream));
        expect(heads.length).toBeLessThanOrEqual(3);
        after = next;
      }
      expect(seen.filter((id) => id.startsWith(prefix))).toEqual(ids);
      const { heads } = await pageBehind(prefix, 1);
      expect(heads).toMatchObject([{ stream: ids[0], head: { organization: "org", state: "a" } }]);
    });

    test("goes on behind heads of other organizations, of which it gives none", async () => {
      const prefix = `t-${randomUUID()}`;
      const own = { ...newStream(`${prefix}-9`), organization: "another" };
      await transfer.write(
        [newStream(`${prefix}-1`), newStream(`${prefix}-2`), own, newStream(`${prefix}-99`)],
        progress(),
      );
      const first = await pageBehind(prefix, 2, "another");
      expect(first).toEqual({ heads: [], next: `${prefix}-2` });
      const second = await pageBehind(`${prefix}-2`, 2, "another");
      expect(second).toMatchObject({ heads: [{ stream: own.stream }], next: `${prefix}-99` });
    });
  });
}
