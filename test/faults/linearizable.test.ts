import { describe, expect, test } from "vitest";
import { closeCallers } from "../support/api/callers.ts";
import { newPostgresDatabase } from "../support/postgres-database.ts";
import { profileOfNumber, profileText } from "./history/history.ts";
import { explain, linearizable, startNodes } from "./linearizable.ts";

const textOf = (number: number) => profileText(profileOfNumber(number));
const state = (sequence: number, number: number) => ({ sequence, profile: textOf(number) });
const update = (number: number, sequence: number) =>
  ({
    kind: "update",
    user: "one",
    number,
    result: { kind: "done", state: state(sequence, number) },
  }) as const;
const unchanged = (number: number) =>
  ({ kind: "update", user: "one", number, result: { kind: "unchanged" } }) as const;
const read = (sequence: number, number: number) =>
  ({
    kind: "read",
    user: "one",
    result: { kind: "done", state: state(sequence, number) },
  }) as const;

describe("explain", () => {
  test.for([
    { name: "updates in any order", answers: [update(2, 3), update(1, 2)], want: state(3, 2) },
    {
      name: "a read between two updates",
      answers: [update(2, 3), read(2, 1), update(1, 2)],
      want: state(3, 2),
    },
    {
      name: "an update that came too late to change anything",
      answers: [unchanged(1), update(1, 2)],
      want: state(2, 1),
    },
    {
      name: "a change there and back",
      answers: [update(0, 3), unchanged(1), update(1, 2)],
      want: state(3, 0),
    },
  ])("accepts $name", ({ answers, want }) => {
    expect(explain(state(1, 0), answers)).toEqual(want);
  });

  test.for([
    { name: "two updates with one sequence", answers: [update(1, 2), update(2, 2)] },
    { name: "a gap", answers: [update(1, 3)] },
    { name: "an update that changes nothing", answers: [update(0, 2)] },
    {
      name: 'an "unchanged" for a profile that the user never had',
      answers: [unchanged(3), update(1, 2)],
    },
    { name: "a read of a mixture", answers: [read(2, 2), update(1, 2), update(2, 3)] },
    { name: "a read of the past", answers: [read(0, 3)] },
  ])("refuses $name", ({ answers }) => {
    expect(explain(state(1, 0), answers)).toBeUndefined();
  });
});

test.for([
  { name: "on SQLite", database: () => undefined, count: 1 },
  { name: "to two servers on one PostgreSQL", database: newPostgresDatabase, count: 2 },
])("concurrent calls $name are answered as if they had come one after another", async (row) => {
  const nodes = await startNodes(await row.database(), row.count);
  try {
    await linearizable(nodes, 50, 1);
    expect(nodes.calls()).toBeGreaterThan(100);
  } finally {
    closeCallers();
    await nodes.close();
  }
});
