import { describe, expect, test } from "vitest";
import type { ContactCommand } from "../../src/domain/contact.ts";
import type { ErrorKey } from "../../src/domain/errors.ts";
import { decide } from "../../src/domain/human.ts";
import type { HumanEvent } from "../../src/domain/human-state.ts";
import { account, added, fold, removed } from "./gigi.ts";

const number = "+41441234567";
const emailChanged = (email: string): HumanEvent => ({
  type: "user.human.email.changed",
  data: { email },
});
const emailVerified: HumanEvent = { type: "user.human.email.verified", data: {} };
const phoneChanged: HumanEvent = { type: "user.human.phone.changed", data: { phone: number } };
const phoneVerified: HumanEvent = { type: "user.human.phone.verified", data: {} };
const phoneRemoved: HumanEvent = { type: "user.human.phone.removed", data: {} };
/** Gigi's address is verified when she is added. */
const unverified = [added, emailChanged("g@g.example")];

type Row = { given: HumanEvent[]; command: ContactCommand };

describe.for(["change", "set"] as const)("%s", (verb) => {
  const email = (address: string, isVerified = false) =>
    ({ type: `${verb}-email`, email: address, isVerified }) as const;
  const phone = (text: string | undefined, isVerified = false) =>
    ({ type: `${verb}-phone`, phone: text, isVerified }) as const;

  test.for<Row & { name: string; want: HumanEvent[] }>([
    {
      name: "an address",
      given: [added],
      command: email("g@g.example"),
      want: [emailChanged("g@g.example")],
    },
    {
      name: "an address to a verified one",
      given: [added],
      command: email("g@g.example", true),
      want: [emailChanged("g@g.example"), emailVerified],
    },
    {
      name: "the case of an address",
      given: [added],
      command: email("Gigi@giraffe.example"),
      want: [emailChanged("Gigi@giraffe.example")],
    },
    {
      name: "an address, trimmed",
      given: [added],
      command: email(" g@g.example\t"),
      want: [emailChanged("g@g.example")],
    },
    { name: "a phone", given: [added], command: phone(number), want: [phoneChanged] },
    {
      name: "a phone to a verified one",
      given: [added],
      command: phone(number, true),
      want: [phoneChanged, phoneVerified],
    },
  ])("changes $name", ({ given, command, want }) => {
    expect(decide(command, fold(given))).toEqual(want);
  });

  test.for<Row & { name: string; want: Record<typeof verb, ErrorKey> }>([
    {
      name: "the same address",
      given: [added],
      command: email(account.email),
      want: { change: "emailNotChanged", set: "setEmailNotChanged" },
    },
    {
      name: "the same verified address",
      given: [added],
      command: email(account.email, true),
      want: { change: "emailNotChanged", set: "setEmailNotChanged" },
    },
    {
      name: "the same address, but for blanks around it",
      given: [added],
      command: email(` ${account.email} `),
      want: { change: "emailNotChanged", set: "setEmailNotChanged" },
    },
    {
      name: "the same phone",
      given: [added, phoneChanged],
      command: phone(number),
      want: { change: "phoneNotChanged", set: "setPhoneNotChanged" },
    },
    {
      name: "the same verified phone",
      given: [added, phoneChanged, phoneVerified],
      command: phone(number, true),
      want: { change: "phoneNotChanged", set: "setPhoneNotChanged" },
    },
    {
      name: "no phone number, even of an unknown human",
      given: [],
      command: phone(undefined),
      want: { change: "phoneInvalid", set: "phoneInvalid" },
    },
    ...[[], [added, removed]].flatMap((given) => [
      {
        name: `the address of a human after ${given.length} events`,
        given,
        command: email("g@g.example"),
        want: { change: "changeEmailNotFound", set: "setEmailNotFound" } as const,
      },
      {
        name: `the phone of a human after ${given.length} events`,
        given,
        command: phone(number),
        want: { change: "changePhoneNotFound", set: "setPhoneNotFound" } as const,
      },
    ]),
  ])("refuses $name", ({ given, command, want }) => {
    expect(() => decide(command, fold(given))).toThrow(
      expect.objectContaining({ key: want[verb] }),
    );
  });
});

test.for<Row & { name: string; want: HumanEvent[] }>([
  {
    name: "the same address is verified",
    given: unverified,
    command: { type: "change-email", email: "g@g.example", isVerified: true },
    want: [emailVerified],
  },
  {
    name: "the same phone is verified",
    given: [added, phoneChanged],
    command: { type: "change-phone", phone: number, isVerified: true },
    want: [phoneVerified],
  },
])("v1 may say only that $name", ({ given, command, want }) => {
  expect(decide(command, fold(given))).toEqual(want);
});

test.for<Row & { name: string; want: ErrorKey }>([
  {
    name: "address",
    given: unverified,
    command: { type: "set-email", email: "g@g.example", isVerified: true },
    want: "setEmailNotChanged",
  },
  {
    name: "phone",
    given: [added, phoneChanged],
    command: { type: "set-phone", phone: number, isVerified: true },
    want: "setPhoneNotChanged",
  },
])("v2 may not say only that the same $name is verified", ({ given, command, want }) => {
  expect(() => decide(command, fold(given))).toThrow(expect.objectContaining({ key: want }));
});

describe("a phone", () => {
  test.for(["remove-phone", "clear-phone"] as const)("is removed by %s", (type) => {
    expect(decide({ type }, fold([added, phoneChanged]))).toEqual([phoneRemoved]);
  });

  test("that is not there is no error in v2", () => {
    expect(decide({ type: "clear-phone" }, fold([added]))).toEqual([]);
  });

  test.for<{ type: "remove-phone" | "clear-phone"; given: HumanEvent[]; want: ErrorKey }>([
    { type: "remove-phone", given: [added], want: "phoneNotFound" },
    { type: "remove-phone", given: [added, phoneChanged, phoneRemoved], want: "phoneNotFound" },
    { type: "remove-phone", given: [], want: "removePhoneNotFound" },
    { type: "remove-phone", given: [added, removed], want: "removePhoneNotFound" },
    { type: "clear-phone", given: [], want: "setPhoneNotFound" },
    { type: "clear-phone", given: [added, removed], want: "setPhoneNotFound" },
  ])("is not removed by $type after $given.length events: $want", ({ type, given, want }) => {
    expect(() => decide({ type }, fold(given))).toThrow(expect.objectContaining({ key: want }));
  });
});
