import { setImmediate as nextTurn } from "node:timers/promises";
import type { InFlight } from "./batches-in-flight.ts";
import type { ImportParts } from "./import-users.ts";
import type { Line } from "./line-batches.ts";
import { readBatch, type UserOfLine } from "./read-batch.ts";
import type { Reject } from "./rejects.ts";
import { planAdditions, planChanges, type WritePlan } from "./write-plan.ts";

/**
 * So many lines are read and made ready at once. With more, objects of a line would still be in use at V8's next
 * collection of young objects, which would copy them.
 */
const sliceLines = 250;

/** A user who is ready to be written. */
export type ReadyUser = {
  readonly line: Line;
  readonly stream: string;
  /** Whether the user is there already. */
  readonly isChange: boolean;
};

/** What is known of a batch before it is written. */
export type ReadyBatch = {
  /** In the order in which the transfer has them. */
  readonly users: readonly ReadyUser[];
  /** Lines that cannot be written. */
  readonly problems: readonly Reject[];
  /** Users who are as their lines say already. */
  readonly unchanged: number;
};

export type PrepareParts = Omit<ImportParts, "directory" | "source"> & {
  readonly organizations: ReadonlySet<string>;
};

/**
 * Make the users of a batch ready for the next write of the transfer, while it writes the batches before.
 *
 * @param underWay The batches that are not written yet. A user who is in one of them, too, is planned after them.
 */
export async function prepareBatch(
  lines: readonly Line[],
  parts: PrepareParts,
  underWay: readonly InFlight[],
): Promise<ReadyBatch> {
  const users: ReadyUser[] = [];
  const problems: Reject[] = [];
  let unchanged = 0;
  const planOf = createPlanner(parts, underWay);
  for (let from = 0; from < lines.length; from += sliceLines) {
    // Answers of the database are taken between two slices. Otherwise it would wait for its next statement until all
    // lines are ready.
    await nextTurn();
    const read = readBatch(lines.slice(from, from + sliceLines), parts);
    const plan = await planOf(read.users);
    parts.transfer.prepare(plan.planned.map(({ stream }) => stream));
    for (const { line, stream } of plan.planned) {
      users.push({ line, stream: stream.stream, isChange: stream.after !== undefined });
    }
    for (const problem of read.problems) problems.push(problem);
    for (const problem of plan.problems) problems.push(problem);
    unchanged += plan.unchanged;
  }
  return { users, problems, unchanged };
}

function createPlanner(
  { transfer, isUpdating = false }: PrepareParts,
  underWay: readonly InFlight[],
): (users: readonly UserOfLine[]) => Promise<WritePlan> {
  if (!isUpdating) return async (users) => planAdditions(users);
  const written = new Set(underWay.flatMap(({ ready }) => ready.users.map(({ stream }) => stream)));
  return async (users) => {
    if (users.some(({ userId }) => written.has(userId))) await underWay.at(-1)?.end;
    return planChanges(users, transfer);
  };
}
