import { describe, expect, test } from "vitest";
import { createHeadReader } from "../../../../src/wire/http2/fields.ts";

const request = [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a"];
const read = (...fields: string[]) => createHeadReader(() => "127.0.0.1")([...request, ...fields]);

/** What a character may be part of: alone, because some may not stand at the ends. */
const accepted = (fieldsOf: (character: string) => string[]) =>
  Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).filter(
    (character) => createHeadReader(() => "")(fieldsOf(character)) !== undefined,
  );

const tokens = /[!#$%&'*+.^_`|~0-9a-z-]/;

describe("characters", () => {
  test("of a name: those of a token, without capitals (RFC 9113, section 8.2.1)", () => {
    const all = accepted((character) => [...request, `x${character}`, "y"]);
    expect(all.filter((character) => !tokens.test(character))).toEqual([]);
    expect(all).toHaveLength(15 + 10 + 26);
  });

  test("of a method: those of a token", () => {
    const all = accepted((character) => [":method", character, ...request.slice(2)]);
    expect(all.filter((character) => !tokens.test(character.toLowerCase()))).toEqual([]);
    expect(all).toHaveLength(15 + 10 + 52);
  });

  test("of a value: all but control characters", () => {
    const all = accepted((character) => [...request, "x", `a${character}b`]);
    expect(all.join("")).toMatch(/^\t[\x20-\x7e]+[\x80-\xff]+$/);
    expect(all).toHaveLength(1 + 95 + 128);
  });

  test("of a path: printable ones of ASCII, without a fragment", () => {
    const all = accepted((character) => [":path", `/${character}`, ...request.slice(0, 4)]);
    expect(all.join("")).toMatch(/^[!-~]+$/);
    expect(all).not.toContain("#");
    expect(all).toHaveLength(94 - 1);
  });
});

test("repeated fields are joined, cookies as one cookie", () => {
  expect(read("x", "1", "cookie", "a=b", "x", "2", "cookie", "c=d")?.headers).toMatchObject({
    x: "1, 2",
    cookie: "a=b; c=d",
  });
});

test.for([
  { target: "/a", want: { path: "/a", query: "" } },
  { target: "/a?b?c", want: { path: "/a", query: "b?c" } },
  { target: "/?", want: { path: "/", query: "" } },
])("the query of $target is what follows its first question mark", ({ target, want }) => {
  const fields = [":method", "GET", ":scheme", "http", ":path", target];
  expect(createHeadReader(() => "")(fields)).toMatchObject(want);
});

describe("the head of the request before", () => {
  const many = (count: number) => Array.from({ length: count }, (_, at) => [`x${at}`, ""]).flat();
  const long = (length: number) => ["x", "y".repeat(length - `${request.join("")}x`.length)];

  test.for([
    { name: "24 fields", more: many(20), isKept: true },
    { name: "25 fields", more: many(21), isKept: false },
    { name: "4,096 characters", more: long(4_096), isKept: true },
    { name: "4,097 characters", more: long(4_097), isKept: false },
  ])("of $name is kept: $isKept", ({ more, isKept }) => {
    const reader = createHeadReader(() => "");
    const head = reader([...request, ...more]);
    expect(head).toBeDefined();
    expect(reader([...request, ...more]) === head).toBe(isKept);
  });
});
