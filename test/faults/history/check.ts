import type { History, Operation, StoredUser } from "./history.ts";

/**
 * Check that every answer tells the truth about what is stored, and that the operations on each user
 * could have happened one after another, each at some moment between its call and its answer.
 *
 * The sequence numbers give the order of versions, so no order has to be searched for, and the check takes
 * n log n steps. An operation must come after all versions that any client had seen before it began.
 *
 * @returns What is wrong, one line each; at most `limit` of them.
 */
export function violations({ operations, users }: History, limit = 20): string[] {
  const found: string[] = [];
  const byUser = Map.groupBy(operations, ({ user }) => user);
  for (const stored of users) {
    found.push(...brokenUser(stored));
    found.push(...brokenOperations(stored, byUser.get(stored.user) ?? []));
    byUser.delete(stored.user);
  }
  for (const [user, lost] of byUser) {
    for (const operation of lost) {
      if (operation.outcome.kind === "done")
        found.push(`${user} is not stored: ${told(operation)}`);
    }
  }
  return found.slice(0, limit);
}

/** A user's events and head by themselves. */
function brokenUser({ user, events, head }: StoredUser): string[] {
  const found: string[] = [];
  const check = (holds: boolean, text: string) => {
    if (!holds) found.push(`${user}: ${text}`);
  };
  events.forEach(({ sequence, changeDate, owner }, index) => {
    const before = events[index - 1];
    check(sequence === index + 1, `event ${index + 1} has sequence ${sequence}`);
    check(owner === head.owner, `event ${sequence} belongs to ${owner}`);
    if (before === undefined) return;
    check(changeDate > before.changeDate, `event ${sequence} is dated before the one before`);
  });
  const last = events.at(-1);
  const same = (["sequence", "changeDate", "owner", "profile"] as const).every(
    (key) => last?.[key] === head[key],
  );
  check(same, `the head ${JSON.stringify(head)} is not its last event ${JSON.stringify(last)}`);
  return found;
}

function brokenOperations(stored: StoredUser, operations: readonly Operation[]): string[] {
  const { user, events } = stored;
  const found: string[] = [];
  const note = (text: string) => void found.push(`${user}: ${text}`);

  /** The operation that wrote each version, as far as it is known. */
  const writers = new Map<number, Operation>();
  for (const operation of operations) {
    const { outcome, kind } = operation;
    if (outcome.kind !== "done") continue;
    const event = events[outcome.sequence - 1];
    if (event === undefined) note(`no event of ${told(operation)}`);
    else if (
      event.profile !== operation.profile ||
      event.changeDate !== outcome.changeDate ||
      event.owner !== outcome.owner
    ) {
      note(`event ${JSON.stringify(event)} is not what was answered: ${told(operation)}`);
    }
    if (kind !== "update") continue;
    if (writers.has(outcome.sequence)) note(`answered to another call, too: ${told(operation)}`);
    writers.set(outcome.sequence, operation);
  }

  // An event that no answer tells of must come from an operation that got no answer.
  const open = Map.groupBy(
    operations.filter(({ outcome }) => outcome.kind === "unknown"),
    ({ profile }) => profile,
  );
  for (const { sequence, profile } of events) {
    if (writers.has(sequence)) continue;
    // Take the operation that began first: if any of them can be the writer, it can.
    const writer = open.get(profile)?.shift();
    if (writer === undefined) note(`event ${sequence} comes from no operation: ${profile}`);
    else writers.set(sequence, writer);
  }
  for (const { sequence, profile } of events) {
    if (sequence > 1 && profile === events[sequence - 2]?.profile) {
      note(`event ${sequence} changes nothing`);
    }
  }
  return [...found, ...brokenTime(stored, operations, writers)];
}

/** Walk through the moments at which operations began and ended. */
function brokenTime(
  { user, events }: StoredUser,
  operations: readonly Operation[],
  writers: ReadonlyMap<number, Operation>,
): string[] {
  const found: string[] = [];
  const note = (text: string) => void found.push(`${user}: ${text}`);
  const written = new Map([...writers].map(([sequence, operation]) => [operation, sequence]));
  const sequences = Map.groupBy(
    events.map(({ sequence }) => sequence),
    (sequence) => events[sequence - 1]?.profile ?? "",
  );
  /** The latest version that any client had seen when its operation ended. */
  let seen = 0;
  /** The version that each operation saw or wrote. */
  const versions = new Map<Operation, number>();

  const begin = (operation: Operation) => {
    const { outcome, profile } = operation;
    const version = written.get(operation);
    if (version !== undefined) {
      if (version <= seen) note(`version ${seen} was seen before the call: ${told(operation)}`);
      versions.set(operation, version);
    } else if (outcome.kind === "done") {
      if (outcome.sequence < seen)
        note(`version ${seen} was seen before the call: ${told(operation)}`);
      versions.set(operation, outcome.sequence);
    } else if (outcome.kind === "unchanged") {
      // Take the earliest version that fits, because a later one would leave fewer choices for the next ones.
      const version = sequences.get(profile)?.find((each) => each >= seen);
      if (version === undefined) note(`no version since ${seen} was like that: ${told(operation)}`);
      else versions.set(operation, version);
    }
  };
  for (const { operation, isBegin } of moments(operations)) {
    if (isBegin) begin(operation);
    else seen = Math.max(seen, versions.get(operation) ?? 0);
  }
  return found;
}

/** In order. If one operation begins at the moment when another ends, they count as concurrent. */
function moments(operations: readonly Operation[]) {
  return operations
    .flatMap((operation) => [
      { operation, isBegin: true, at: operation.begunAt },
      { operation, isBegin: false, at: endOf(operation) },
    ])
    .filter(({ at }) => at < Number.POSITIVE_INFINITY)
    .sort((a, b) => a.at - b.at || Number(b.isBegin) - Number(a.isBegin));
}

/** An operation whose outcome is unknown may still take effect after its caller gave up. */
function endOf({ outcome, endedAt }: Operation): number {
  return outcome.kind === "unknown" ? Number.POSITIVE_INFINITY : endedAt;
}

function told({ name, begunAt, endedAt, profile, outcome }: Operation): string {
  return `${name} from ${begunAt} to ${endedAt}, ${profile}: ${JSON.stringify(outcome)}`;
}
