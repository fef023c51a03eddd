import { expect, test } from "vitest";
import type { ErrorKey } from "../../src/domain/errors.ts";
import { decide } from "../../src/domain/human.ts";
import type { HumanEvent } from "../../src/domain/human-state.ts";
import { account, added, fold, removed } from "./gigi.ts";

const locked: HumanEvent = { type: "user.locked", data: {} };

test.for<{ name: string; given: HumanEvent[]; userName: string }>([
  { name: "to another one", given: [added], userName: "okapi" },
  { name: "in its case alone", given: [added], userName: account.userName.toUpperCase() },
  { name: "verbatim, with blanks", given: [added], userName: ` ${account.userName}\t` },
  { name: "of a locked human", given: [added, locked], userName: "okapi" },
])("a user name changes $name", ({ given, userName }) => {
  expect(decide({ type: "change-user-name", userName }, fold(given))).toEqual([
    { type: "user.username.changed", data: { userName } },
  ]);
});

test.for<{ name: string; given: HumanEvent[]; userName: string; want: ErrorKey }>([
  {
    name: "to the same",
    given: [added],
    userName: account.userName,
    want: "userNameNotChanged",
  },
  { name: "to a blank one", given: [added], userName: "\u3000 ", want: "newUserNameBlank" },
  {
    name: "to a blank one, even of an unknown human",
    given: [],
    userName: " ",
    want: "newUserNameBlank",
  },
  { name: "of an unknown human", given: [], userName: "okapi", want: "changeUserNameNotFound" },
  {
    name: "of a removed human",
    given: [added, removed],
    userName: "okapi",
    want: "changeUserNameNotFound",
  },
])("a user name does not change $name", ({ given, userName, want }) => {
  expect(() => decide({ type: "change-user-name", userName }, fold(given))).toThrow(
    expect.objectContaining({ key: want }),
  );
});
