import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Account, HumanState, PresentHuman } from "../../../src/domain/human-state.ts";
import type { Profile } from "../../../src/domain/profile.ts";
import {
  dataFromText,
  stateFromText,
  textFromData,
  textFromState,
} from "../../../src/store/change/usual-members.ts";

const text = fc.oneof(fc.constantFrom("", "und", "active"), fc.string());
const accounts: fc.Arbitrary<Account> = fc.record({
  userName: text,
  email: text,
  isEmailVerified: fc.boolean(),
  phone: text,
  isPhoneVerified: fc.boolean(),
});
const profiles: fc.Arbitrary<Profile> = fc.record({
  firstName: text,
  lastName: text,
  nickName: text,
  displayName: text,
  preferredLanguage: text,
  gender: fc.constantFrom(0, 1, 2, 3),
});
const humans: fc.Arbitrary<PresentHuman> = fc
  .tuple(
    fc.constantFrom("active" as const, "inactive" as const, "locked" as const),
    accounts,
    profiles,
    fc.record({ metadataChanges: fc.nat() }, { requiredKeys: [] }),
  )
  .map(([status, account, profile, more]) => ({
    ...{ kind: "present", status, ...account, profile },
    ...more,
  }));

const gigi: PresentHuman = {
  kind: "present",
  status: "active",
  userName: "gigi",
  email: "gigi@giraffe.example",
  isEmailVerified: false,
  phone: "",
  isPhoneVerified: false,
  profile: {
    firstName: "Gigi",
    lastName: "Giraffe",
    nickName: "",
    displayName: "Gigi Giraffe",
    preferredLanguage: "und",
    gender: 0,
  },
};
const { kind: _, status: __, profile, ...account } = gigi;
const added = { ...account, ...profile };
const short = { userName: "gigi", email: "gigi@giraffe.example" };
const names = { firstName: "Gigi", lastName: "Giraffe", displayName: "Gigi Giraffe" };

describe("the text of a state", () => {
  test("lacks what nearly everybody shares", () => {
    expect(JSON.parse(textFromState(gigi))).toStrictEqual({
      kind: "present",
      ...short,
      profile: names,
    });
  });

  test("has every other value, and all values come back, in the same order", () => {
    fc.assert(
      fc.property(humans, (human) => {
        expect(JSON.stringify(stateFromText(textFromState(human)))).toBe(JSON.stringify(human));
      }),
    );
  });

  test("of an earlier release has all members, and is read alike", () => {
    expect(stateFromText(JSON.stringify(gigi))).toStrictEqual(gigi);
  });

  test.for<{ state: HumanState }>([
    { state: { kind: "absent" } },
    { state: { kind: "removed" } },
    { state: { kind: "removed", isErased: true } },
  ])("of $state is the whole state", ({ state }) => {
    expect(textFromState(state)).toBe(JSON.stringify(state));
    expect(stateFromText(textFromState(state))).toStrictEqual(state);
  });

  test("is that of any JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (state) => {
        expect(JSON.stringify(stateFromText(textFromState(state)))).toBe(JSON.stringify(state));
      }),
    );
  });
});

describe("the text of the data of an event", () => {
  const type = "user.human.added";

  test("lacks what nearly everybody shares, if it is about a new user", () => {
    expect(JSON.parse(textFromData(type, added))).toStrictEqual({ ...short, ...names });
  });

  test("has every other value, and all values come back, in the same order", () => {
    fc.assert(
      fc.property(accounts, profiles, (account, profile) => {
        const data = { ...account, ...profile };
        const back = dataFromText(type, textFromData(type, data));
        expect(JSON.stringify(back)).toBe(JSON.stringify(data));
      }),
    );
  });

  test("of an earlier release has all members, and is read alike", () => {
    expect(dataFromText(type, JSON.stringify(added))).toStrictEqual(added);
  });

  test("stays empty if it was erased", () => {
    expect(dataFromText(type, "{}")).toStrictEqual({});
  });

  test("of another event has what was changed, also to what nearly everybody has", () => {
    const other = "user.human.profile.changed";
    const data = { nickName: "", preferredLanguage: "und", gender: 0 };
    expect(textFromData(other, data)).toBe(JSON.stringify(data));
    expect(dataFromText(other, textFromData(other, data))).toStrictEqual(data);
  });
});
