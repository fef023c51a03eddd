import type { DescMethod } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { createRouteTables } from "../../../src/wire/dispatch/route-tables.ts";
import type { WireOptions } from "../../../src/wire/index.ts";
import { EchoService, echoOptions } from "../echo.ts";

const { limits } = echoOptions();
const most = limits.maxMessageBytes;

function tablesOf(changes: Partial<WireOptions> = {}) {
  return createRouteTables({ ...echoOptions(), ...changes }, new AbortController().signal);
}

test("each method stands in the table of its kind", () => {
  const { unary, streaming } = tablesOf();
  const named = (names: readonly string[]) => names.map((name) => `/echo.v1.EchoService/${name}`);
  expect([...unary.keys()]).toEqual(named(["Echo", "Look"]));
  expect([...streaming.keys()]).toEqual(named(["Spread", "Collect", "Talk"]));
});

test("a method may have a smaller limit than all, and no larger one", () => {
  const sizes: Record<string, number> = { Echo: 10, Look: most + 1 };
  const { unary } = tablesOf({ maxMessageBytesOf: ({ name }: DescMethod) => sizes[name] });
  expect([...unary.values()].map(({ maxMessageBytes }) => maxMessageBytes)).toEqual([10, most]);
  for (const { maxMessageBytes } of tablesOf().unary.values()) expect(maxMessageBytes).toBe(most);
});

test("no method is heavy, unless it is said to be", () => {
  const heavy = ({ unary }: ReturnType<typeof tablesOf>) =>
    [...unary.values()].map(({ isHeavy }) => isHeavy);
  expect(heavy(tablesOf())).toEqual([false, false]);
  const isHeavy = (method: DescMethod) => method === EchoService.method.look;
  expect(heavy(tablesOf({ isHeavy }))).toEqual([false, true]);
});

test("methods are registered by service or one by one, and each once", () => {
  const { echo, look } = EchoService.method;
  const handle = (note: { id: string }) => note;
  const one = tablesOf({ routes: (router) => router.rpc(echo, handle).rpc(look, handle) });
  expect([...one.unary.values()].map(({ descriptor }) => descriptor)).toEqual([echo, look]);
  expect(() =>
    tablesOf({ routes: (router) => router.service(EchoService, {}).rpc(echo, handle) }),
  ).toThrow("/echo.v1.EchoService/Echo is registered twice");
});
