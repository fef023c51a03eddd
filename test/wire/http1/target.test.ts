import { describe, expect, test } from "vitest";
import { targetParts } from "../../../src/wire/http1/target.ts";

describe("targetParts", () => {
  test.for([
    { target: "/a/b", want: { path: "/a/b", query: "" } },
    { target: "/a?b=c?d", want: { path: "/a", query: "b=c?d" } },
    { target: "/http://b/c", want: { path: "/http://b/c", query: "" } },
    { target: "*", want: { path: "*", query: "" } },
    { target: "*http://b/c", want: { path: "*http://b/c", query: "" } },
    { target: "http://b", want: { authority: "b", path: "/", query: "" } },
    { target: "http://b?c=/d", want: { authority: "b", path: "/", query: "c=/d" } },
    { target: "http://b/c?d", want: { authority: "b", path: "/c", query: "d" } },
    { method: "OPTIONS", target: "*", want: { path: "*", query: "" } },
    { method: "OPTIONS", target: "http://b", want: { authority: "b", path: "*", query: "" } },
    { method: "OPTIONS", target: "http://b/", want: { authority: "b", path: "/", query: "" } },
    { method: "OPTIONS", target: "http://b?", want: { authority: "b", path: "/", query: "" } },
    { method: "CONNECT", target: "b:443", want: { path: "b:443", query: "" } },
  ])("reads $method $target", ({ method = "GET", target, want }) => {
    expect(targetParts(target, method)).toEqual(want);
  });
});
