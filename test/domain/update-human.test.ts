import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ErrorKey } from "../../src/domain/errors.ts";
import { advance, decide } from "../../src/domain/human.ts";
import type { HumanEvent, HumanState } from "../../src/domain/human-state.ts";
import type { UpdateHuman } from "../../src/domain/update-human.ts";
import { account, added, fold, profile, removed, updates } from "./gigi.ts";

const number = "+41441234567";
const phoneChanged: HumanEvent = { type: "user.human.phone.changed", data: { phone: number } };
const phoneRemoved: HumanEvent = { type: "user.human.phone.removed", data: {} };

type Row = { name: string; given: HumanEvent[]; command: Omit<UpdateHuman, "type"> };

const update = ({ given, command }: Row) => decide({ type: "update", ...command }, fold(given));

describe("an update", () => {
  test.for<Row & { want: HumanEvent[] }>([
    {
      name: "changes everything, with one event per fact, in ZITADEL's order",
      given: [added],
      command: {
        phone: { number, isVerified: true },
        email: { address: "okapi@giraffe.example", isVerified: true },
        profile: { firstName: "Olaf" },
        userName: "Okapi",
      },
      want: [
        { type: "user.username.changed", data: { userName: "Okapi" } },
        { type: "user.human.profile.changed", data: { firstName: "Olaf" } },
        { type: "user.human.email.changed", data: { email: "okapi@giraffe.example" } },
        { type: "user.human.email.verified", data: {} },
        phoneChanged,
        { type: "user.human.phone.verified", data: {} },
      ],
    },
    {
      name: "changes only the fields of the profile that are named and differ",
      given: [added],
      command: { profile: { firstName: "Gigi", nickName: "G", gender: 2 } },
      want: [{ type: "user.human.profile.changed", data: { nickName: "G", gender: 2 } }],
    },
    {
      name: "clears fields of the profile",
      given: [added],
      command: { profile: { displayName: "" } },
      want: [{ type: "user.human.profile.changed", data: { displayName: "" } }],
    },
    {
      name: "stores a name verbatim, blank or not",
      given: [added],
      command: { userName: " ", profile: { firstName: " " } },
      want: [
        { type: "user.username.changed", data: { userName: " " } },
        { type: "user.human.profile.changed", data: { firstName: " " } },
      ],
    },
    {
      name: "changes the case of a user name",
      given: [added],
      command: { userName: account.userName.toUpperCase() },
      want: [{ type: "user.username.changed", data: { userName: account.userName.toUpperCase() } }],
    },
    {
      name: "says that an address is verified",
      given: [added, { type: "user.human.email.changed", data: { email: "g@g.example" } }],
      command: { email: { address: " g@g.example ", isVerified: true } },
      want: [{ type: "user.human.email.verified", data: {} }],
    },
    {
      name: "removes a phone",
      given: [added, phoneChanged],
      command: { phone: "remove" },
      want: [phoneRemoved],
    },
    { name: "changes nothing if it names nothing", given: [added], command: {}, want: [] },
    {
      name: "changes nothing if nothing differs",
      given: [added, phoneChanged],
      command: {
        userName: account.userName,
        profile,
        email: { address: account.email, isVerified: false },
        phone: { number },
      },
      want: [],
    },
    {
      name: "changes nothing if there is no phone to remove",
      given: [added],
      command: { phone: "remove" },
      want: [],
    },
  ])("$name", ({ want, ...row }) => {
    expect(update(row)).toEqual(want);
  });

  test.for<Row & { want: ErrorKey }>([
    { name: "an unknown human", given: [], command: {}, want: "updateUserNotFound" },
    { name: "a removed human", given: [added, removed], command: {}, want: "updateUserNotFound" },
    {
      name: "no phone number, even of an unknown human",
      given: [],
      command: { phone: { number: undefined } },
      want: "phoneInvalid",
    },
  ])("refuses $name", ({ want, ...row }) => {
    expect(() => update(row)).toThrow(expect.objectContaining({ key: want }));
  });

  test("makes the state what it says, and a second one like it changes nothing", () => {
    fc.assert(
      fc.property(fc.array(updates), updates, (earlier, last) => {
        const before = earlier.reduce<HumanState>(
          (state, each) => advance(each, state).state,
          fold([added]),
        );
        const { state } = advance(last, before);
        expect(state).toEqual(said(last, before));
        expect(decide(last, state)).toEqual([]);
      }),
    );
  });
});

/** The state that an update asks for, without events. */
function said({ userName, profile: fields, email, phone }: UpdateHuman, before: HumanState) {
  if (before.kind !== "present") throw new Error("nobody is there");
  const address = email?.address.trim() ?? before.email;
  const keepsEmail = address === before.email && before.isEmailVerified;
  const numberSaid = phone === "remove" ? "" : (phone?.number ?? before.phone);
  const keepsPhone = numberSaid === before.phone && before.isPhoneVerified;
  return {
    ...before,
    userName: userName ?? before.userName,
    profile: { ...before.profile, ...fields },
    email: address,
    isEmailVerified: keepsEmail || (email?.isVerified ?? false),
    phone: numberSaid,
    isPhoneVerified: keepsPhone || (typeof phone === "object" && (phone.isVerified ?? false)),
  };
}
