import { expect, test } from "vitest";
import type { Run } from "../../../src/bulk/import/import-lines.ts";
import { createBatchWrite } from "../../../src/bulk/import/write-batches.ts";
import { type BatchLines, OvertakenError, type Transfer } from "../../../src/store/transfer.ts";

const nothing = { users: [], problems: [], unchanged: 0 };
const batch = (count: number) => ({
  lines: [],
  count,
  digest: `of ${count}`,
  bytes: 0,
  stop: undefined,
});

/** An import into a database whose progress another import of the same input moves as well. */
function createImport() {
  const written: BatchLines[] = [];
  const transfer: Pick<Transfer, "write"> = {
    async write(lines) {
      written.push(lines);
      // The other import was faster with the second batch, so the third would find what it expects.
      if (written.length === 2) throw new OvertakenError();
      return [];
    },
  };
  const run = {
    transfer,
    source: { key: "file" },
    rejects: { publish: async () => {}, add: async () => {} },
    known: undefined,
    isAnew: false,
  } as unknown as Run;
  const tally = {
    imported: 0,
    changed: 0,
    unchanged: 0,
    rejected: 0,
    doneBefore: 0,
    triedAgain: 0,
  };
  return { written, write: createBatchWrite(run, tally, () => {}) };
}

test("C11: writes nothing behind a batch that failed, so that the other import of the same input goes on", async () => {
  const { written, write } = createImport();
  await write(batch(1), nothing);
  await expect(write(batch(2), nothing)).rejects.toThrow(OvertakenError);
  await expect(write(batch(3), nothing)).rejects.toThrow(OvertakenError);
  await expect(write(batch(4), nothing)).rejects.toThrow(OvertakenError);
  expect(written.map((lines) => "progress" in lines && lines.progress.lines)).toEqual([1, 2]);
});
