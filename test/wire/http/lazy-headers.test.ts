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
  fc.constantFrom('"3"', " spaced ", "", "a\r\nb", "é", "€", "two words"),
  fc.string(),
);

type Step = (headers: Headers) => unknown;

const steps: fc.Arbitrary<Step> = fc.oneof(
  names.map((name) => (headers: Headers) => headers.get(name)),
  names.map((name) => (headers: Headers) => headers.has(name)),
  names.map((name) => (headers: Headers) => headers.delete(name)),
  fc.tuple(names, values).map(
    ([name, value]) =>
      (headers: Headers) =>
        headers.set(name, value),
  ),
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
      fc.property(fc.array(steps, { maxLength: 12 }), (taken) => {
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
      fc.property(records, fc.array(steps, { maxLength: 12 }), (record, taken) => {
        expectAlike(new RequestHeaders(record), headersFromNode(record), taken);
      }),
    );
  });
});
