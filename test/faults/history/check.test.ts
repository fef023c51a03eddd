import { describe, expect, test } from "vitest";
import { createRandom, type Random } from "../random.ts";
import { violations } from "./check.ts";
import type { History, Operation, StoredUser } from "./history.ts";

// Long because of one table: every way in which a history can be wrong.

type Event = StoredUser["events"][number];
/** A history of one user, which a mutation makes wrong. */
type Draft = { operations: Operation[]; events: Event[]; head: Event };

const historyOf = ({ operations, events, head }: Draft): History => ({
  operations,
  users: [{ user: "u", events, head }],
});
const dateOf = (sequence: number) => `2026-01-01 ${String(sequence).padStart(6, "0")}`;

/**
 * A history that happened: every operation takes effect at one moment, and its call and its answer
 * lie around that moment. A few updates repeat what another asked for.
 */
function sample(random: Random, count: number): Draft {
  const events: Event[] = [];
  const operations: Operation[] = [];
  const write = (profile: string) => {
    const sequence = events.length + 1;
    const event = { sequence, changeDate: dateOf(sequence), owner: "org", profile };
    events.push(event);
    return event;
  };
  const note = (at: number, operation: Pick<Operation, "kind" | "profile" | "outcome">) => {
    const begunAt = at - random.int(40);
    const endedAt = at + random.int(40);
    operations.push({
      name: `operation ${operations.length}`,
      user: "u",
      begunAt,
      endedAt,
      ...operation,
    });
  };
  const done = ({ sequence, changeDate, owner }: Event) =>
    ({ kind: "done", sequence, changeDate, owner }) as const;

  note(0, { kind: "update", profile: "p0", outcome: done(write("p0")) });
  for (let index = 1; index < count; index += 1) {
    const at = index * 10;
    const current = events.at(-1) as Event;
    const choice = random.int(10);
    const repeated = random.pick(events).profile;
    const profile = random.oneIn(4) ? repeated : `p${index}`;
    if (choice < 3) note(at, { kind: "read", profile: current.profile, outcome: done(current) });
    else if (choice === 3) note(at, { kind: "update", profile, outcome: { kind: "refused" } });
    else if (choice === 4) {
      if (random.oneIn(2) && profile !== current.profile) write(profile);
      note(at, { kind: "update", profile, outcome: { kind: "unknown" } });
    } else if (profile === current.profile) {
      note(at, { kind: "update", profile, outcome: { kind: "unchanged" } });
    } else note(at, { kind: "update", profile, outcome: done(write(profile)) });
  }
  return { operations, events, head: events.at(-1) as Event };
}

/** Whether there is an order in which it could have happened. Tries all orders one by one. */
function couldHaveHappened({ operations, events }: Draft): boolean {
  const run = (left: readonly Operation[], version: number): boolean => {
    if (left.length === 0) return version === events.length;
    const ends = left.flatMap(({ outcome, endedAt }) =>
      outcome.kind === "unknown" ? [] : endedAt,
    );
    const firstEnd = Math.min(...ends);
    return left.some((operation) => {
      if (operation.begunAt > firstEnd) return false;
      const rest = left.filter((other) => other !== operation);
      return versionsAfter(operation, version).some((next) => run(rest, next));
    });
  };
  const versionsAfter = ({ kind, profile, outcome }: Operation, version: number): number[] => {
    const [current, next] = [events[version - 1], events[version]];
    const writes = current?.profile !== profile && next?.profile === profile;
    switch (outcome.kind) {
      case "refused":
        return [version];
      case "unknown":
        return writes ? [version, version + 1] : [version];
      case "unchanged":
        return current?.profile === profile ? [version] : [];
      case "done": {
        const event = kind === "read" ? current : next;
        const isTold =
          event?.sequence === outcome.sequence &&
          event.changeDate === outcome.changeDate &&
          event.owner === outcome.owner &&
          event.profile === profile;
        if (!isTold || (kind === "update" && !writes)) return [];
        return [outcome.sequence];
      }
    }
  };
  return run(operations, 0);
}

/** Number the events again and correct the head, so that the history is wrong but looks consistent. */
function renumber(draft: Draft, events: readonly Event[]): void {
  draft.events = events.map((event, index) => ({
    ...event,
    sequence: index + 1,
    changeDate: dateOf(index + 1),
  }));
  draft.head = draft.events.at(-1) as Event;
}

const isDone = ({ outcome }: Operation) => outcome.kind === "done";
const replace = (draft: Draft, old: Operation, by: Partial<Operation>) => {
  draft.operations = draft.operations.map((each) => (each === old ? { ...old, ...by } : each));
};

/** Ways to make a history wrong. They return false if a history cannot be made wrong in this way. */
const mutations: Record<string, (draft: Draft, random: Random) => boolean> = {
  "an acknowledged update that is lost": (draft) => {
    const { sequence } = draft.head;
    if (!draft.operations.some((each) => each.kind === "update" && isSequence(each, sequence)))
      return false;
    renumber(draft, draft.events.slice(0, -1));
    return draft.events.length > 0;
  },
  "an update that is stored twice": (draft, random) => {
    const event = random.pick(draft.events);
    renumber(
      draft,
      draft.events.flatMap((each) => (each === event ? [each, each] : [each])),
    );
    return true;
  },
  "an update of which half is stored": (draft, random) => {
    const event = random.pick(draft.events);
    renumber(
      draft,
      draft.events.map((each) => (each === event ? { ...each, profile: "p0/p1" } : each)),
    );
    return true;
  },
  "a refused update that is stored": (draft, random) => {
    const open = draft.operations.filter(({ outcome }) => outcome.kind === "unknown");
    const updates = draft.operations.filter(
      (each) =>
        each.kind === "update" &&
        isDone(each) &&
        open.every(({ profile }) => profile !== each.profile),
    );
    replace(draft, random.pick(updates), { outcome: { kind: "refused" } });
    return true;
  },
  "an answer with the sequence of another": (draft, random) => {
    const operation = random.pick(draft.operations.filter(isDone));
    const { outcome } = operation;
    if (outcome.kind !== "done") return false;
    replace(draft, operation, { outcome: { ...outcome, sequence: outcome.sequence + 1 } });
    return true;
  },
  "an answer with another date": (draft, random) => {
    const operation = random.pick(draft.operations.filter(isDone));
    const { outcome } = operation;
    if (outcome.kind !== "done") return false;
    replace(draft, operation, { outcome: { ...outcome, changeDate: "2026-02-01" } });
    return true;
  },
  "an answer that names another owner": (draft, random) => {
    const operation = random.pick(draft.operations.filter(isDone));
    const { outcome } = operation;
    if (outcome.kind !== "done") return false;
    replace(draft, operation, { outcome: { ...outcome, owner: "elsewhere" } });
    return true;
  },
  "a read of a version that was over": (draft, random) => {
    const reads = draft.operations.filter((each) => each.kind === "read");
    const read = reads[random.int(reads.length || 1)];
    const endings = draft.operations.filter(
      (each) => each.kind === "update" && isDone(each) && each.endedAt < (read?.begunAt ?? 0),
    );
    const seen = Math.max(
      0,
      ...endings.map(({ outcome }) => (outcome.kind === "done" ? outcome.sequence : 0)),
    );
    const stale = draft.events[seen - 2];
    if (read === undefined || stale === undefined) return false;
    const { profile, ...version } = stale;
    replace(draft, read, { profile, outcome: { kind: "done", ...version } });
    return true;
  },
  "an update that took effect before it was called": (draft, random) => {
    const updates = draft.operations.filter((each) => each.kind === "update" && isDone(each));
    const late = random.pick(updates);
    const after = draft.operations.filter(
      (each) => isDone(each) && each !== late && sequenceOf(each) >= sequenceOf(late),
    );
    const first = Math.min(...after.map(({ endedAt }) => endedAt));
    if (first === Number.POSITIVE_INFINITY) return false;
    replace(draft, late, { begunAt: first + 1, endedAt: first + 2 });
    return true;
  },
  "an event of nobody": (draft, random) => {
    const at = random.int(draft.events.length + 1);
    const event = { sequence: 0, changeDate: "", owner: "org", profile: "nobody's" };
    renumber(draft, draft.events.toSpliced(at, 0, event));
    return true;
  },
  "a gap": (draft, random) => {
    const at = random.int(draft.events.length);
    draft.events = draft.events.map((event, index) =>
      index < at ? event : { ...event, sequence: event.sequence + 1 },
    );
    draft.head = draft.events.at(-1) as Event;
    return true;
  },
  "a sequence that is given twice": (draft, random) => {
    const at = random.int(draft.events.length);
    draft.events = draft.events.toSpliced(at, 0, draft.events[at] as Event);
    return true;
  },
  "a date that falls back": (draft, random) => {
    if (draft.events.length < 2) return false;
    const at = 1 + random.int(draft.events.length - 1);
    draft.events = draft.events.map((event, index) =>
      index === at ? { ...event, changeDate: dateOf(0) } : event,
    );
    draft.head = draft.events.at(-1) as Event;
    return true;
  },
  "a head that is not the fold of the events": (draft) => {
    draft.head = { ...draft.head, profile: "p0/p1" };
    return true;
  },
  "an update that was called unchanged and would have changed something": (draft, random) => {
    const updates = draft.operations.filter((each) => each.kind === "update" && !isDone(each));
    const operation = updates[random.int(updates.length || 1)];
    if (operation === undefined) return false;
    replace(draft, operation, {
      profile: "never",
      outcome: { kind: "unchanged" },
      endedAt: operation.begunAt + 1,
    });
    return true;
  },
};

const sequenceOf = ({ outcome }: Operation) => (outcome.kind === "done" ? outcome.sequence : 0);
const isSequence = (operation: Operation, sequence: number) => sequenceOf(operation) === sequence;

const numbered = (count: number) => Array.from({ length: count }, (_, number) => number);

describe("violations", () => {
  test("finds nothing in histories that happened", () => {
    for (const number of numbered(300)) {
      const draft = sample(createRandom(`good ${number}`), 60);
      expect(violations(historyOf(draft)), `history ${number}`).toEqual([]);
    }
  });

  test.for(Object.keys(mutations))("finds %s", (name) => {
    let spoilt = 0;
    for (const number of numbered(200)) {
      const random = createRandom(`${name} ${number}`);
      const draft = sample(random, 40);
      if (!mutations[name]?.(draft, random)) continue;
      spoilt += 1;
      expect(violations(historyOf(draft)), `history ${number}`).not.toEqual([]);
    }
    expect(spoilt).toBeGreaterThan(100);
  });

  test("finds a user that is not stored at all", () => {
    const { operations } = sample(createRandom("lost"), 3);
    expect(violations({ operations, users: [] })).not.toEqual([]);
  });

  test("agrees with a check that tries all orders one by one", () => {
    const verdicts = { good: 0, bad: 0 };
    for (const number of numbered(3000)) {
      const random = createRandom(`small ${number}`);
      const draft = sample(random, 2 + random.int(7));
      for (const _ of numbered(random.int(4))) disturb(draft, random);
      const isGood = couldHaveHappened(draft);
      verdicts[isGood ? "good" : "bad"] += 1;
      expect(violations(historyOf(draft)).length === 0, JSON.stringify(draft)).toBe(isGood);
    }
    expect(Math.min(verdicts.good, verdicts.bad)).toBeGreaterThan(500);
  });
});

/** Change something at random. The history may still be right after it. */
function disturb(draft: Draft, random: Random): void {
  const operation = random.pick(draft.operations);
  const other = random.pick(draft.operations);
  const begunAt = operation.begunAt + random.int(60) - 30;
  const endedAt = Math.max(begunAt, operation.endedAt + random.int(60) - 30);
  const { sequence, changeDate, owner, profile } = random.pick(draft.events);
  const changes: readonly Partial<Operation>[] = [
    { begunAt, endedAt },
    { begunAt, endedAt },
    { profile: other.profile },
    operation.kind === "read"
      ? { profile, outcome: { kind: "done", sequence, changeDate, owner } }
      : { outcome: { kind: random.pick(["unchanged", "refused", "unknown"] as const) } },
  ];
  replace(draft, operation, random.pick(changes));
}
