import type { DescMessage, JsonObject } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import {
  ImportHumanUserRequestSchema,
  ListUsersRequestSchema,
  UpdateHumanProfileRequestSchema,
} from "../../../../gen/zitadel/management_pb.ts";
import { createJsonCodec } from "../../../../src/wire/protocol/codec.ts";
import { likelyName } from "../../../../src/wire/protocol/strict/likely-name.ts";
import { prefersStrict } from "../../../../src/wire/protocol/strict/prefer.ts";
import { unknownNames } from "../../../../src/wire/protocol/strict/unknown-names.ts";
import { libraryMessage } from "../rest/library.ts";

describe("prefersStrict", () => {
  test.for([
    "handling=strict",
    'handling="strict"',
    "Handling = Strict",
    "return=minimal, handling=strict",
    "handling=strict; foo=bar",
    'foo="a, handling=lenient", handling=strict',
    "handling=strict, handling=lenient",
  ])("takes %s", (header) => {
    expect(prefersStrict(header)).toBe(true);
  });

  test.for([
    undefined,
    "",
    "handling=lenient",
    "handling=lenient, handling=strict",
    "handling=stricter",
    "handling",
    "strict",
    "x-handling=strict",
    'foo="handling=strict"',
    'foo="a, handling=strict"',
    "foo; handling=strict",
  ])("leaves %s alone", (header) => {
    expect(prefersStrict(header)).toBe(false);
  });
});

describe("likelyName", () => {
  const names = ["userId", "firstName", "lastName", "nickName", "displayName", "gender"];
  test.for<[written: string, likely: string | undefined]>([
    ["firstname", "firstName"],
    ["first_name", "firstName"],
    ["fristName", "firstName"],
    ["nikname", "nickName"],
    ["genders", "gender"],
    ["dispalyNam", undefined],
    ["givenName", undefined],
    ["id", undefined],
    ["", undefined],
    ["f_i_r_s_t_name", "firstName"],
    ["xxgender", "gender"],
    ["xxxgender", undefined],
  ])("%s: %s", ([written, likely]) => {
    expect(likelyName(written, names)).toBe(likely);
  });

  test("finds none if half of the letters are wrong", () => {
    expect(likelyName("ab", ["cd"])).toBeUndefined();
  });

  test("finds none for a name of more than 64 letters", () => {
    expect(likelyName("a".repeat(64), ["a".repeat(65)])).toBe("a".repeat(65));
    expect(likelyName("a".repeat(65), ["a".repeat(65)])).toBeUndefined();
  });
});

test("a message that is nested too deeply is refused before its names are looked at", () => {
  const text = `{"queries":[${'{"notQuery":{"query":'.repeat(10_000)}{}${"}}".repeat(10_000)}]}`;
  expect(() => createJsonCodec(undefined).strict.parse(ListUsersRequestSchema, text)).toThrow(
    expect.objectContaining({ code: Code.InvalidArgument }),
  );
});

describe("unknownNames", () => {
  test.for<{ schema: DescMessage; value: JsonObject; want: unknown[] }>([
    {
      schema: UpdateHumanProfileRequestSchema,
      value: { userId: "1", first_name: "A", lastName: "B", gender: 1 },
      want: [],
    },
    {
      schema: UpdateHumanProfileRequestSchema,
      value: { firstname: "A", gender: "GENDER_FEMAL", other: { firstname: 1 } },
      want: [
        { path: "firstname", kind: "field", likely: "firstName" },
        { path: "gender", kind: "value", likely: "GENDER_FEMALE" },
        { path: "other", kind: "field", likely: undefined },
      ],
    },
    {
      schema: ImportHumanUserRequestSchema,
      value: { profile: { firstNames: "A" }, idps: [{ configId: "1" }, { idpid: "2" }] },
      want: [
        { path: "profile.firstNames", kind: "field", likely: "firstName" },
        { path: "idps.idpid", kind: "field", likely: undefined },
      ],
    },
    {
      schema: UpdateHumanProfileRequestSchema,
      value: Object.fromEntries([..."abcdefgh"].map((name) => [name, 1])),
      want: [..."abcd"].map((path) => ({ path, kind: "field", likely: undefined })),
    },
    {
      schema: UpdateHumanProfileRequestSchema,
      value: { constructor: 1 },
      want: [{ path: "constructor", kind: "field", likely: undefined }],
    },
    {
      schema: libraryMessage("Notes"),
      value: { genres: ["GENRE_LAW", ..."abcdef"] },
      want: [..."abcd"].map(() => ({ path: "genres", kind: "value", likely: undefined })),
    },
    {
      schema: libraryMessage("Notes"),
      value: { rooms: { a: { since: "2030-01-31T12:00:00Z", shelf: null, nope: 1 } } },
      want: [{ path: "rooms.nope", kind: "field", likely: undefined }],
    },
    {
      schema: libraryMessage("Notes"),
      value: { free: { nope: 1 }, value: { nope: 1 }, any: { "@type": "a", nope: 1 } },
      want: [],
    },
    {
      schema: libraryMessage("Notes"),
      value: { shelf: null, genres: null, rooms: null },
      want: [],
    },
  ])("$value", ({ schema, value, want }) => {
    expect(unknownNames(schema, value)).toEqual(want);
  });
});
