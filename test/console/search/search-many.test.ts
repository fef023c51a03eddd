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
  // One more than are compared in the page.
  for (let count = 0; count < 10; count += 1)
    await Promise.all(Array.from({ length: 100 }, () => setting.addUser()));
  await setting.addUser({ ...gigi, firstName: "Amélie", displayName: "Queen" });
});

const names = ({ page }: Console) => page.locator(".result-name").allTextContents();
const found = ({ page }: Console) => page.locator("#found").textContent();

async function openMany(): Promise<Console> {
  const opened = await open();
  await opened.signIn(setting.tokens.viewer);
  await eventually(() => found(opened)).toBe("100 of 1,001 people");
  return opened;
}

test("among many users accents count, and the page says so", async () => {
  const opened = await openMany();
  const field = opened.page.getByLabel("Find by");
  const note = "There are too many to disregard accents.";
  await field.fill("mélie qu");
  await eventually(() => found(opened)).toBe(`1 person. ${note}`);
  expect(await names(opened)).toEqual(["Queen"]);
  // What was typed with an accent is looked for without it, too.
  await field.fill("quéen");
  await eventually(() => found(opened)).toBe(`1 person. ${note}`);
  await field.fill("amelie");
  await eventually(() => found(opened)).toBe(`Nobody found. ${note}`);
  // An eighth word is not looked at.
  await field.fill("q u e n a m l nothing");
  await eventually(() => found(opened)).toBe(`1 person. ${note}`);
});

test("names that begin with the words are looked for if there are too many users, and the page says so", async () => {
  const opened = await openMany();
  const field = opened.page.getByLabel("Find by");
  const broad = async () => opened.page.route("**/ListUsers", refuseSecond());
  await broad();
  await field.fill("amél");
  await eventually(() => found(opened)).toBe(
    "1 person. There are too many people to look inside names: only how they begin counts.",
  );
  expect(await names(opened)).toEqual(["Queen"]);
});

/** As a server with some million users would: the first call counts them, the second looks inside names. */
function refuseSecond() {
  let calls = 0;
  return async (route: Route): Promise<void> => {
    calls += 1;
    if (calls !== 2) return route.continue();
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
