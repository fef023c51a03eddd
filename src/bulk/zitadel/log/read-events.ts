import { BulkError } from "../../bulk-error.ts";
import { textLines } from "../../import/text-lines.ts";
import { objectFrom } from "../../line/user-line.ts";
import { unreadable } from "../../lines-of.ts";
import type { Losses } from "../../losses.ts";
import { eventFromRow, type LogEvent } from "./log-event.ts";
import { createOrganizationLog, type OrganizationLog } from "./organization-log.ts";
import { createUserLog, type UserLog } from "./user-log.ts";

/** What must be known before the people are read. */
export type LogOutline = {
  readonly organizations: OrganizationLog;
  /** Users in the log, machines and removed ones included. */
  readonly users: number;
};

/** An event, or a line of the input that is none. */
export type Entry = LogEvent | { readonly problem: string };

/** The events of a file with a row of `events2` as JSON in each line. */
export async function* eventsOfLines(
  chunks: AsyncIterable<Buffer>,
  show: (bytes: number) => void = () => {},
): AsyncGenerator<readonly Entry[]> {
  for await (const { lines, bytes } of textLines(chunks)) {
    yield lines.map(({ number, text }) => {
      try {
        if (text === undefined) throw new Error("it is too long, or not UTF-8");
        return eventFromRow(objectFrom(text));
      } catch (error) {
        return { problem: `line ${number}: ${error instanceof Error ? error.message : error}` };
      }
    });
    show(bytes);
  }
}

/**
 * Read which organizations there are, and how many users.
 *
 * @throws BulkError if the events of a user are not together and in order.
 */
export async function outlineLog(groups: AsyncIterable<readonly Entry[]>): Promise<LogOutline> {
  const organizations = createOrganizationLog();
  let users = 0;
  let before: LogEvent | undefined;
  for await (const entries of groups) {
    for (const entry of entries) {
      if ("problem" in entry) continue;
      organizations.add(entry);
      if (entry.kind !== "user") continue;
      assertInOrder(before, entry);
      if (before?.aggregate !== entry.aggregate) users += 1;
      before = entry;
    }
  }
  return { organizations, users };
}

function assertInOrder(before: LogEvent | undefined, { aggregate, sequence }: LogEvent): void {
  if (before === undefined || before.aggregate < aggregate) return;
  if (before.aggregate === aggregate && before.sequence < sequence) return;
  throw new BulkError(
    `the events are not in the order of aggregate_id collate "C" and sequence: user ${aggregate}, sequence ${sequence} comes behind user ${before.aggregate}, sequence ${before.sequence}`,
  );
}

/**
 * The people of a log, as lines of an import, each with its history. An entry that is none becomes a line that
 * is rejected.
 *
 * @param losses Gets what is not taken.
 */
export async function* peopleOfLog(
  groups: AsyncIterable<readonly Entry[]>,
  { organizations }: LogOutline,
  losses: Losses,
): AsyncGenerator<readonly object[]> {
  let log: UserLog | undefined;
  const end = (): object[] => {
    const line = log?.line();
    log = undefined;
    return line === undefined ? [] : [line];
  };
  for await (const entries of groups) {
    const lines: object[] = [];
    for (const entry of entries) {
      if ("problem" in entry) lines.push(unreadable(entry.problem));
      else if (entry.kind === "user") {
        if (log !== undefined && log.userId !== entry.aggregate) lines.push(...end());
        log ??= createUserLog(entry.aggregate, organizations.removed, losses);
        log.add(entry);
      }
    }
    yield lines;
  }
  yield end();
}
