import { beforeAll, describe, expect, test } from "vitest";
import { gigi, type Setting } from "../../support/api/setting.ts";
import { type Console, callAs, eventually } from "../open-console.ts";
import { focusedId, pairsIn, useConsole } from "../use-console.ts";

const { open, openUser, setting: started } = useConsole();
let setting: Setting;
beforeAll(() => {
  setting = started();
});

describe("editing a profile", () => {
  const edit = ({ page }: Console) => page.getByRole("button", { name: "Edit" });
  const save = ({ page }: Console) => page.getByRole("button", { name: "Save" });

  test("saves all fields, and says as which version", async () => {
    const userId = await setting.addUser({ ...gigi, displayName: "Tallest" });
    const opened = await openUser(userId);
    const { page } = opened;
    await page.getByLabel("Find by").fill("tall");
    await page.getByRole("link", { name: "Tallest" }).waitFor();
    await edit(opened).click();
    await page.getByLabel("First name").fill("Zoë");
    await page.getByLabel("Last name").fill("長頸鹿");
    await page.getByLabel("Display name").fill('Zoë "the tall" & <b>Жираф</b>');
    await page.getByLabel("Nick name").fill("");
    await page.getByLabel("Language").fill("de-CH");
    await page.getByLabel("Gender").selectOption("Diverse");
    await save(opened).click();
    await page.getByText("Saved as version 2.").waitFor();
    expect(await pairsIn(opened, "fields")).toEqual([
      ["First name", "Zoë"],
      ["Last name", "長頸鹿"],
      ["Display name", 'Zoë "the tall" & <b>Жираф</b>'],
      ["Nick name", "–"],
      ["Language", "Swiss High German (de-CH)"],
      ["Gender", "Diverse"],
    ]);
    expect(await focusedId(opened)).toBe("edit");
    expect(await page.locator("#name").textContent()).toContain("Zoë");
    await eventually(() => page.locator("#timeline li").count()).toBe(2);
    await page.getByRole("link", { name: "Жираф" }).waitFor();
    expect(await setting.readProfile(userId)).toMatchObject({
      details: { sequence: "2" },
      profile: { firstName: "Zoë", preferredLanguage: "de-CH", gender: "GENDER_DIVERSE" },
    });
  });

  test("shows beside each field what the server finds wrong, until it is corrected", async () => {
    const opened = await openUser(await setting.addUser());
    const { page } = opened;
    await edit(opened).click();
    await page.getByLabel("Last name").fill("");
    await page.getByLabel("Nick name").fill("x".repeat(201));
    await page.getByLabel("Language").fill("a-very-long-tag");
    await save(opened).click();
    await eventually(() => page.locator(".error:visible").count()).toBe(3);
    const errorAt = async (label: string) => {
      const field = page.getByLabel(label);
      const described = (await field.getAttribute("aria-describedby")) ?? "";
      const id = described.split(" ").find((each) => each.endsWith("-error"));
      return [await field.getAttribute("aria-invalid"), await page.locator(`#${id}`).textContent()];
    };
    const rule = "Must be between 1 and 200 characters long.";
    expect(await errorAt("Last name")).toEqual(["true", rule]);
    expect(await errorAt("Nick name")).toEqual(["true", "Must be at most 200 characters long."]);
    expect(await errorAt("Language")).toEqual(["true", "Must be at most 10 characters long."]);
    expect(await errorAt("First name")).toEqual([null, ""]);
    expect(await focusedId(opened)).toBe("last-name");
    await page.keyboard.type("Okapi");
    expect(await errorAt("Last name")).toEqual([null, ""]);
    await page.getByLabel("Nick name").fill("x");
    await page.getByLabel("Language").fill("");
    await page.keyboard.press("Enter");
    await page.getByText("Saved as version 2.").waitFor();
  });

  test("without a change is no error", async () => {
    const opened = await openUser(await setting.addUser());
    await edit(opened).click();
    await save(opened).click();
    await opened.page
      .getByText("Nothing to save: this is what the profile says already.")
      .waitFor();
    expect(opened.complaints).toEqual([]);
  });

  test("is refused to somebody who may not write any more, and keeps what was typed", async () => {
    const opened = await openUser(await setting.addUser());
    await callAs(opened, setting.tokens.viewer, "UpdateHumanProfile");
    await edit(opened).click();
    await opened.page.getByLabel("Nick name").fill("Long neck");
    await save(opened).click();
    await opened.page.getByText("No matching permissions found (AUTH-5mWD2).").waitFor();
    expect(await opened.page.getByLabel("Nick name").inputValue()).toBe("Long neck");
  });

  test.for(["Escape", "Cancel"])("is left by %s, without a change", async (way) => {
    const opened = await openUser(await setting.addUser());
    const { page } = opened;
    await edit(opened).click();
    await page.getByLabel("First name").fill("Never");
    if (way === "Escape") {
      await page.keyboard.press("Escape");
      await page.getByRole("dialog", { name: "Throw it away?" }).waitFor();
      await page.keyboard.press("Escape");
      await eventually(() => focusedId(opened)).toBe("first-name");
      expect(await page.getByLabel("First name").inputValue()).toBe("Never");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Throw away" }).click();
    } else await page.getByRole("button", { name: way }).click();
    expect(await page.getByLabel("First name").isVisible()).toBe(false);
    expect(await focusedId(opened)).toBe("edit");
    await edit(opened).click();
    expect(await page.getByLabel("First name").inputValue()).toBe("Gigi");
  });
});

test("everything can be done with the keyboard alone", async () => {
  const userId = await setting.addUser({ ...gigi, displayName: "Keyboard Kea" });
  const opened = await open();
  const { keyboard } = opened.page;
  const press = async (...keys: string[]) => {
    for (const key of keys) await keyboard.press(key);
  };
  await eventually(() => focusedId(opened)).toBe("token");
  await keyboard.type(setting.tokens.editor);
  await press("Enter");
  await eventually(() => focusedId(opened)).toBe("query");
  await keyboard.type("keyboard kea");
  await press("Enter");
  await eventually(() => opened.page.locator("#found").textContent()).toBe("1 person");
  // Over the choice of a state.
  await press("Tab", "Tab", "Enter");
  await eventually(() => focusedId(opened)).toBe("name");
  await press("Tab", "Enter");
  await eventually(() => focusedId(opened)).toBe("first-name");
  await press("Control+A");
  await keyboard.type("Kim");
  await press("Tab", "Tab", "Tab", "Tab", "Tab", "ArrowDown", "Shift+Tab", "Enter");
  await opened.page.getByText("Saved as version 2.").waitFor();
  expect(await focusedId(opened)).toBe("edit");
  expect(await setting.readProfile(userId)).toMatchObject({
    profile: { firstName: "Kim", gender: "GENDER_MALE" },
  });
  await press("Enter", "Escape");
  expect(await focusedId(opened)).toBe("edit");
  await opened.page.goBack();
  await eventually(() => opened.page.evaluate("document.activeElement.textContent")).toContain(
    "Keyboard Kea",
  );
});
