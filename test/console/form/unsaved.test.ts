import { beforeAll, describe, expect, test } from "vitest";
import { gigi, methods, type Setting } from "../../support/api/setting.ts";
import { type Console, eventually } from "../open-console.ts";
import { button, field, focusedId, textOf, useConsole } from "../use-console.ts";

const { openUser, update, setting: started } = useConsole();
let setting: Setting;
beforeAll(() => {
  setting = started();
});

const base64 = (value: string) => Buffer.from(value).toString("base64");

/** Type something into every form of the page. */
async function typeEverywhere(opened: Console): Promise<void> {
  await button(opened, "Edit").click();
  await opened.page.getByLabel("Nick name").fill("typed nick");
  await opened.page.getByLabel("Gender").selectOption("Diverse");
  await button(opened, "Change user name").click();
  await field(opened, "User name").fill("typed.name");
  await button(opened, "Change e-mail").click();
  await field(opened, "E-mail").fill("typed@giraffe.example");
  await field(opened, "This address is verified").check();
  await button(opened, "Change phone").click();
  await field(opened, "Phone").fill("+41 1");
  await button(opened, "Change text").click();
  await field(opened, "Value").fill("typed\nvalue");
}

async function expectEverything(opened: Console): Promise<void> {
  await opened.page.getByLabel("Nick name").waitFor();
  const typed = async (label: string) => field(opened, label).inputValue();
  expect(await opened.page.getByLabel("Nick name").inputValue()).toBe("typed nick");
  expect(await opened.page.getByLabel("Gender").inputValue()).toBe("3");
  expect(await typed("User name")).toBe("typed.name");
  expect(await typed("E-mail")).toBe("typed@giraffe.example");
  expect(await field(opened, "This address is verified").isChecked()).toBe(true);
  expect(await typed("Phone")).toBe("+41 1");
  expect(await typed("Key")).toBe("text");
  expect(await field(opened, "Key").getAttribute("readonly")).toBe("");
  expect(await typed("Value")).toBe("typed\nvalue");
}

/** A user with metadata, whose page is open, with something typed into every form. */
async function openTyped(displayName = "Typed"): Promise<{ opened: Console; id: string }> {
  const id = await setting.addUser({ ...gigi, displayName });
  await setting.call(methods.setUserMetadata, { id, key: "text", value: base64("as it was") });
  const opened = await openUser(id);
  await typeEverywhere(opened);
  return { opened, id };
}

const unsaved = ({ page }: Console) => page.locator("#unsaved-list a").allTextContents();

describe("what was typed is still there", () => {
  test("after somebody else was looked at, who is told from whom it belongs to", async () => {
    const { opened, id } = await openTyped();
    const other = await setting.addUser({ ...gigi, displayName: "Other" });
    expect(await unsaved(opened)).toEqual([]);
    await opened.openUser(other);
    await opened.page.getByRole("heading", { name: "Other" }).waitFor();
    expect(await opened.page.locator("#person input:visible").count()).toBe(0);
    expect(await unsaved(opened)).toEqual(["Typed"]);
    await opened.page.locator("#unsaved-list a").click();
    await opened.page.getByRole("heading", { name: "Typed" }).waitFor();
    await expectEverything(opened);
    expect(await unsaved(opened)).toEqual([]);
    expect(await setting.call(methods.getUserByID, { id })).toMatchObject({
      user: { details: { sequence: "2" } },
    });
  });

  test("after going back and forward", async () => {
    const { opened } = await openTyped();
    await opened.page.goBack();
    await eventually(() => unsaved(opened)).toEqual(["Typed"]);
    await opened.page.goForward();
    await expectEverything(opened);
  });

  test("after a reload, about which the browser asks first", async () => {
    const { opened } = await openTyped();
    const asked: string[] = [];
    opened.page.on("dialog", (dialog) => {
      asked.push(dialog.type());
      void dialog.accept();
    });
    await opened.page.reload();
    await expectEverything(opened);
    expect(asked).toEqual(["beforeunload"]);
    expect(opened.complaints).toEqual([]);
  });

  test("and the tab is closed only after a question", async () => {
    const { opened } = await openTyped();
    const asked = opened.page.waitForEvent("dialog");
    await opened.page.close({ runBeforeUnload: true });
    const dialog = await asked;
    expect(dialog.type()).toBe("beforeunload");
    await dialog.dismiss();
    await expectEverything(opened);
  });

  test("after a token that is not accepted any more, and another sign-in", async () => {
    const { opened, id } = await openTyped();
    let dialogs = 0;
    opened.page.on("dialog", (dialog) => {
      dialogs += 1;
      void dialog.accept();
    });
    await opened.page.route("**/*ManagementService/*", (route) =>
      route.continue({ headers: { ...route.request().headers(), authorization: "Bearer gone" } }),
    );
    await opened.page.locator("#profile-form").getByRole("button", { name: "Save" }).click();
    await opened.page.getByRole("heading", { name: "Sign in" }).waitFor();
    await opened.page
      .getByText(
        "This token is not accepted any more. Sign in again. What you typed is still here.",
      )
      .waitFor();
    expect(dialogs).toBe(0);
    await opened.page.unroute("**/*ManagementService/*");
    await field(opened, "Access token").fill(setting.tokens.editor);
    await opened.page.keyboard.press("Enter");
    await opened.page.getByRole("heading", { name: "Typed" }).waitFor();
    await expectEverything(opened);
    await opened.page.locator("#profile-form").getByRole("button", { name: "Save" }).click();
    await eventually(() => textOf(opened, "profile-saved")).toBe("Saved as version 3.");
    expect(await setting.readProfile(id)).toMatchObject({ profile: { nickName: "typed nick" } });
  });
});

test("what was typed before a reload does not overwrite what somebody else has stored since", async () => {
  const userId = await setting.addUser();
  const opened = await openUser(userId);
  await button(opened, "Edit").click();
  await opened.page.getByLabel("Nick name").fill("mine");
  await update(userId, { nickName: "theirs" });
  opened.page.on("dialog", (dialog) => void dialog.accept());
  for (let round = 0; round < 2; round += 1) {
    await opened.page.reload();
    await button(opened, "Save").click();
    await opened.page.getByRole("group", { name: "Nick name" }).getByText("theirs").waitFor();
  }
  expect(await setting.readProfile(userId)).toMatchObject({ profile: { nickName: "theirs" } });
});

describe("what is saved while somebody else is looked at", () => {
  /** Save the profile, and come back to it before the server has answered. */
  async function comeBack() {
    const answer = Promise.withResolvers<void>();
    const userId = await setting.addUser({ ...gigi, displayName: "Late" });
    const other = await setting.addUser({ ...gigi, displayName: "Other" });
    const opened = await openUser(userId);
    const { page } = opened;
    await page.route("**/UpdateHumanProfile", async (route) => {
      await answer.promise;
      await route.continue();
    });
    await button(opened, "Edit").click();
    await page.getByLabel("Nick name").fill("sent");
    await button(opened, "Save").click();
    await opened.openUser(other);
    await page.getByRole("heading", { name: "Other" }).waitFor();
    await page.goBack();
    await page.getByRole("heading", { name: "Late" }).waitFor();
    await eventually(() => page.getByLabel("Nick name").inputValue()).toBe("sent");
    return { opened, answer, userId };
  }

  test("leaves what was typed after coming back", async () => {
    const { opened, answer } = await comeBack();
    const { page } = opened;
    await page.getByLabel("Nick name").fill("sent, and more");
    await page.keyboard.press("Tab");
    answer.resolve();
    await eventually(() => textOf(opened, "profile-saved")).toBe("Saved as version 2.");
    expect(await page.getByLabel("Nick name").inputValue()).toBe("sent, and more");
    expect(await page.locator("#fields").isVisible()).toBe(false);
    const asked: string[] = [];
    page.on("dialog", (dialog) => {
      asked.push(dialog.type());
      void dialog.accept();
    });
    await page.reload();
    await eventually(() => page.getByLabel("Nick name").inputValue()).toBe("sent, and more");
    expect(asked).toEqual(["beforeunload"]);
  });

  test("is done with if nothing was typed since", async () => {
    const { opened, answer, userId } = await comeBack();
    answer.resolve();
    await eventually(() => textOf(opened, "profile-saved")).toBe("Saved as version 2.");
    await eventually(() => focusedId(opened)).toBe("edit");
    expect(await opened.page.getByLabel("Nick name").isVisible()).toBe(false);
    expect(await opened.page.evaluate("sessionStorage['giraffe.drafts']")).toBeUndefined();
    expect(await setting.readProfile(userId)).toMatchObject({ profile: { nickName: "sent" } });
  });
});

describe("nothing is kept", () => {
  test("of a form that was opened, and left as it was", async () => {
    const opened = await openUser(await setting.addUser());
    await button(opened, "Edit").click();
    await opened.page.getByLabel("Nick name").fill("x");
    await opened.page.getByLabel("Nick name").fill(gigi.nickName);
    expect(await opened.page.evaluate("sessionStorage['giraffe.drafts']")).toBeUndefined();
    await opened.page.reload();
    await button(opened, "Edit").waitFor();
  });

  test("of what was saved or thrown away", async () => {
    const { opened } = await openTyped("<b>Typed</b>");
    for (const form of ["profile-form", "user-name-form", "phone-form", "metadata-form"])
      await opened.page.locator(`#${form}-cancel`).click();
    await opened.page.locator("#email-form").getByRole("button", { name: "Save" }).click();
    await eventually(() => textOf(opened, "account-saved")).toMatch(/^Saved/);
    expect(await opened.page.evaluate("sessionStorage['giraffe.drafts']")).toBeUndefined();
  });

  test("of somebody whose input is thrown away in the list, after a question", async () => {
    const { opened } = await openTyped("<b>Typed</b>");
    await opened.page.goBack();
    await eventually(() => unsaved(opened)).toEqual(["<b>Typed</b>"]);
    await button(opened, "Throw away what was typed for <b>Typed</b>").click();
    await opened.page.getByRole("dialog", { name: "Throw it away?" }).waitFor();
    expect(await focusedId(opened)).toBe("question-no");
    await button(opened, "Throw away").click();
    await eventually(() => unsaved(opened)).toEqual([]);
    expect(await opened.page.evaluate("sessionStorage['giraffe.drafts']")).toBeUndefined();
  });

  test("after signing out, which asks first", async () => {
    const { opened } = await openTyped();
    await button(opened, "Sign out").click();
    await opened.page.getByRole("dialog", { name: "Sign out?" }).waitFor();
    await opened.page.locator("#question-no").click();
    await expectEverything(opened);
    await button(opened, "Sign out").click();
    await opened.page.locator("#question-yes").click();
    await opened.page.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(await opened.page.evaluate("sessionStorage.length")).toBe(0);
  });
});

test("what the storage of the tab has no room for stays until the page is left", async () => {
  const { opened } = await openTyped();
  await opened.page.evaluate(
    "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }",
  );
  await opened.page.getByLabel("Nick name").fill("more");
  await opened.page.goBack();
  await eventually(() => unsaved(opened)).toEqual(["Typed"]);
  await opened.page.goForward();
  await eventually(() => opened.page.getByLabel("Nick name").inputValue()).toBe("more");
});
