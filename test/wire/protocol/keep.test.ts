import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { keep } from "../../../src/wire/protocol/keep.ts";
import { startEcho } from "../echo.ts";
import { speakers } from "../speak.ts";

test("what is made of a frozen error is made once, and of any other error anew", () => {
  const keptOf = keep(({ message }) => ({ message }));
  const frozen = Object.freeze(new ConnectError("again", Code.Unauthenticated));
  expect(keptOf(frozen)).toBe(keptOf(frozen));
  const other = new ConnectError("once", Code.Unauthenticated);
  const before = keptOf(other);
  other.message = "changed";
  expect([before.message, keptOf(other).message]).toEqual(["[unauthenticated] once", "changed"]);
});

test("a frozen error is told alike again and again, over every protocol", async () => {
  const refused = Object.freeze(new ConnectError("no token", Code.Unauthenticated));
  await using server = await startEcho(
    {},
    {
      requestGate() {
        throw refused;
      },
    },
  );
  for (const { name, say } of speakers) {
    const first = await say(server);
    const second = await say(server);
    expect(first, name).toMatchObject({ code: Code.Unauthenticated, message: "no token" });
    expect({ code: second.code, message: second.message }, name).toEqual({
      code: first.code,
      message: first.message,
    });
  }
});
