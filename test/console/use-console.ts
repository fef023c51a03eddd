import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll } from "vitest";
import { gigi, methods, type Setting, startSetting } from "../support/api/setting.ts";
import { openBrowser, type TestBrowser } from "../support/browser/browser.ts";
import { type Console, openConsole } from "./open-console.ts";

/** A browser and a server for the tests of a file, which are there while tests run. */
export function useConsole() {
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

  async function open(options: Parameters<TestBrowser["newContext"]>[0] = {}): Promise<Console> {
    context = await browser.newContext({ locale: "en-GB", timezoneId: "UTC", ...options });
    return openConsole(context, setting.url);
  }

  return {
    setting: () => setting,
    /** Open the console in a new browser context. A test may do this once. */
    open,
    /** Signed in as somebody who may edit, looking at a user. */
    async openUser(userId: string, token = setting.tokens.editor): Promise<Console> {
      const opened = await open();
      await opened.signIn(token);
      await opened.openUser(userId);
      return opened;
    },
    /** Change a profile without the console. */
    update: (userId: string, profile: JsonObject) =>
      setting.call(methods.updateHumanProfile, { userId, ...gigi, ...profile }),
  };
}

/** Terms and values of a list, in order. */
export const pairsIn = ({ page }: Console, id: string) =>
  page
    .locator(`#${id} > div`)
    .evaluateAll((pairs) =>
      pairs.map((pair) => [...pair.children].map((each) => each.textContent)),
    );

/** The id of the element that has the focus. */
export const focusedId = ({ page }: Console) => page.evaluate<string>("document.activeElement.id");

/** A button by its whole name. */
export const button = ({ page }: Console, name: string) =>
  page.getByRole("button", { name, exact: true });

/** A field by its whole label. */
export const field = ({ page }: Console, label: string) => page.getByLabel(label, { exact: true });

/** What an element shows. */
export const textOf = ({ page }: Console, id: string) => page.locator(`#${id}`).innerText();

/** The ids of the buttons that somebody sees on the page of a person. */
export const buttonsIn = ({ page }: Console) =>
  page.locator("#person button:visible").evaluateAll((all) => all.map(({ id }) => id));

/** The version among the facts about a person. */
export const versionIn = ({ page }: Console) =>
  page.locator("#facts > div", { hasText: "Version" }).locator("dd").innerText();

type Press = (opened: Console, name: string) => Promise<void>;

/** How somebody presses a button with this name. */
export const hands: readonly (readonly [name: string, press: Press])[] = [
  ["mouse", (opened, name) => button(opened, name).click()],
  [
    "keyboard",
    async (opened, name) => {
      await tabTo(opened, name);
      await opened.page.keyboard.press("Enter");
    },
  ],
];

/** Press Tab until a button has the focus. */
async function tabTo({ page }: Console, name: string): Promise<void> {
  const focused = "document.activeElement.ariaLabel ?? document.activeElement.textContent";
  for (let presses = 0; presses < 100; presses += 1) {
    if ((await page.evaluate<string>(focused)) === name) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach ${name}`);
}
