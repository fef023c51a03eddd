import { describe, expect, test } from "vitest";
import { headerList, withHeader } from "../../../src/wire/http/exchange.ts";

test("headers as a list: those in common first, and one for each value", () => {
  const headers = {
    etag: "3",
    "set-cookie": ["a=1", "b=2"],
    "content-length": 7,
    gone: undefined,
    vary: "A",
  };
  expect(headerList(headers, ["vary", "Origin", "x-id", "9"], ["status", "200"])).toEqual([
    ...["status", "200", "x-id", "9"],
    ...["etag", "3", "set-cookie", "a=1", "set-cookie", "b=2", "content-length", "7", "vary", "A"],
  ]);
  expect(headerList({ etag: "3" })).toEqual(["etag", "3"]);
});

describe("headers of an answer", () => {
  const headers = { "content-type": "a", etag: "3" };
  test.for([
    { name: "a handler set nothing", set: undefined, more: undefined, want: headers },
    { name: "there are more", set: undefined, more: { x: "1" }, want: { ...headers, x: "1" } },
    { name: "a handler set some", set: { etag: "4" }, more: undefined, want: { etag: "4" } },
    { name: "a handler set the same", set: { x: "2" }, more: { x: "1" }, want: { x: "2" } },
  ])("if $name", ({ set, more, want }) => {
    const all = withHeader(headers, set && new Headers(set), more);
    expect(all).toEqual({ ...headers, ...want });
    expect(headers).toEqual({ "content-type": "a", etag: "3" });
  });
});
