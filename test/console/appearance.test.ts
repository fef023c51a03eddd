import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gigi, methods, type Setting, startSetting } from "../support/api/setting.ts";
import { openBrowser, type TestBrowser } from "../support/browser/browser.ts";
import { openConsole } from "./open-console.ts";

let browser: TestBrowser;
let setting: Setting;
let longest: string;
const name = "W".repeat(200);
const wide = { firstName: name, lastName: name, nickName: name, displayName: name };
let busy: string;
beforeAll(async () => {
  [browser, setting] = await Promise.all([openBrowser(), startSetting()]);
  longest = await setting.addUser(wide);
  busy = await setting.addUser();
  const herd = Array.from({ length: 125 }, (_, index) => `Person ${index}`);
  await Promise.all(herd.map((displayName) => setting.addUser({ ...gigi, displayName })));
  for (const nickName of herd)
    await setting.call(methods.updateHumanProfile, { userId: busy, ...gigi, nickName });
  await setting.call(methods.lockUser, { id: busy });
  for (const [key, value] of [
    [name, "W".repeat(3_000)],
    ["binary", "\0"],
    ["lines", "line\n".repeat(50)],
  ] as const) {
    const bytes = Buffer.from(value).toString("base64");
    await setting.call(methods.setUserMetadata, { id: longest, key, value: bytes });
  }
});
afterAll(async () => {
  await browser.close();
  await setting.close();
});

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds wrong, and whether the page is wider than the window. */
async function defectsOf(page: Page) {
  await page.evaluate(`${axe}; void 0`);
  const violations = await page.evaluate(
    "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]))",
  );
  const { scrollWidth, clientWidth } = await page.evaluate<Record<string, number>>(
    "({ scrollWidth: document.documentElement.scrollWidth, clientWidth: innerWidth })",
  );
  return { violations, overflow: Math.max(0, Number(scrollWidth) - Number(clientWidth)) };
}

const nothing = { violations: [], overflow: 0 };

describe.for([
  { width: 360, colorScheme: "light" },
  { width: 360, colorScheme: "dark" },
  { width: 1440, colorScheme: "light" },
  { width: 1440, colorScheme: "dark" },
] as const)("$width pixels wide, $colorScheme,", ({ width, colorScheme }) => {
  test("every view fits and is accessible", async () => {
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
    const { page, signIn, openUser, complaints } = await openConsole(context, setting.url);
    const look = async (view: string) =>
      expect({ view, ...(await defectsOf(page)) }).toEqual({ view, ...nothing });

    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await look("sign-in");
    await page.keyboard.press("Enter");
    await page.getByText("Paste an access token").waitFor();
    await look("sign-in refused");
    await signIn(setting.tokens.editor);
    await page.getByText("100 of").waitFor();
    await look("people");
    await page.getByLabel("Find by").fill("qqqqq");
    await page.getByText("Nobody found.").waitFor();
    await look("nobody found");
    await page.getByLabel("Find by").fill("");
    await page.getByText("100 of").waitFor();
    await page.locator("#place").click();
    await page.locator("#organization-list a").first().waitFor();
    await look("organizations");
    await page.locator("#kind-accounts").check();
    await page.getByText("service account").first().waitFor();
    await look("service accounts");
    await page.goto(`${setting.url}/#/`);

    await openUser(busy);
    await look("a user who is locked, with a long history");
    await openUser(longest);
    await page.getByRole("heading", { name: "WWW" }).waitFor();
    await look("a user with the longest names");
    await page.getByRole("button", { name: "Edit" }).click();
    await look("editing");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Nothing to save").waitFor();
    await look("a note");
    await page.getByLabel("First name").fill("");
    await page.getByLabel("Language").fill("a-very-long-tag");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Must be at most 10 characters long").waitFor();
    await look("errors at fields");
    await setting.call(methods.updateHumanProfile, {
      userId: longest,
      ...gigi,
      lastName: "V".repeat(200),
    });
    await page.getByLabel("First name").fill("W".repeat(150));
    await page.getByLabel("Language").fill("de");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("group", { name: "Last name" }).waitFor();
    await look("a change of somebody else");
    await openUser(busy);
    await page.getByText("Not saved yet").waitFor();
    await look("input that is not saved");
    await openUser(longest);
    await page.getByLabel("First name").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await setting.call(methods.updateHumanProfile, { userId: longest, ...wide });
    await page.reload();
    await page.locator("#timeline li").first().waitFor();
    await look("a history with long values");
    for (const what of ["user name", "e-mail", "phone"])
      await page.getByRole("button", { name: `Change ${what}` }).click();
    await page.locator("#phone-form").getByRole("button", { name: "Save" }).click();
    await page.locator("#phone-error").waitFor();
    await look("forms of the account");
    await page.getByRole("button", { name: "Change WWW" }).click();
    await page.locator("#metadata-value").fill("");
    await page.locator("#metadata-form").getByRole("button", { name: "Save" }).click();
    await page.locator("#metadata-value-error").waitFor();
    await look("the form for metadata");
    await page.locator("#remove").click();
    await page.getByRole("dialog").waitFor();
    await look("a question");
    await page.keyboard.press("Escape");
    await page.goto(`${setting.url}/#/users/1`);
    await page.getByText("could not be found").waitFor();
    await look("a user who is not there");

    const [ground = ""] = await page.evaluate<string[]>(
      "getComputedStyle(document.documentElement).backgroundColor.match(/[0-9]+/g)",
    );
    expect(Number(ground) > 128 ? "light" : "dark").toBe(colorScheme);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
