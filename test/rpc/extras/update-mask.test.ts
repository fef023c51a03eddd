import { describe, expect, test } from "vitest";
import {
  maskedProfile,
  maskFrom,
  maxMaskLength,
  unnamedFields,
} from "../../../src/rpc/extras/update-mask.ts";

const profile = {
  firstName: "Gigi",
  lastName: "Giraffe",
  nickName: "",
  displayName: "Gigi G.",
  preferredLanguage: "en",
  gender: 1,
} as const;

const allNames = "first_name,last_name,nick_name,display_name,preferred_language,gender";

describe("maskFrom", () => {
  test.for<[header: string | null, want: string[] | undefined]>([
    [null, undefined],
    ["*", undefined],
    ["nick_name", ["nickName"]],
    ["nickName", ["nickName"]],
    ["nick_name,gender", ["nickName", "gender"]],
    ["nickName , nick_name", ["nickName"]],
    [allNames, Object.keys(profile)],
  ])("reads %s", ([header, want]) => {
    expect(maskFrom(header) && [...(maskFrom(header) ?? [])]).toEqual(want);
  });

  test.for<[header: string, path: string]>([
    ["", ""],
    ["nickname", "nickname"],
    ["nick_name,", ""],
    ["nick_name,*", "*"],
    ["user_id", "user_id"],
    ["profile.nick_name", "profile.nick_name"],
    ["gender,NICK_NAME", "NICK_NAME"],
    ["constructor", "constructor"],
    ["x".repeat(maxMaskLength + 1), `${"x".repeat(32)}…`],
  ])("refuses %s", ([header, path]) => {
    const description = `value must name fields that can be changed, not ${JSON.stringify(path)}`;
    expect(() => maskFrom(header)).toThrow(
      expect.objectContaining({
        message: `invalid update_mask: ${description}`,
        violations: [
          expect.objectContaining({ field: "update_mask", rule: "FIELD_MASK", description }),
        ],
      }),
    );
  });
});

describe("unnamedFields", () => {
  test.for<[header: string | null, want: string[] | undefined]>([
    [null, undefined],
    ["*", undefined],
    ["nickName,gender", ["first_name", "last_name", "display_name", "preferred_language"]],
    [allNames, []],
    ["nick", allNames.split(",")],
  ])("%s", ([header, want]) => {
    const found = unnamedFields(header);
    expect(found && [...found]).toEqual(want);
  });
});

test("maskedProfile keeps what the mask names, also what is empty", () => {
  expect(maskedProfile(profile, maskFrom("nick_name,gender"))).toEqual({ nickName: "", gender: 1 });
  expect(maskedProfile(profile, undefined)).toEqual(profile);
});
