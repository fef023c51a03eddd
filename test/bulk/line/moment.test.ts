import { describe, expect, test } from "vitest";
import { microsFrom } from "../../../src/bulk/line/moment.ts";

describe("microsFrom", () => {
  test.for([
    ["1970-01-01T00:00:00.000001Z", 1],
    ["2026-01-31T12:00:00Z", 1_769_860_800_000_000],
    ["2026-01-31T12:00:00.5+00:00", 1_769_860_800_500_000],
    ["2026-01-31T13:00:00.123456789+01:00", 1_769_860_800_123_456],
    ["2026-01-31 12:00:00.12", 1_769_860_800_120_000],
    ["2255-06-05T23:47:34.740991Z", Number.MAX_SAFE_INTEGER],
  ] as const)("reads %s", ([text, micros]) => {
    expect(microsFrom("at", text)).toBe(micros);
  });

  test.for([
    "",
    "2026-01-31",
    "2026-13-31T12:00:00Z",
    "1960-01-01T00:00:00Z",
    "2255-06-05T23:47:34.740992Z",
    5,
    null,
    undefined,
  ])("refuses %s", (value) => {
    expect(() => microsFrom("at", value)).toThrow("at is not a moment such as");
  });
});
