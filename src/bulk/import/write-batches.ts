import type { NewStreamOutcome } from "../../store/transfer.ts";
import type { DoneBatch, Run, Tally } from "./import-lines.ts";
import type { LineBatch } from "./line-batches.ts";
import type { ReadyBatch, ReadyUser } from "./prepare-batch.ts";
import { rejectOf } from "./read-batch.ts";

type Batch = LineBatch<DoneBatch>;

/**
 * Write batches in their order, and note what became of their lines.
 *
 * @param tally Gets what each batch has done.
 * @param show Told after each batch how many users are done so far.
 * @returns Takes the batch whose streams the transfer has ready. It need not wait for the batch before: if that fails,
 *   this one fails, too. The database alone would not see to it, because another import of the same input makes the
 *   same progress.
 */
export function createBatchWrite(
  run: Run,
  tally: Tally,
  show: (done: number, batch: Batch) => void,
): (batch: Batch, ready: ReadyBatch) => Promise<void> {
  const send = createSend(run);
  let noted: Promise<void> = Promise.resolve();
  let failed: ReturnType<typeof send> | undefined;

  async function note(batch: Batch, ready: ReadyBatch, outcomes: readonly NewStreamOutcome[]) {
    const { users } = ready;
    const problems = [...ready.problems];
    for (const [index, user] of users.entries()) {
      const reason = reasonOfOutcome(outcomes[index], user);
      if (reason !== undefined) problems.push(rejectOf(user.line, reason));
    }
    // Not before new lines are stored: if another import of the same input goes on, that fails, and the file is left to
    // it. Trying rejected lines again succeeds although it goes on.
    if (batch.stop === undefined) await run.rejects.publish();
    await run.rejects.add(problems.sort((a, b) => a.line - b.line));
    tally.rejected += problems.length;
    const stored = users.filter((_, index) => outcomes[index] === "stored");
    const changed = stored.filter(({ isChange }) => isChange).length;
    tally.changed += changed;
    tally.imported += stored.length - changed;
    tally.unchanged += ready.unchanged;
    show(tally.imported + tally.changed + tally.unchanged, batch);
  }

  return (batch, ready) => {
    const sent = failed ?? send(batch, ready);
    noted = Promise.all([sent, noted]).then(([outcomes]) => note(batch, ready, outcomes));
    sent.catch(() => {
      failed = sent;
    });
    // It is awaited later; without this, Node.js would report an unhandled rejection before that.
    noted.catch(() => {});
    return noted;
  };
}

/** Write batches with the progress that each of them makes. */
function createSend({ transfer, source, isAnew, known: knownFirst }: Run) {
  let known = knownFirst;
  let isFirst = true;
  return ({ count, digest, stop }: Batch, { users, problems }: ReadyBatch) => {
    const lines = {
      tried: users.map(({ line }) => line.line),
      rejected: problems.map(({ line }) => line),
    };
    if (stop !== undefined) return transfer.write({ ...lines, kind: "again", of: stop });
    const progress = { source: source.key, lines: count, digest };
    const before = known;
    known = progress;
    const next = {
      ...lines,
      kind: "next",
      progress,
      known: before,
      isAnew: isAnew && isFirst,
    } as const;
    isFirst = false;
    return transfer.write(next);
  };
}

function reasonOfOutcome(
  outcome: NewStreamOutcome | undefined,
  { stream, isChange }: ReadyUser,
): string | undefined {
  switch (outcome) {
    case "exists":
      return isChange
        ? "the user was changed by somebody else while it was imported"
        : `the id ${JSON.stringify(stream)} is taken`;
    case "unique-key-taken":
      return "the user name is taken";
    default:
      return undefined;
  }
}
