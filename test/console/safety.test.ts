import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { methods, type Setting, startSetting } from "../support/api/setting.ts";
import { openBrowser, type TestBrowser } from "../support/browser/browser.ts";
import { startSite } from "../support/browser/site.ts";
import { eventually, openConsole } from "./open-console.ts";

let browser: TestBrowser;
let setting: Setting;
let context: Awaited<ReturnType<TestBrowser["newContext"]>>;
beforeAll(async () => {
  [browser, setting] = await Promise.all([openBrowser(), startSetting()]);
});
afterAll(async () => {
  await browser.close();
  await setting.close();
});
afterEach(() => context.close());

async function open() {
  context = await browser.newContext();
  return openConsole(context, setting.url);
}

describe("a hostile profile", () => {
  test.for([
    `<img src=x onerror="globalThis.pwned=1">`,
    "<script>globalThis.pwned=1</script>",
    "</bdi></h2><h2>Owner</h2>",
    `"><svg onload=globalThis.pwned=1>`,
    "<style>*{display:none}</style>",
    "javascript:globalThis.pwned=1",
    "{{constructor.constructor('globalThis.pwned=1')()}}",
    "&lt;b&gt;&#39;",
    "\u202Egnp.nimda\u202C",
    "\u2067\u2067\u2066\u202D unclosed",
    "z\u0300\u0301\u0302\u0303\u0304\u0305\u0306",
    "\u0007\u2028\u001B[31m",
    "../../#/users/1",
    "محمد الزرافة",
  ])("is text and nothing else: %j", async (name) => {
    const profile = { firstName: name, lastName: name, nickName: name, displayName: name };
    const userName = setting.newUserName();
    const { userId } = await setting.call(methods.addHumanUser, {
      userName,
      profile,
      email: { email: `${userName}@giraffe.example` },
    });
    const { page, complaints, origins, signIn, openUser } = await open();
    await signIn(setting.tokens.editor);
    // A harmless name needs as many elements.
    const harmless = await page.locator("#person *").count();
    await page.getByLabel("Find by").fill(userName);
    await eventually(() => page.locator("#found").textContent()).toBe("1 person");
    expect(await page.locator(".result-name").textContent()).toBe(name);
    await openUser(String(userId));
    expect(await page.locator("#name").textContent()).toBe(name);
    expect(await page.locator("#fields bdi").allTextContents()).toEqual([
      ...[name, name, name, name],
      ...["–", "Not specified"],
    ]);
    await page.getByRole("button", { name: "Edit" }).click();
    expect(await page.getByLabel("Display name").inputValue()).toBe(name);
    // Six fields, four facts, and one change with all values that the user was added with.
    const perPair = 4;
    const perChange = 7;
    const perValue = 5;
    const values = await page.locator(".values > div").count();
    expect(values).toBeGreaterThan(4);
    expect(await page.locator("#person *").count()).toBe(
      harmless + 10 * perPair + perChange + values * perValue,
    );
    expect(await page.evaluate("globalThis.pwned")).toBeUndefined();
    expect(complaints).toEqual([]);
    expect([...origins]).toEqual([setting.url]);
  });

  test("cannot change the direction of the text beside it", async () => {
    const { page, signIn, openUser } = await open();
    const displayName = "\u202Ereversed";
    const userId = await setting.addUser({ firstName: "a", lastName: "b", displayName });
    await signIn(setting.tokens.editor);
    await page.getByLabel("Find by").fill("reversed");
    await page.locator(".result-name").first().waitFor();
    await openUser(userId);
    // A box of its own: an end of isolation in a name cannot end that of the page.
    const boxes = await page.evaluate(
      "[...document.querySelectorAll('#people bdi, #people ins')].filter((each) => each.checkVisibility()).map((each) => getComputedStyle(each).display)",
    );
    expect([...new Set(boxes as string[])].sort()).toEqual(expect.not.arrayContaining(["inline"]));
    await page.getByRole("button", { name: "Remove person" }).click();
    await page.locator("#question-text bdi", { hasText: "reversed" }).waitFor();
    await page.keyboard.press("Escape");
    const isolation = "getComputedStyle(document.querySelector(selector)).unicodeBidi";
    for (const selector of [".result-name", "#name", "#fields bdi", ".who bdi", ".values ins"]) {
      const style = await page.evaluate(isolation.replace("selector", JSON.stringify(selector)));
      expect([selector, style]).toEqual([
        selector,
        expect.stringMatching(/^(?:isolate|plaintext)/),
      ]);
    }
  });
});

describe("the policy of the page", () => {
  test("allows only what is its own", async () => {
    const { headers } = await fetch(setting.url);
    expect(headers.get("content-security-policy")?.split("; ")).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "img-src 'self' data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ]);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cache-control")).toBe("no-cache");
    expect([headers.get("expires"), headers.get("pragma")]).toEqual([null, null]);
  });

  test("lets nothing run that was written into it", async () => {
    const { page, complaints } = await open();
    await page.route(setting.url, async (route) => {
      const answer = await route.fetch();
      const body = (await answer.text()).replace(
        "<main",
        `<script>globalThis.pwned = 1</script><style>main { display: none }</style>
         <img src="https://elsewhere.example/i.png" onerror="globalThis.pwned = 1"><main`,
      );
      await route.fulfill({ response: answer, body });
    });
    await page.reload();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(await page.evaluate("globalThis.pwned")).toBeUndefined();
    expect(complaints.map((text) => /directive:? ['"]([\w-]+)/.exec(text)?.[1]).sort()).toEqual([
      ...["img-src", "script-src", "script-src", "style-src"],
    ]);
  });

  test.for([
    { name: "markup from a string", script: "document.body.innerHTML = '<p>hi</p>'" },
    { name: "a script from a string", script: "document.createElement('script').text = '1'" },
    { name: "code from a string", script: "setTimeout('1')" },
  ])("refuses $name", async ({ script }) => {
    const { page } = await open();
    await expect(page.evaluate(script)).rejects.toThrow(
      /This document requires 'Trusted\w+' assignment/,
    );
  });

  test("lets no other page frame it", async () => {
    const { page } = await open();
    const frame = `<iframe src="${setting.url}"></iframe>`;
    const site = await startSite({ "/": { type: "text/html", body: frame } });
    onTestFinished(() => site.close());
    await page.goto(site.origin);
    await eventually(() => page.frames().map((each) => each.url())).toEqual([
      ...[`${site.origin}/`, "chrome-error://chromewebdata/"],
    ]);
  });
});
