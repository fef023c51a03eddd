import type { IncomingHttpHeaders } from "node:http";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { headersToNode } from "../../../src/wire/http/exchange.ts";
import {
  AnswerHeaders,
  headersFromNode,
  RequestHeaders,
} from "../../../src/wire/http/lazy-headers.ts";

const names = fc.constantFrom("etag", "ETag", "x-a", "x-2", "constructor", ":path", "", "a b", "ü");
const values = fc.oneof(
  fc.constantFrom('"3"', "plain"),
  fc.constantFrom(" spaced ", "", "a\r\nb", "é", "€", "two words"),
  fc.string(),
);

type Step = (headers: Headers) => unknown;

/** What is done without the platform's headers, as long as names and values are plain. */
const plainSteps: fc.Arbitrary<Step> = fc.oneof(
  names.map((name) => (headers: Headers) => headers.get(name)),
  names.map((name) => (headers: Headers) => headers.has(name)),
  fc.tuple(names, values).map(
    ([name, value]) =>
      (headers: Headers) =>
        headers.set(name, value),
  ),
);

const otherSteps: fc.Arbitrary<Step> = fc.oneof(
  names.map((name) => (headers: Headers) => headers.delete(name)),
  fc.tuple(names, values).map(
    ([name, value]) =>
      (headers: Headers) =>
        headers.append(name, value),
  ),
  fc.constant((headers: Headers) => [...headers]),
  fc.constant((headers: Headers) => [...headers.keys(), ...headers.values()]),
  fc.constant((headers: Headers) => headers.getSetCookie()),
  fc.constant((headers: Headers) => {
    const seen: string[] = [];
    headers.forEach((value, name) => void seen.push(name, value));
    return seen;
  }),
);

const steps = fc
  .tuple(fc.array(plainSteps, { maxLength: 8 }), fc.array(fc.oneof(plainSteps, otherSteps)))
  .map((both) => both.flat());

/** What a step gives, or that it throws. */
function outcome(step: Step, headers: Headers): unknown {
  try {
    return step(headers);
  } catch (error) {
    return (error as Error).name;
  }
}

function expectAlike(lazy: Headers, platform: Headers, taken: readonly Step[]): void {
  for (const step of taken) expect(outcome(step, lazy)).toEqual(outcome(step, platform));
  expect([...lazy]).toEqual([...platform]);
}

describe("lazy headers do what the platform's do", () => {
  test("in an answer", () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const lazy = new AnswerHeaders();
        const platform = new Headers();
        expectAlike(lazy, platform, taken);
        expect({ ...headersToNode(lazy) }).toEqual({ ...headersToNode(platform) });
      }),
    );
  });

  test("in a request", () => {
    const records: fc.Arbitrary<IncomingHttpHeaders> = fc.dictionary(
      fc.constantFrom("etag", "x-a", "x-2", "accept", ":path"),
      fc.oneof(fc.constantFrom('"3"', "a, b", "é"), fc.constant<string[]>(["a=1", "b=2"])),
    );
    fc.assert(
      fc.property(records, steps, (record, taken) => {
        expectAlike(new RequestHeaders(record), headersFromNode(record), taken);
      }),
    );
  });
});

test("what is set for an answer is sent as it is, as long as it is plain", () => {
  const headers = new AnswerHeaders();
  headers.set("etag", '"3"');
  expect([headers.get("etag"), headers.has("x-a")]).toEqual(['"3"', false]);
  expect({ ...headers.plain }).toEqual({ etag: '"3"' });
  headers.append("etag", '"4"');
  expect(headers.plain).toBeUndefined();
  expect({ ...headersToNode(headers) }).toEqual({ etag: '"3", "4"' });
});

test("headers of a request become the platform's: all values, no pseudo-headers", () => {
  const record = {
    ...{ ":path": "/", etag: '"3"', "x-a": undefined },
    ...{ cookie: "a=1; b=2", "set-cookie": ["c=3", "d=4"] },
  };
  expect([...headersFromNode(record)]).toEqual([
    ["cookie", "a=1; b=2"],
    ["etag", '"3"'],
    ["set-cookie", "c=3"],
    ["set-cookie", "d=4"],
  ]);
  const headers = new Headers(headersFromNode(record));
  headers.append("set-cookie", "e=5");
  expect(headersToNode(headers)["set-cookie"]).toEqual(["c=3", "d=4", "e=5"]);
});
