import { beforeAll, expect, test } from "vitest";
import { parseLanguage } from "../../src/domain/language/language.ts";
import type { Setting } from "../support/api/setting.ts";
import { eventually } from "./open-console.ts";
import { button, pairsIn, textOf, useConsole } from "./use-console.ts";

const { openUser, setting: started } = useConsole();
let setting: Setting;
beforeAll(() => {
  setting = started();
});

test("languages are proposed by name where the browser has one, and the server keeps each tag as it is", async () => {
  const opened = await openUser(await setting.addUser());
  const options = await opened.page
    .locator("#preferred-language-list option")
    .evaluateAll((all) => all.map((each) => [each.getAttribute("value") ?? "", each.textContent]));
  expect(options.length).toBeGreaterThan(100);
  expect(options).toContainEqual(["de-CH", "Swiss High German (de-CH)"]);
  expect(options).toContainEqual(["sw", "Swahili (sw)"]);
  expect(options.map(([tag]) => tag)).not.toContain("iw");
  const texts = options.map(([, text]) => text);
  expect(texts).toEqual(
    [...texts].sort((one, other) => String(one).localeCompare(String(other), "en")),
  );
  expect(options.filter(([tag = ""]) => parseLanguage(tag) !== tag)).toEqual([]);
});

test("a language that is not among them can be typed", async () => {
  const opened = await openUser(await setting.addUser());
  await button(opened, "Edit").click();
  await opened.page.getByLabel("Language").fill("gsw-CH");
  await button(opened, "Save").click();
  await eventually(() => textOf(opened, "profile-saved")).toBe("Saved as version 2.");
  expect(await pairsIn(opened, "fields")).toContainEqual(["Language", "gsw-CH"]);
});
