import { fromJsonString } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { firstJsonValue } from "../../../../src/wire/protocol/rest/json-value.ts";
import { libraryMessage } from "./library.ts";

function thrownBy(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("firstJsonValue", () => {
  test.for([
    ["", "{}"],
    [" \t\r\n", "{}"],
    ["{}", "{}"],
    [' {"a": [1, {"b": "}"}]} ', '{"a": [1, {"b": "}"}]}'],
    ['{"a":1}{"a":2}', '{"a":1}'],
    ['{"a":1} trailing', '{"a":1}'],
    ["{}}", "{}"],
    ['{"\\"}":"\\\\"}x', '{"\\"}":"\\\\"}'],
    ["[1]2", "[1]"],
    ['"a\\"b"c', '"a\\"b"'],
    ['""', '""'],
    ["null", "null"],
    ["true false", "true"],
    ["-1.5e+3,2", "-1.5e+3"],
  ] as const)("reads %j as %j", ([text, value]) => {
    expect(firstJsonValue(text)).toBe(value);
  });

  test.for([
    "{",
    '{"a":"',
    '{"a":"}',
    '"\\',
    '["]',
    "\uFEFF{}",
    "//",
    "}",
    "]",
    ",{}",
    "\u00a0{}",
    "'a'",
  ])("refuses %j", (text) => {
    expect(() => firstJsonValue(text)).toThrow(SyntaxError);
  });

  test("finds every value that JSON can write, whatever follows", () => {
    const tail = fc.constantFrom("", " ", "{", "}", "]", "\n{}", " x", '"');
    fc.assert(
      fc.property(fc.json(), tail, (json, rest) => {
        const trailing = /^["[{]/.test(json) ? rest : ` ${rest}`;
        expect(firstJsonValue(json + trailing)).toBe(json);
      }),
    );
  });

  test("throws nothing but SyntaxError", () => {
    const text = fc.string({ unit: fc.constantFrom(...'{}[]",:\\ a1\n') });
    fc.assert(
      fc.property(text, (input) => {
        const thrown = thrownBy(() => firstJsonValue(input));
        expect(thrown === undefined || thrown instanceof SyntaxError, String(thrown)).toBe(true);
      }),
    );
  });
});

describe("fromJsonString on the first value", () => {
  const shelf = libraryMessage("ShelfRequest");

  test.for([
    ["a key twice", '{"shelfId":"a","shelfId":"b"}'],
    ["a key twice, once with an escape", '{"shelfId":"a","shelf\\u0049d":"b"}'],
    ["a field under both names", '{"shelfId":"a","shelf_id":"b"}'],
    [
      "a nested field under both names",
      '{"values":{"int64s":[],"boolValue":true,"bool_value":null}}',
    ],
    ["an unknown key twice", '{"x":1,"x":2}'],
    ["a closing bracket of the wrong kind", '{"shelfId":"a"]'],
    ["a value that is none", '{"shelfId":undefined}'],
    ["NaN", "NaN"],
    ["a comment", "{/**/}"],
    ["a raw control character", '{"shelfId":"\u0001"}'],
    ["null", "null"],
    ["an array", "[]"],
    ["a number for a text", '{"shelfId":1}'],
  ] as const)("refuses %s", ([, text]) => {
    expect(() =>
      fromJsonString(shelf, firstJsonValue(text), { ignoreUnknownFields: true }),
    ).toThrow();
  });

  test("keeps __proto__ an ordinary key", () => {
    const text = '{"__proto__":{"polluted":true}}';
    expect(fromJsonString(shelf, text, { ignoreUnknownFields: true })).not.toHaveProperty(
      "polluted",
    );
    expect(Object.keys(fromJsonString(StructSchema, text).fields)).toEqual(["__proto__"]);
  });
});
