import { describe, expect, test } from "vitest";
import { restRoutesFromMethod } from "../../../../src/wire/protocol/rest/http-rule.ts";
import { createRestRouter } from "../../../../src/wire/protocol/rest/router.ts";
import { libraryMethod, libraryMethods } from "./library.ts";

describe("restRoutesFromMethod", () => {
  test.for<[method: string, want: unknown[]]>([
    [
      "GetShelf",
      [
        { route: "GET /v1/shelves/{shelf_id}", notInQuery: ["shelf_id"] },
        { route: "GET /v1/{shelf.name=rooms/*/shelves/*}", notInQuery: ["shelf.name"] },
        { route: "HEAD /v1/shelves/{shelf_id}", notInQuery: ["shelf_id"] },
      ],
    ],
    [
      "UpdateShelf",
      [
        {
          route: "PATCH /v1/{shelf.name=shelves/*}",
          body: "shelf",
          responseBody: "shelf",
          notInQuery: ["shelf.name", "shelf"],
        },
      ],
    ],
    ["CreateShelf", [{ route: "POST /v1/shelves", body: "*", notInQuery: [] }]],
    ["DeleteShelf", [{ route: "DELETE /v1/shelves/{shelf_id}", notInQuery: ["shelf_id"] }]],
    [
      "ReplaceShelf",
      [{ route: "PUT /v1/shelves/{shelf_id}:replace", body: "*", notInQuery: ["shelf_id"] }],
    ],
    ["AnyMethod", [{ route: "* /v1/by-genre/{shelf.genre}", notInQuery: ["shelf.genre"] }]],
    ["NotOnRest", []],
  ])("reads %s", ([name, want]) => {
    const method = libraryMethod("Library", name);
    const routes = restRoutesFromMethod(method).map(({ httpMethod, template, value }) => ({
      route: `${httpMethod} ${template}`,
      method: value.method,
      body: value.body === "*" ? "*" : value.body?.name,
      responseBody: value.responseBody?.name,
      notInQuery: value.notInQuery,
    }));
    expect(routes).toEqual(
      want.map((route) => expect.objectContaining({ method, ...(route as object) })),
    );
  });

  test.for<[method: string, reason: string]>([
    ["UnknownVariable", "library.v1.ShelfRequest has no field nope"],
    ["UnknownNestedVariable", "library.v1.ShelfRequest has no field shelf.nope"],
    ["VariableByJsonName", "library.v1.ShelfRequest has no field shelfId"],
    ["VariableBelowScalar", "library.v1.ShelfRequest has no field shelf_id.name"],
    ["RepeatedVariable", "variable tags is not a singular scalar or enum"],
    ["MapVariable", "variable labels is not a singular scalar or enum"],
    ["MessageVariable", "variable shelf is not a singular scalar or enum"],
    ["WellKnownVariable", "variable since is not a singular scalar or enum"],
    ["UnknownBody", "library.v1.ShelfRequest has no field nope"],
    ["NestedBody", "library.v1.ShelfRequest has no field shelf.name"],
    ["UnknownResponseBody", "library.v1.ShelfResponse has no field nope"],
    ["NestedBindings", "additional bindings cannot have additional bindings"],
    ["NoPattern", "the rule has no path"],
    ["NoKind", "the custom rule has no kind"],
    ["BadTemplate", 'invalid path template "/v1/": it has an empty segment'],
  ])("refuses %s", ([name, reason]) => {
    expect(() => restRoutesFromMethod(libraryMethod("Broken", name))).toThrow(
      `library.v1.Broken.${name}: ${reason}`,
    );
  });

  test("gives routes that a router accepts", () => {
    const routes = libraryMethods("Library").flatMap(restRoutesFromMethod);
    const router = createRestRouter(routes.map((route) => ({ ...route, prefix: "/library" })));
    expect(router.match("PATCH", "/library/v1/shelves/a%2Fb")).toMatchObject({
      kind: "found",
      value: { method: { name: "UpdateShelf" } },
      variables: new Map([["shelf.name", "shelves/a%2Fb"]]),
    });
  });
});
