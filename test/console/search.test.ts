import { Code, ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import type { Route } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { gigi, methods, type Setting } from "../support/api/setting.ts";
import { type Console, eventually } from "./open-console.ts";
import { useConsole } from "./use-console.ts";

const { open, setting: started } = useConsole();
let setting: Setting;
beforeAll(() => {
  setting = started();
});

describe("finding people", () => {
  const names = ({ page }: Console) => page.locator(".result-name").allTextContents();
  const found = ({ page }: Console) => page.locator("#found").textContent();
  const herd = Array.from({ length: 45 }, (_, index) => `Herd ${String(index).padStart(2, "0")}`);
  beforeAll(async () => {
    for (const displayName of herd) await setting.addUser({ ...gigi, displayName });
    const profile = {
      firstName: "Amélie",
      lastName: "Löwe",
      nickName: "Lea",
      displayName: "Queen",
    };
    await setting.call(methods.addHumanUser, {
      userName: "quiet.lion",
      profile,
      email: { email: "mane@savanna.example" },
    });
  });

  test.for([
    ...["queen", "QUEEN", "amélie", "löwe", "lea", "quiet.lion", "mane@savanna", "Löwe Amélie"],
    ...["  queen  ", "savanna lea"],
  ])("finds who is meant by %j", async (text) => {
    const opened = await open();
    await opened.signIn(setting.tokens.viewer);
    await opened.page.getByLabel("Find by name, user name or e-mail").fill(text);
    await eventually(() => found(opened)).toBe("1 person");
    expect(await names(opened)).toEqual(["Queen"]);
    expect(await opened.page.locator(".result-detail").allTextContents()).toEqual([
      "quiet.lion",
      "mane@savanna.example",
    ]);
  });

  test("says when it finds nobody", async () => {
    const opened = await open();
    await opened.signIn(setting.tokens.viewer);
    await opened.page.getByLabel("Find by name, user name or e-mail").fill("<b>nobody</b>%_");
    await eventually(() => found(opened)).toBe("Nobody found.");
    expect(await names(opened)).toEqual([]);
  });

  test("shows them page by page, in order, and moves on to the new ones", async () => {
    const opened = await open();
    const { page, signIn } = opened;
    await signIn(setting.tokens.viewer);
    await page.getByLabel("Find by name, user name or e-mail").fill("herd");
    await eventually(() => found(opened)).toBe("20 of 45 people");
    const more = page.getByRole("button", { name: "Show more people" });
    await more.click();
    await eventually(() => found(opened)).toBe("40 of 45 people");
    expect(await page.evaluate("document.activeElement.textContent")).toContain("Herd 20");
    await more.click();
    await eventually(() => found(opened)).toBe("45 people");
    expect(await names(opened)).toEqual(herd);
    expect(await more.isVisible()).toBe(false);
  });

  test("looks for names that begin with the words if there are too many users, and says so", async () => {
    const opened = await open();
    const { page, signIn } = opened;
    await signIn(setting.tokens.viewer);
    // Wait for the first list, because only the search after it should be refused.
    await eventually(() => names(opened)).not.toEqual([]);
    await page.route("**/ListUsers", refuse, { times: 1 });
    await page.getByLabel("Find by name, user name or e-mail").fill("amél");
    await eventually(() => found(opened)).toBe(
      "1 person. There are too many people to look inside names: only how they begin counts.",
    );
    expect(await names(opened)).toEqual(["Queen"]);
    await page.route("**/ListUsers", refuse, { times: 1 });
    await page.getByLabel("Find by name, user name or e-mail").fill("mélie");
    await eventually(() => found(opened)).toMatch(/^Nobody found. There are too many/);
  });

  /** As a server with some million users would. */
  async function refuse(route: Route): Promise<void> {
    const headers = new Headers({ "content-type": "application/grpc-web+proto" });
    const value = { reason: "SEARCH_TOO_BROAD", domain: "giraffe" };
    const details = [{ desc: ErrorInfoSchema, value }];
    const { FailedPrecondition } = Code;
    setTrailerStatus(
      headers,
      new ConnectError("too broad", FailedPrecondition, undefined, details),
    );
    await route.fulfill({ status: 200, headers: Object.fromEntries(headers) });
  }

  test("says that it is looking while it waits for an answer", async () => {
    const opened = await open();
    const { page, signIn } = opened;
    await signIn(setting.tokens.viewer);
    const answer = Promise.withResolvers<void>();
    await page.route("**/ListUsers", async (route) => {
      await answer.promise;
      await route.continue();
    });
    await page.getByLabel("Find by name, user name or e-mail").fill("queen");
    await eventually(() => found(opened)).toBe("Looking…");
    answer.resolve();
    await eventually(() => found(opened)).toBe("1 person");
  });

  test("marks users who are locked", async () => {
    const userId = await setting.addUser({ ...gigi, displayName: "Prisoner" });
    await setting.call(methods.lockUser, { id: userId });
    const { page, signIn } = await open();
    await signIn(setting.tokens.viewer);
    await page.getByLabel("Find by name, user name or e-mail").fill("prisoner");
    await page.getByRole("link", { name: "Prisoner Locked" }).click();
    await page.getByRole("heading", { name: "Prisoner" }).waitFor();
    expect(await page.locator("#state").textContent()).toBe("Locked");
  });
});
