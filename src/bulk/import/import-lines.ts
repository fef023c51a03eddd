import type { Progress, RejectedLines, Transfer } from "../../store/transfer.ts";
import { createMeter } from "../meter.ts";
import { createBatchesInFlight } from "./batches-in-flight.ts";
import type { ImportSource } from "./import-source.ts";
import type { ImportParts } from "./import-users.ts";
import { lineBatches, type Stop } from "./line-batches.ts";
import { prepareBatch } from "./prepare-batch.ts";
import type { Rejects } from "./rejects.ts";
import { createBatchWrite } from "./write-batches.ts";

/** One run of an import. */
export type Run = ImportParts & {
  readonly organizations: ReadonlySet<string>;
  readonly source: ImportSource;
  readonly rejects: Rejects;
  /** What the database knows of the input. */
  readonly known: Progress | undefined;
  /** Whether that is of another input, which begins with the same line. */
  readonly isAnew: boolean;
};

/** What a run has done so far. */
export type Tally = {
  imported: number;
  changed: number;
  unchanged: number;
  rejected: number;
  doneBefore: number;
  triedAgain: number;
};

/** @returns "differs" if the lines that were done before are not those of this input. */
export async function importLines(run: Run, tally: Tally): Promise<"done" | "differs"> {
  const { transfer, source, isAnew } = run;
  const before = isAnew ? undefined : run.known;
  const meter = createMeter("users", source.lines ?? source.size);
  const write = createBatchWrite(run, tally, (done, { count, bytes }) =>
    meter.show(done, source.lines === undefined ? bytes : count),
  );
  const nextStop = createStops(transfer, before);
  const inFlight = createBatchesInFlight();
  try {
    for await (const batch of lineBatches(source.chunks(), transfer.batchSize, nextStop)) {
      const { stop, lines } = batch;
      if (stop !== undefined && (batch.count !== stop.lines || batch.digest !== stop.digest)) {
        await inFlight.written();
        return "differs";
      }
      if (stop !== undefined && stop.rejected.length === 0) continue;
      if (stop !== undefined) tally.triedAgain += lines.length;
      await inFlight.room();
      const ready = await prepareBatch(lines, run, inFlight.all());
      inFlight.add({ ready, end: write(batch, ready) }, lines);
    }
    await inFlight.written();
    // If there were no new lines, no other import goes on with them.
    await run.rejects.publish();
  } finally {
    await inFlight.settled();
    meter.end();
  }
  tally.doneBefore = (before?.lines ?? 0) - tally.triedAgain;
  return "done";
}

/** The end of a batch that an earlier run has written. */
export type DoneBatch = RejectedLines & Stop;

/** Stops at the batches that had rejected lines, and where the earlier runs ended. */
function createStops(transfer: Transfer, before: Progress | undefined) {
  let behind = 0;
  return async (): Promise<DoneBatch | undefined> => {
    if (before === undefined || behind >= before.lines) return undefined;
    const found = await transfer.rejected(before.source, behind);
    const isFound = found !== undefined && found.lines <= before.lines;
    const next = isFound ? found : { ...before, rejected: [] };
    behind = next.lines;
    return { ...next, wanted: new Set(next.rejected) };
  };
}
