import { describe, expect, test } from "vitest";
import { createRoute, type Route } from "../../../src/wire/dispatch/route.ts";
import { createRouteTables } from "../../../src/wire/dispatch/route-tables.ts";
import type { RequestHead } from "../../../src/wire/http/exchange.ts";
import { isAnswer } from "../../../src/wire/protocol/protocol.ts";
import { echoOptions } from "../echo.ts";

const done = () => ({ status: 204, headers: {} });
const options = {
  ...echoOptions(),
  actions: new Map([["/action", done]]),
  cors: { origins: ["https://app.example"], requestHeaders: [], answerHeaders: [] },
};
const route = createRoute(createRouteTables(options, new AbortController().signal));

const echo = "/echo.v1.EchoService/Echo";
const look = "/echo.v1.EchoService/Look";
const talk = "/echo.v1.EchoService/Talk";
const note = "/api/v1/notes/7";

/** @param type The content type; none if it is empty. */
function headOf(line: string, type = "", rest: Partial<RequestHead> = {}): RequestHead {
  const [method = "", target = ""] = line.split(" ");
  const [path = "", query = ""] = target.split("?");
  const headers = { host: "a", ...(type !== "" && { "content-type": type }) };
  return {
    ...{ httpVersion: "1.1", method, path, query, peer: "1.2.3.4" },
    ...rest,
    headers: { ...headers, ...rest.headers },
  };
}

/** What a route says, in one line. */
function textOf(found: Route): string {
  switch (found.kind) {
    case "answer":
      return `answer ${found.answer.status}`;
    case "page":
      return "page";
    case "streaming": {
      const refused =
        typeof found.opened === "function" ? "" : `, refused with ${found.opened.status}`;
      return `streaming ${found.method.descriptor.name} by ${found.protocol}${refused}`;
    }
    case "unary":
    case "unknown": {
      const name = found.kind === "unary" ? found.method.descriptor.name : "unknown";
      const refused = isAnswer(found.opened) ? `, refused with ${found.opened.status}` : "";
      return `${name} by ${found.protocol}${refused}`;
    }
  }
}

/** Verb and target, content type, what the route says. */
type Row = readonly [line: string, type: string, want: string];

const grpc = "application/grpc";
const json = "application/json";

describe("route finds", () => {
  test.for<Row>([
    [`POST ${echo}`, grpc, "Echo by grpc"],
    [`POST ${echo}`, "application/grpc+json", "Echo by grpc"],
    [`POST ${echo}`, "APPLICATION/GRPC", "Echo by grpc"],
    [`POST ${echo}`, "application/grpc-web+proto", "Echo by grpc-web"],
    [`POST ${echo}`, "application/grpc-web-text", "Echo by grpc-web"],
    [`POST ${echo}`, json, "Echo by connect"],
    [`POST ${echo}`, "application/proto", "Echo by connect"],
    [`GET ${look}?encoding=json&message={}`, "", "Look by connect"],
    [`PUT ${note}`, json, "Echo by rest"],
    [`PUT ${note}`, "text/plain", "Echo by rest"],
    [`GET ${note}`, "", "Look by rest"],
    [`HEAD ${note}`, "", "Look by rest"],
    ["GET /api/v1/notes/%37", "", "Look by rest"],
    [`OPTIONS ${note}`, "", "answer 204"],
    [`PUT ${note}`, grpc, "Echo by grpc"],
    [`POST ${talk}`, grpc, "streaming Talk by grpc"],
    [`POST ${talk}`, "application/connect+json", "streaming Talk by connect"],
    ["GET /page", "", "page"],
    ["HEAD /page", "", "page"],
    ["GET /page?a=b", grpc, "page"],
    ["POST /action", json, "page"],
    ["POST /action", grpc, "page"],
  ])("%s, type %j: %s", ([line, type, want]) => {
    expect(textOf(route(headOf(line, type)))).toBe(want);
  });

  test("how a REST path sets fields, and only there", () => {
    const found = route(headOf(`GET ${note}`));
    expect(found).toMatchObject({ kind: "unary", bind: expect.any(Function) });
    expect(route(headOf(`POST ${echo}`, json))).not.toHaveProperty("bind");
  });
});

test("pages and actions are what they are by their path", () => {
  const ask = (line: string) => route(headOf(line));
  expect(ask("GET /page?a=b")).toEqual({
    kind: "page",
    page: options.pages.get("/page"),
    path: "/page",
  });
  expect(ask("POST /action?a=b")).toEqual({ kind: "page", page: done, path: "/action" });
});

describe("route refuses", () => {
  test.for<Row>([
    [`PUT ${echo}`, grpc, "Echo by grpc, refused with 405"],
    [`POST ${echo}`, "application/grpc+xml", "Echo by grpc, refused with 415"],
    [`PUT ${echo}`, "application/grpc-web", "Echo by grpc-web, refused with 405"],
    // Only methods without side effects may be called by GET.
    [`GET ${echo}`, "", "Echo by connect, refused with 405"],
    [`POST ${echo}`, "", "Echo by connect, refused with 415"],
    [`POST ${echo}`, "application/grpcx", "Echo by connect, refused with 415"],
    [`GET ${talk}`, "", "streaming Talk by connect, refused with 405"],
    [`PUT ${talk}`, grpc, "streaming Talk by grpc, refused with 405"],
    [`POST ${talk}`, "", "streaming Talk by connect, refused with 415"],
    [`POST ${talk}`, json, "streaming Talk by connect, refused with 415"],
    [`POST ${talk}`, "application/grpc+xml", "streaming Talk by grpc, refused with 415"],
    ["POST /echo.v1.EchoService/Nope", grpc, "unknown by grpc"],
    ["POST /echo.v1.EchoService/echo", grpc, "unknown by grpc"],
    ["POST /", "application/grpc-web", "unknown by grpc-web"],
    ["GET /nowhere", grpc, "unknown by grpc, refused with 405"],
    ["POST /echo.v1.EchoService/Nope", json, "answer 404"],
    ["GET /nowhere", "", "answer 404"],
    ["GET ", "", "answer 404"],
    ["GET /v1/notes/7", "", "answer 404"],
    [`GET ${note}/`, "", "answer 404"],
    ["GET /api/v1/notes/7%2F8", "", "answer 404"],
    [`DELETE ${note}`, "", "answer 405"],
    ["POST /page", "", "answer 405"],
    ["OPTIONS /page", "", "answer 405"],
    ["GET /action", "", "answer 405"],
    ["GET *", "", "answer 404"],
  ])("%s, type %j: %s", ([line, type, want]) => {
    expect(textOf(route(headOf(line, type)))).toBe(want);
  });

  test("an RPC path without JSON, which clients of Connect read as unimplemented", () => {
    const paths = ["/echo.v1.EchoService/Nope", "/nowhere", "/a/b.C/D", "/b.C/D/e"];
    const answers = paths.map((path) => {
      const found = route(headOf(`POST ${path}`, json));
      return found.kind === "answer" && found.answer.body?.toString();
    });
    const unknown = "unknown method /echo.v1.EchoService/Nope\n";
    const notFound = '{"code":5,"message":"Not Found"}';
    expect(answers).toEqual([unknown, notFound, notFound, notFound]);
  });

  test.for([
    { name: "at a REST path", line: `DELETE ${note}`, want: /GET.*PUT/ },
    { name: "at a page", line: "POST /page", want: /^GET, HEAD$/ },
    { name: "at an action", line: "GET /action", want: /^POST$/ },
    { name: "that asks for the verbs of a REST path", line: `OPTIONS ${note}`, want: /GET.*PUT/ },
    { name: "that asks for the verbs of the server", line: "OPTIONS *", want: /^GET, HEAD, POST/ },
  ])("a verb $name, and names those that are allowed", ({ line, want }) => {
    const found = route(headOf(line));
    expect(found).toMatchObject({ answer: { headers: { allow: expect.stringMatching(want) } } });
  });
});

describe("route decides before it looks at the path", () => {
  const preflight = { origin: "https://app.example", "access-control-request-method": "PUT" };

  test.for<readonly [what: string, head: Partial<RequestHead>, line: string, want: string]>([
    ["a malformed host", { headers: { host: "a b" } }, `POST ${echo}`, "answer 400"],
    ["an empty host", { headers: { host: "" } }, `POST ${echo}`, "answer 400"],
    ["a malformed authority", { authority: "a@b" }, `POST ${echo}`, "answer 400"],
    ["an unknown expectation", { headers: { expect: "tea" } }, `POST ${echo}`, "answer 417"],
    ["a preflight", { headers: preflight }, `OPTIONS ${echo}`, "answer 204"],
    [
      "a preflight of another origin",
      { headers: { ...preflight, origin: "null" } },
      `OPTIONS ${note}`,
      "answer 204",
    ],
    ["OPTIONS for the whole server", {}, "OPTIONS *", "answer 204"],
  ])("%s", ([, head, line, want]) => {
    expect(textOf(route(headOf(line, grpc, head)))).toBe(want);
  });

  test("and tells what is wrong with a host, before the connection is closed", () => {
    const found = route(headOf(`GET ${note}`, "", { headers: { host: "a b" } }));
    expect(found).toMatchObject({ kind: "answer", answer: { isLast: true } });
    const body = found.kind === "answer" && found.answer.body?.toString();
    expect(body).toBe('{"code":3,"message":"invalid host"}');
  });

  test("a missing host: HTTP/1.1 needs one, HTTP/1.0 does not", () => {
    const withoutHost = (httpVersion: RequestHead["httpVersion"]) => {
      const { host: _, ...headers } = headOf(`GET ${note}`).headers;
      return textOf(route({ ...headOf(`GET ${note}`), httpVersion, headers }));
    };
    expect([withoutHost("1.1"), withoutHost("1.0")]).toEqual(["answer 400", "Look by rest"]);
  });

  test("a malformed authority of HTTP/2, which stands for the host", () => {
    const http2 = { httpVersion: "2" as const, headers: { ":authority": "a b" } };
    expect(textOf(route(headOf(`GET ${note}`, "", http2)))).toBe("answer 400");
  });

  test("but ignores an expectation in HTTP/1.0", () => {
    const http10 = { httpVersion: "1.0" as const, headers: { expect: "tea" } };
    expect(textOf(route(headOf(`GET ${note}`, "", http10)))).toBe("Look by rest");
  });
});
