import { describe, expect, test } from "vitest";
import { createListener } from "../../../../src/wire/index.ts";
import { EchoService, echoOptions, startEcho } from "../../echo.ts";
import { libraryMethod } from "./library.ts";

const library = libraryMethod("Library", "GetShelf").parent;

describe("the prefix of REST paths", () => {
  test("belongs to a service: others have none", async () => {
    const { routes } = echoOptions();
    await using server = await startEcho(undefined, {
      routes: (router) => {
        routes(router);
        router.service(library, {});
      },
    });
    const statusOf = async (path: string) => (await fetch(`${server.url}${path}`)).status;
    expect(await statusOf("/api/v1/notes/7")).toBe(200);
    expect(await statusOf("/v1/notes/7")).toBe(404);
    // The library has no handlers.
    expect(await statusOf("/v1/shelves/7")).toBe(501);
    expect(await statusOf("/api/v1/shelves/7")).toBe(404);
  });

  test("may be left out", async () => {
    await using server = await startEcho(undefined, { restPrefixes: {} });
    expect((await fetch(`${server.url}/v1/notes/7`)).status).toBe(200);
  });

  test.for([
    [
      "of a service that is not served",
      { "echo.v1.Other": "/api" },
      "echo.v1.Other, which is not served",
    ],
    ["that is no path", { [EchoService.typeName]: "api" }, 'invalid path template "api"'],
  ] as const)("is refused at once: %s", ([, restPrefixes, want]) => {
    expect(() => createListener({ ...echoOptions(), restPrefixes })).toThrow(want);
  });
});
