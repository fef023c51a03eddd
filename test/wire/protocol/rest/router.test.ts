import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRestRouter, type RestRoute } from "../../../../src/wire/protocol/rest/router.ts";

/** "GET /path" for each route, which is its own value. */
function routerOf(routes: readonly string[], prefix = "") {
  return createRestRouter(routes.map((text) => routeFromText(text, prefix)));
}

function routeFromText(text: string, prefix: string): RestRoute<string> {
  const [httpMethod = "", template = ""] = text.split(" ");
  return { httpMethod, prefix, template, value: text };
}

/** What matched: the route with its variables, the methods allowed, or nothing. */
function outcome(router: ReturnType<typeof routerOf>, request: string) {
  const [httpMethod = "", rawPath = ""] = request.split(" ");
  const match = router.match(httpMethod, rawPath);
  switch (match.kind) {
    case "found":
      return [match.value, Object.fromEntries(match.variables)];
    case "method-not-allowed":
      return match.allow;
    case "not-found":
      return undefined;
  }
}

describe("match", () => {
  const priority = routerOf([
    "GET /v1/shelves",
    "POST /v1/shelves",
    "GET /v1/shelves/{id}",
    "GET /v1/shelves/top",
    "DELETE /v1/shelves/{shelf}",
    "GET /v1/shelves/top/books",
    "GET /v1/{any}/top/{last}",
    "GET /v1/files/{path=**}",
    "GET /v1/files/{dir}/index",
    "GET /v1/files/a/b/c",
    "POST /v1/files/a/*",
    "* /v1/any/{x}",
    "PUT /v1/any/{x}",
    "get /v1/lower",
  ]);
  test.for<[request: string, want: unknown]>([
    ["GET /v1/shelves", ["GET /v1/shelves", {}]],
    ["POST /v1/shelves", ["POST /v1/shelves", {}]],
    ["GET /v1/shelves/7", ["GET /v1/shelves/{id}", { id: "7" }]],
    ["DELETE /v1/shelves/7", ["DELETE /v1/shelves/{shelf}", { shelf: "7" }]],
    ["GET /v1/shelves/top", ["GET /v1/shelves/top", {}]],
    ["DELETE /v1/shelves/top", ["DELETE /v1/shelves/{shelf}", { shelf: "top" }]],
    ["GET /v1/shelves/top/books", ["GET /v1/shelves/top/books", {}]],
    ["GET /v1/shelves/top/x", ["GET /v1/{any}/top/{last}", { any: "shelves", last: "x" }]],
    ["GET /v1/files", ["GET /v1/files/{path=**}", { path: "" }]],
    ["GET /v1/files/a", ["GET /v1/files/{path=**}", { path: "a" }]],
    ["GET /v1/files/a/index", ["GET /v1/files/{dir}/index", { dir: "a" }]],
    ["GET /v1/files/a/b/c", ["GET /v1/files/a/b/c", {}]],
    ["GET /v1/files/a/b/d", ["GET /v1/files/{path=**}", { path: "a/b/d" }]],
    ["POST /v1/files/a/b", ["POST /v1/files/a/*", {}]],
    ["PUT /v1/any/1", ["PUT /v1/any/{x}", { x: "1" }]],
    ["BREW /v1/any/1", ["* /v1/any/{x}", { x: "1" }]],
    ["get /v1/lower", ["get /v1/lower", {}]],
  ])("prefers literal over * over **: %s", ([request, want]) => {
    expect(outcome(priority, request)).toEqual(want);
  });

  test.for<[request: string, allow: string[]]>([
    ["PUT /v1/shelves", ["GET", "POST"]],
    ["HEAD /v1/shelves/7", ["DELETE", "GET"]],
    ["OPTIONS /v1/shelves/top", ["GET"]],
    ["POST /v1/files/a", ["GET"]],
    ["PATCH /v1/files/a/b", ["POST"]],
    ["GET /v1/lower", ["get"]],
  ])(
    "D10: reports the methods of the path, not of those that match, too: %s",
    ([request, allow]) => {
      expect(outcome(priority, request)).toEqual(allow);
    },
  );

  test.for([
    "GET /",
    "GET /v1",
    "GET /v1/nope",
    "GET /v1/shelves/",
    "GET /v1/shelves//",
    "GET //v1/shelves",
    "GET /v1//shelves",
    "GET /v1/files/",
    "GET /v1/files//a",
    "GET /v1/files/a/",
    "GET /V1/shelves",
    "GET v1/shelves",
    "GET ",
    "GET *",
    "GET http://host/v1/shelves",
  ])("does not find %s", (request) => {
    expect(outcome(priority, request)).toBeUndefined();
  });

  const escapes = routerOf([
    "GET /one/{id}",
    "GET /one/{id}/x",
    "GET /many/{name=shelves/*}",
    "GET /deep/{name=**}",
    "GET /caf%C3%A9",
    "GET /slash/a%2Fb",
    "GET /star/*",
  ]);
  test.for<[path: string, variables: object]>([
    ["/one/a%20b", { id: "a b" }],
    ["/one/%C3%A9", { id: "é" }],
    ["/one/a+b", { id: "a+b" }],
    ["/one/%2525", { id: "%25" }],
    ["/one/%252F", { id: "%2F" }],
    ["/one/%2e%2e", { id: ".." }],
    ["/one/..", { id: ".." }],
    ["/one/../x", { id: ".." }],
    ["/one/a;x=1", { id: "a;x=1" }],
    ["/one/a:b", { id: "a:b" }],
    ["/one/a%3Ab", { id: "a:b" }],
    ["/one/:a", { id: ":a" }],
    ["/one/__proto__", { id: "__proto__" }],
    ["/%6Fne/a", { id: "a" }],
    ["/many/shelves/a%2Fb%2fc%20d", { name: "shelves/a%2Fb%2fc d" }],
    ["/many/shelves/%252F", { name: "shelves/%2F" }],
    ["/deep/a/%2F/%C3%A9", { name: "a/%2F/é" }],
    ["/deep/../a", { name: "../a" }],
    ["/caf%c3%a9", {}],
    ["/slash/a%2fb", {}],
    ["/star/a%2Fb", {}],
  ])("decodes %s once", ([path, variables]) => {
    expect(outcome(escapes, `GET ${path}`)).toEqual([expect.any(String), variables]);
  });

  test.for([
    "/one/a%2Fb",
    "/one/%2f",
    "/one%2Fa",
    "/one/a%2Fx",
    "/one/a%2Fb/x",
    "/one/%00",
    "/one/a%00b",
    "/many/shelves/%00",
    "/star/%00",
    "/one/%",
    "/one/%1",
    "/one/%zz",
    "/one/%u0041",
    "/one/%ff",
    "/one/%c0%af",
    "/one/%c0%80",
    "/one/%e0%80%af",
    "/one/%ed%a0%80",
    "/one/%f4%90%80%80",
    "/deep/%ff",
    "/star/%",
    "/one/é",
    "/one/\u0000",
    "/one/\ud800",
    "/one/a\tb",
    "/slash/a/b",
  ])("does not find the misleading path %j", (path) => {
    expect(escapes.match("GET", path)).toEqual({ kind: "not-found" });
    expect(escapes.match("POST", path)).toEqual({ kind: "not-found" });
  });

  const verbs = routerOf([
    "GET /v1/{id}",
    "POST /v1/{id}:cancel",
    "POST /v1/{id}:b:c",
    "POST /v1/{id}:c",
    "GET /v1/shelves",
    "GET /v1/shelves:search",
    "GET /files/{name=**}:read",
    "POST /only/{id}:do%20it",
  ]);
  test.for<[request: string, want: unknown]>([
    ["POST /v1/7:cancel", ["POST /v1/{id}:cancel", { id: "7" }]],
    ["POST /v1/7:x:cancel", ["POST /v1/{id}:cancel", { id: "7:x" }]],
    ["POST /v1/7:b:c", ["POST /v1/{id}:b:c", { id: "7" }]],
    ["POST /v1/7:c", ["POST /v1/{id}:c", { id: "7" }]],
    ["POST /v1/7:canc%65l", ["POST /v1/{id}:cancel", { id: "7" }]],
    ["GET /v1/7:cancel", ["GET /v1/{id}", { id: "7:cancel" }]],
    ["GET /v1/7:other", ["GET /v1/{id}", { id: "7:other" }]],
    ["GET /v1/7:", ["GET /v1/{id}", { id: "7:" }]],
    ["GET /v1/shelves:search", ["GET /v1/shelves:search", {}]],
    ["GET /v1/shelves:", ["GET /v1/{id}", { id: "shelves:" }]],
    ["POST /v1/7%3Acancel", ["GET"]],
    ["POST /v1/7xcancel", ["GET"]],
    ["POST xv1/7:cancel", undefined],
    ["POST /v1/7", ["GET"]],
    ["POST /v1/:cancel", ["GET"]],
    ["PUT /v1/7:cancel", ["POST"]],
    ["GET /files:read", ["GET /files/{name=**}:read", { name: "" }]],
    ["GET /files/a:b/c:read", ["GET /files/{name=**}:read", { name: "a:b/c" }]],
    ["GET /files/a", undefined],
    ["POST /only/7", undefined],
    ["POST /only/:do%20it", undefined],
    ["POST /only/7:do%20it", ["POST /only/{id}:do%20it", { id: "7" }]],
  ])("takes a verb for what the templates say: %s", ([request, want]) => {
    expect(outcome(verbs, request)).toEqual(want);
  });

  const prefixed = routerOf(["GET /users/{id}", "GET /**"], "/management/v1");
  test.for<[path: string, want: unknown]>([
    ["/management/v1/users/1", ["GET /users/{id}", { id: "1" }]],
    ["/management/v1/other", ["GET /**", {}]],
    ["/management/v1", ["GET /**", {}]],
    ["/management/v1/", undefined],
    ["/management/v12/users/1", undefined],
    ["/management/v1users/1", undefined],
    ["/management%2Fv1/users/1", undefined],
    ["/Management/v1/users/1", undefined],
    ["/users/1", undefined],
    ["/", undefined],
  ])("matches whole segments of the prefix: %s", ([path, want]) => {
    expect(outcome(prefixed, `GET ${path}`)).toEqual(want);
  });

  test("lets a catch-all match the root", () => {
    expect(outcome(routerOf(["GET /{path=**}"]), "GET /")).toEqual([
      "GET /{path=**}",
      { path: "" },
    ]);
  });

  test("goes on to * where a method's own route refuses the value", () => {
    const router = routerOf(["GET /a/{x}", "* /a/*"]);
    expect(outcome(router, "GET /a/b%2Fc")).toEqual(["* /a/*", {}]);
  });

  test("never throws, whatever the path", () => {
    const routers = [priority, escapes, verbs, prefixed];
    const pieces = ["/", ":", "%2F", "%", "%00", "%C3", "v1", "one", "many", "shelves", "a", ".."];
    const path = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(fc.constantFrom(...pieces)).map((parts) => `/${parts.join("")}`),
    );
    fc.assert(
      fc.property(fc.constantFrom(...routers), path, (router, rawPath) => {
        expect(["found", "method-not-allowed", "not-found"]).toContain(
          router.match("GET", rawPath).kind,
        );
      }),
    );
  });

  test("finds a verb of which every character is escaped", () => {
    const wide = routerOf(["GET /a:%E2%82%AC", "GET /{id}"]);
    expect(outcome(wide, "GET /a:%E2%82%AC")).toEqual(["GET /a:%E2%82%AC", {}]);
    expect(outcome(wide, "GET /b:%E2%82%AC")).toEqual(["GET /{id}", { id: "b:€" }]);
  });

  test("finds what an escaping client sends", () => {
    const id = fc.string({ unit: "grapheme", minLength: 1 });
    fc.assert(
      fc.property(
        id.filter((text) => !/[/\0]/.test(text)),
        (text) => {
          expect(outcome(escapes, `GET /one/${encodeURIComponent(text)}`)).toEqual([
            "GET /one/{id}",
            { id: text },
          ]);
        },
      ),
    );
  });
});

describe("createRestRouter", () => {
  test.for<[first: string, second: string]>([
    ["GET /a", "GET /a"],
    ["GET /a/{x}", "GET /a/{y}"],
    ["GET /a/{x}", "GET /a/*"],
    ["GET /{x=a/*}", "GET /a/{y}"],
    ["GET /{x=a/**}", "GET /a/**"],
    ["GET /a/{x}:v", "GET /a/*:v"],
    ["GET /caf%C3%A9", "GET /caf%c3%a9"],
    ["GET /a", "GET /%61"],
    ["* /a/{x}", "* /a/{y}"],
  ])("refuses %s beside %s", ([first, second]) => {
    expect(() => routerOf([first, second])).toThrow(
      `routes ${first} and ${second} match the same paths`,
    );
  });

  test("names the prefixes of the routes that it refuses", () => {
    const routes = [
      { httpMethod: "GET", prefix: "/v1", template: "/a", value: 1 },
      { httpMethod: "GET", template: "/v1/a", value: 2 },
    ];
    const want = "routes GET /v1/a and GET /v1/a match the same paths";
    expect(() => createRestRouter(routes)).toThrow(want);
    expect(() => createRestRouter(routes.toReversed())).toThrow(want);
  });

  test.for<[first: string, second: string]>([
    ["GET /a/{x}", "PUT /a/{x}"],
    ["GET /a/{x}", "* /a/{x}"],
    ["GET /a/{x}", "GET /a/b"],
    ["GET /a/*", "GET /a/**"],
    ["GET /a/{x}", "GET /a/{x}:v"],
  ])("accepts %s beside %s", ([first, second]) => {
    expect(() => routerOf([first, second])).not.toThrow();
  });

  test.for(["management", "/v1/", "/", "/{a}", "/*", "/v1/**", "/v1:x"])(
    "refuses the prefix %s",
    (prefix) => {
      expect(() => routerOf(["GET /a"], prefix)).toThrow(/^invalid path (prefix|template) /);
    },
  );

  test("refuses an invalid template", () => {
    expect(() => routerOf(["GET a"], "/v1")).toThrow('invalid path template "a"');
  });
});
