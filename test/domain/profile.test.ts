import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  changedFields,
  displayNameOrDefault,
  type Profile,
  profileFrom,
} from "../../src/domain/profile.ts";

const gigi: Profile = {
  firstName: "Gigi",
  lastName: "Giraffe",
  nickName: "Gigi",
  displayName: "Gigi Giraffe",
  preferredLanguage: "en",
  gender: 0,
};

/** Few values per field, so that two profiles often agree. */
const anyProfile = fc
  .record({
    firstName: fc.constantFrom("Gigi", "Gerda", " "),
    lastName: fc.constantFrom("Giraffe", "🦒"),
    nickName: fc.constantFrom("", "Gigi"),
    displayName: fc.constantFrom("Gigi", "gigi"),
    preferredLanguage: fc.constantFrom("", "en", "EN_us", "iw-foobar"),
    gender: fc.integer({ min: -1, max: 4 }),
  })
  .map(profileFrom);

describe("profileFrom", () => {
  test("keeps texts verbatim", () => {
    const texts = { firstName: " ", lastName: " É ", nickName: "", displayName: "e\u0301" };
    expect(profileFrom({ ...gigi, ...texts })).toEqual({ ...gigi, ...texts });
  });

  test.for([
    ["", "und"],
    ["EN_us", "en-US"],
    ["english", "und"],
  ])("reads the language %j as %j", ([preferredLanguage = "", want]) => {
    expect(profileFrom({ ...gigi, preferredLanguage })).toEqual({
      ...gigi,
      preferredLanguage: want,
    });
  });

  test.for([
    [0, 0],
    [1, 1],
    [2, 2],
    [3, 3],
    [-1, 0],
    [4, 0],
    [2 ** 31 - 1, 0],
    [1.5, 0],
    [Number.NaN, 0],
  ])("reads gender %d as %d", ([gender = 0, want]) => {
    expect(profileFrom({ ...gigi, gender }).gender).toBe(want);
  });
});

describe("changedFields", () => {
  test.for<{ name: string; change: Partial<Profile> }>([
    { name: "one field", change: { lastName: "G." } },
    { name: "a cleared field", change: { nickName: "" } },
    { name: "another case", change: { displayName: "gigi giraffe" } },
    { name: "a language", change: { preferredLanguage: "und" } },
    { name: "a gender", change: { gender: 3 } },
    { name: "several fields", change: { firstName: "Gerda", gender: 1 } },
    { name: "nothing", change: {} },
  ])("returns $name", ({ change }) => {
    expect(changedFields(gigi, { ...gigi, ...change })).toEqual(change);
  });

  test("leads from one profile to the other, without a field that is the same", () => {
    fc.assert(
      fc.property(anyProfile, anyProfile, (from, to) => {
        const changed = changedFields(from, to);
        expect({ ...from, ...changed }).toEqual(to);
        for (const field of Object.keys(changed) as (keyof Profile)[]) {
          expect(from[field]).not.toBe(to[field]);
        }
      }),
    );
  });
});

describe("displayNameOrDefault", () => {
  test.for<{ name: string; names: Partial<Profile>; email: string; want: string }>([
    { name: "the display name", names: {}, email: "g@g.example", want: "Gigi Giraffe" },
    { name: "it verbatim", names: { displayName: " G " }, email: "g@g.example", want: " G " },
    {
      name: "first and last name if it is empty",
      names: { displayName: "", firstName: "Gerda" },
      email: "g@g.example",
      want: "Gerda Giraffe",
    },
    {
      name: "first and last name if it is blank",
      names: { displayName: " \t" },
      email: "g@g.example",
      want: "Gigi Giraffe",
    },
    {
      name: "the e-mail address without a first name",
      names: { displayName: "", firstName: "" },
      email: "g@g.example",
      want: "g@g.example",
    },
    {
      name: "the user name without an e-mail address",
      names: { displayName: "", lastName: "" },
      email: "",
      want: "gigi",
    },
  ])("is $name", ({ names, email, want }) => {
    expect(displayNameOrDefault({ ...gigi, ...names }, email, "gigi")).toBe(want);
  });
});
