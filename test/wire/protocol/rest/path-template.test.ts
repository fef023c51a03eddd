import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type PathTemplate,
  parsePathTemplate,
} from "../../../../src/wire/protocol/rest/path-template.ts";

const literal = (text: string) => ({ kind: "literal", text }) as const;
const one = { kind: "one" } as const;
const rest = { kind: "rest" } as const;
const variable = (fieldPath: string, start: number, end: number) => ({ fieldPath, start, end });

function thrownBy(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("parsePathTemplate", () => {
  test.for<{ template: string } & Partial<PathTemplate>>([
    { template: "/healthz", segments: [literal("healthz")] },
    { template: "/v1/*/books", segments: [literal("v1"), one, literal("books")] },
    { template: "/**", segments: [rest] },
    {
      template: "/users/{user_id}/profile",
      segments: [literal("users"), one, literal("profile")],
      variables: [variable("user_id", 1, 2)],
    },
    { template: "/{a=*}", segments: [one], variables: [variable("a", 0, 1)] },
    { template: "/{a=b}", segments: [literal("b")], variables: [variable("a", 0, 1)] },
    {
      template: "/v1/{name=shelves/*/books/*}",
      segments: [literal("v1"), literal("shelves"), one, literal("books"), one],
      variables: [variable("name", 1, 5)],
    },
    {
      template: "/{a.b_2._c}/x/{name=files/**}",
      segments: [one, literal("x"), literal("files"), rest],
      variables: [variable("a.b_2._c", 0, 1), variable("name", 2, Number.POSITIVE_INFINITY)],
    },
    {
      template: "/{a=x/*}/**",
      segments: [literal("x"), one, rest],
      variables: [variable("a", 0, 2)],
    },
    { template: "/shelves:search", segments: [literal("shelves")], verb: "search" },
    { template: "/{a}:run", segments: [one], variables: [variable("a", 0, 1)], verb: "run" },
    { template: "/{a}:b:c", segments: [one], variables: [variable("a", 0, 1)], verb: "b:c" },
    { template: "/**:watch", segments: [rest], verb: "watch" },
    { template: "/caf%C3%A9/a%2fb:%64o", segments: [literal("café"), literal("a/b")], verb: "do" },
    { template: "/a-b_c.d~e!$&'()+,;=@", segments: [literal("a-b_c.d~e!$&'()+,;=@")] },
    { template: "/./..", segments: [literal("."), literal("..")] },
  ])("reads $template", ({ template, segments = [], variables = [], verb = "" }) => {
    expect(parsePathTemplate(template)).toEqual({ segments, variables, verb });
  });

  test.for([
    ["", "must start"],
    ["users/{id}", "must start"],
    ["*", "must start"],
    ["{a=/b}", "must start"],
    ["/", "empty segment"],
    ["//", "empty segment"],
    ["/a/", "empty segment"],
    ["/a//b", "empty segment"],
    ["/{a=}", "empty segment"],
    ["/{a=b/}", "empty segment"],
    ["/{a=/b}", "empty segment"],
    ["/:verb", "empty segment"],
    ["/***", "not a segment"],
    ["/bar*", "not a segment"],
    ["/*bar", "not a segment"],
    ["/a?", "not a segment"],
    ["/a?b=c", "not a segment"],
    ["/a#b", "not a segment"],
    ["/a b", "not a segment"],
    ["/é", "not a segment"],
    ["/a%1", "not a segment"],
    ["/a%zz", "not a segment"],
    ["/%ff", "not a segment"],
    ["/**/a", "must be the last"],
    ["/**/**", "must be the last"],
    ["/{a=**}/b", "must be the last"],
    ["/{a=**}/{b}", "must be the last"],
    ["/{a=**/b}", "must be the last"],
    ["/{1}", "not a field path"],
    ["/{}", "not a field path"],
    ["/{=a}", "not a field path"],
    ["/{-}", "not a field path"],
    ["/{a-b}", "not a field path"],
    ["/{field.1}", "not a field path"],
    ["/{field.}", "not a field path"],
    ["/{.field}", "not a field path"],
    ["/{a..b}", "not a field path"],
    ["/{a }", "not a field path"],
    ["/{*}", "not a field path"],
    ["/{a}/{a}", "appears twice"],
    ["/{a={b}}", "whole segments"],
    ["/{a=x/{b}}", "whole segments"],
    ["/{a=x/{b}/y}", "cannot contain another"],
    ["/{a}b", "whole segments"],
    ["/a{b}", "whole segments"],
    ["/{a}{b}", "whole segments"],
    ["/{a", "whole segments"],
    ["/{a=b/c", "not closed"],
    ["/a}", "closes nothing"],
    ["/{a=b}/c}", "closes nothing"],
    ["/a:", "not a verb"],
    ["/{a}:", "not a verb"],
    ["/a:verb/b", "not a verb"],
    ["/a:{b}", "not a verb"],
    ["/a:*", "not a verb"],
    ["/a:v w", "not a verb"],
    ["/a:%ff", "not a verb"],
    ["/{a:b}", "not a verb"],
  ] as const)("refuses %s", ([template, reason]) => {
    expect(thrownBy(() => parsePathTemplate(template))).toEqual(
      expect.objectContaining({
        message: expect.stringMatching(`^invalid path template .*${reason}`),
      }),
    );
  });

  test("names the template and the offence", () => {
    expect(() => parsePathTemplate("/a/bar*")).toThrow(
      'invalid path template "/a/bar*": "bar*" is not a segment',
    );
  });

  test("returns or refuses, whatever the template", () => {
    const pieces = ["/", "*", "**", "{", "}", "=", ":", ".", "a", "b1", "%2F", "%", "é", "\0"];
    const template = fc.array(fc.constantFrom(...pieces)).map((parts) => `/${parts.join("")}`);
    fc.assert(
      fc.property(template, (text) => {
        const thrown = thrownBy(() => parsePathTemplate(text));
        expect(String(thrown)).toMatch(/^(undefined|Error: invalid path template ".*)/);
      }),
    );
  });
});
