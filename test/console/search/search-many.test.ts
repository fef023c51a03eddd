import { Code, ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import type { Route } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { gigi, type Setting } from "../../support/api/setting.ts";
import { type Console, eventually } from "../open-console.ts";
import { useConsole } from "../use-console.ts";

const { open, setting: started } = useConsole();
let setting: Setting;
beforeAll(async () => {
  setting = started();
  // One more than the server sends at once.
  for (let count = 0; count < 10; count += 1)
    await Promise.all(Array.from({ length: 100 }, () => setting.addUser()));
  await setting.addUser({ ...gigi, firstName: "Amélie", lastName: "Löwe", displayName: "Queen" });
});

const names = ({ page }: Console) => page.locator(".result-name").allTextContents();
const found = ({ page }: Console) => page.locator("#found").textContent();

async function openMany(): Promise<Console> {
  const opened = await open();
  await opened.signIn(setting.tokens.viewer);
  await eventually(() => found(opened)).toBe("100 of 1,001 people");
  return opened;
}

test("finds people by words in any order, without regard to accents", async () => {
  const opened = await openMany();
  const field = opened.page.getByLabel("Find by");
  for (const words of ["mélie qu", "amelie", "QUÉEN Ame", "o\u0308we"]) {
    await field.fill("nobody");
    await eventually(() => found(opened)).toBe("Nobody found.");
    await field.fill(words);
    await eventually(() => found(opened)).toBe("1 person");
    expect(await names(opened)).toEqual(["Queen"]);
  }
  // A thirteenth word is not looked at.
  await field.fill("q u e n a m l w i h f o nothing");
  await eventually(() => found(opened)).toBe("1 person");
});

test("names that begin with the words are looked for if there are too many users, and the page says so", async () => {
  const opened = await openMany();
  const field = opened.page.getByLabel("Find by");
  const broad = async () => opened.page.route("**/ListUsers", refuseFirst());
  await broad();
  await field.fill("ame");
  await eventually(() => found(opened)).toBe(
    "1 person. There are too many people to look inside names: only how they begin counts.",
  );
  expect(await names(opened)).toEqual(["Queen"]);
});

/** As a server with some million users would: the first call looks inside names. */
function refuseFirst() {
  let calls = 0;
  return async (route: Route): Promise<void> => {
    calls += 1;
    if (calls !== 1) return route.continue();
    const headers = new Headers({ "content-type": "application/grpc-web+proto" });
    const value = { reason: "SEARCH_TOO_BROAD", domain: "giraffe" };
    const details = [{ desc: ErrorInfoSchema, value }];
    const { FailedPrecondition } = Code;
    setTrailerStatus(
      headers,
      new ConnectError("too broad", FailedPrecondition, undefined, details),
    );
    await route.fulfill({ status: 200, headers: Object.fromEntries(headers) });
  };
}
