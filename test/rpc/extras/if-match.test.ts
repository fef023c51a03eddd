import { describe, expect, test } from "vitest";
import { ServiceError } from "../../../src/domain/errors.ts";
import {
  assertVersion,
  type Condition,
  conditionFrom,
  maxIfMatchLength,
} from "../../../src/rpc/extras/if-match.ts";

const read = (header: string | null) => conditionFrom(header, { kind: "none" });
const strong = (...opaque: string[]): Condition => ({
  kind: "tags",
  tags: opaque.map((each) => ({ opaque: each, isWeak: false })),
});

describe("conditionFrom", () => {
  test.for<[header: string | null, want: Condition]>([
    [null, { kind: "none" }],
    ["*", { kind: "any" }],
    ['"3"', strong("3")],
    ["3", strong("3")],
    ['"3", "4"', strong("3", "4")],
    ["3,4", strong("3", "4")],
    [' ,, "3" ,\t"4",, ', strong("3", "4")],
    ['""', strong("")],
    ['"a,b"', strong("a,b")],
    ['"003"', strong("003")],
    ['W/"3"', { kind: "tags", tags: [{ opaque: "3", isWeak: true }] }],
    [
      'W/"3", "4"',
      {
        kind: "tags",
        tags: [
          { opaque: "3", isWeak: true },
          { opaque: "4", isWeak: false },
        ],
      },
    ],
  ])("reads %s", ([header, want]) => {
    expect(read(header)).toEqual(want);
  });

  test.for([
    ...["", " ", ",", '"3', '3"', "abc", "W/3", 'w/"3"', '"3" "4"', '"3"4', '*, "3"', '"3", *'],
    ...["**", "-1", "3.0", '"a b"', "'3'", '"3";q=1', "\u00e9", '"3"x, "4"'],
    `"${"1".repeat(maxIfMatchLength)}"`,
  ])("refuses %j", (header) => {
    expect(() => read(header)).toThrow(expect.objectContaining({ key: "ifMatchInvalid" }));
  });

  test("says what counts when nothing was sent", () => {
    expect(conditionFrom(null, { kind: "required" })).toEqual({ kind: "required" });
  });
});

describe("assertVersion", () => {
  const refusalOf = (condition: Condition, version: number) => {
    try {
      assertVersion(condition, version);
      return undefined;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return { key: error.key, message: error.message, ...error.values };
    }
  };
  const mismatch = (
    expected: string,
    current: string,
    message = "Errors.User.VersionMismatch",
  ) => ({
    key: "versionMismatch",
    message,
    expected,
    current,
  });

  test.for<{ header: string | null; version: number; want: unknown }>([
    { header: null, version: 3, want: undefined },
    { header: "*", version: 3, want: undefined },
    { header: '"3"', version: 3, want: undefined },
    { header: '"2", "3"', version: 3, want: undefined },
    { header: 'W/"3", "3"', version: 3, want: undefined },
    { header: '"2"', version: 3, want: mismatch("2", "3") },
    { header: '"03"', version: 3, want: mismatch("03", "3") },
    { header: '"30"', version: 3, want: mismatch("30", "3") },
    { header: '"1", "2"', version: 3, want: mismatch("1, 2", "3") },
    {
      header: 'W/"3"',
      version: 3,
      want: mismatch('W/"3"', "3", "Errors.User.VersionTagWeak"),
    },
    { header: 'W/"2"', version: 3, want: mismatch('W/"2"', "3") },
    { header: "*", version: 0, want: mismatch("*", "0") },
    { header: '"0"', version: 1, want: mismatch("0", "1") },
  ])("$header against version $version", ({ header, version, want }) => {
    expect(refusalOf(read(header), version)).toEqual(want);
  });

  test.for<[version: number, want: unknown]>([
    [1, expect.objectContaining({ key: "ifMatchRequired" })],
    [0, undefined],
  ])("wants a condition where one is required, at version %s", ([version, want]) => {
    expect(refusalOf({ kind: "required" }, version)).toEqual(want);
  });
});
