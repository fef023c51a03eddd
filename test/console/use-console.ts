import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll } from "vitest";
import { gigi, methods, type Setting, startSetting } from "../support/api/setting.ts";
import { openBrowser, type TestBrowser } from "../support/browser.ts";
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
