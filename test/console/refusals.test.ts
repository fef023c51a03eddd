import { beforeAll, describe, expect, test } from "vitest";
import { gigi, methods, type Setting } from "../support/api/setting.ts";
import { callAs, eventually } from "./open-console.ts";
import {
  button,
  buttonsIn,
  field,
  focusedId,
  textOf,
  useConsole,
  versionIn,
} from "./use-console.ts";

const { openUser, setting: started } = useConsole();
let setting: Setting;
beforeAll(() => {
  setting = started();
});

const stored = (userId: string) => setting.call(methods.getUserByID, { id: userId });

describe("a change that the server refuses", () => {
  test("is explained at the field, until it is mended", async () => {
    const taken = setting.newUserName();
    await setting.call(methods.importHumanUser, {
      userName: taken,
      profile: gigi,
      email: { email: "taken@giraffe.example" },
    });
    const userId = await setting.addUser();
    const opened = await openUser(userId);
    const refused = async (what: string, id: string, value: string) => {
      const label = id === "email" ? "E-mail" : id === "phone" ? "Phone" : "User name";
      await button(opened, `Change ${what}`).click();
      await field(opened, label).fill(value);
      await opened.page.keyboard.press("Enter");
      await opened.page.locator(`#${id}-error`).waitFor();
      expect(await focusedId(opened)).toBe(id);
      expect(await field(opened, label).getAttribute("aria-invalid")).toBe("true");
      const text = await textOf(opened, `${id}-error`);
      await opened.page.keyboard.type("x");
      expect(await opened.page.locator(`#${id}-error`).isVisible()).toBe(false);
      await button(opened, "Cancel").click();
      expect(await focusedId(opened)).toBe(`${id}-change`);
      return text;
    };
    const length = "Must be between 1 and 200 characters long.";
    expect(await refused("user name", "user-name", "")).toBe(length);
    expect(await refused("user name", "user-name", "n".repeat(201))).toBe(length);
    expect(await refused("user name", "user-name", taken.toUpperCase())).toBe(
      "User already exists (V3-DKcYh).",
    );
    expect(await refused("e-mail", "email", "nobody")).toBe("Must be a valid email address.");
    expect(await refused("phone", "phone", "044 668 18 00")).toBe("Must start with “+”.");
    expect(await refused("phone", "phone", "+1")).toBe("Phone is invalid (PHONE-so0wa).");
    expect(await versionIn(opened)).toBe("1");
    expect(opened.complaints).toEqual([]);
  });

  test.for([
    ["user name", "user-name", "this is the user name already."],
    ["e-mail", "email", "this is the e-mail already. An address that is verified stays verified."],
  ] as const)("because nothing differs is no error: %s", async ([what, id, want]) => {
    const opened = await openUser(await setting.addUser());
    await button(opened, `Change ${what}`).click();
    await opened.page.keyboard.press("Enter");
    await eventually(() => textOf(opened, `${id}-form-notice`)).toBe(`Nothing to save: ${want}`);
  });

  test("says so and nothing else, and keeps what was typed", async () => {
    const userId = await setting.addUser();
    const opened = await openUser(userId);
    for (const method of ["UpdateUserName", "LockUser", "RemoveUser"])
      await callAs(opened, setting.tokens.viewer, method);
    const refusal = "No matching permissions found (AUTH-5mWD2).";
    await button(opened, "Change user name").click();
    await field(opened, "User name").fill("typed");
    await button(opened, "Save").click();
    await eventually(() => textOf(opened, "user-name-form-notice")).toBe(refusal);
    expect(await field(opened, "User name").inputValue()).toBe("typed");
    await button(opened, "Lock").click();
    await eventually(() => textOf(opened, "access-notice")).toBe(refusal);
    await button(opened, "Remove person").click();
    await opened.page.locator("#question-yes").click();
    await eventually(() => textOf(opened, "access-notice")).toBe(refusal);
    expect(await opened.page.locator(".saved").allTextContents()).toEqual(
      expect.not.arrayContaining([expect.stringMatching(/version/)]),
    );
    expect(await versionIn(opened)).toBe("1");
  });

  test("because the user was removed meanwhile is explained where it was asked for", async () => {
    const userId = await setting.addUser();
    const opened = await openUser(userId);
    await setting.call(methods.removeUser, { id: userId });
    await button(opened, "Lock").click();
    await eventually(() => textOf(opened, "access-notice")).toMatch(/^User could not be found/);
    await button(opened, "Change e-mail").click();
    await field(opened, "E-mail").fill("late@giraffe.example");
    await opened.page.keyboard.press("Enter");
    await eventually(() => textOf(opened, "email-form-notice")).toBe(
      "Email not found (COMMAND-0Pe4r).",
    );
  });
});

test("nothing is said to be saved before the server has answered", async () => {
  const opened = await openUser(await setting.addUser());
  const answer = Promise.withResolvers<void>();
  await opened.page.route("**/LockUser", async (route) => {
    await answer.promise;
    await route.continue();
  });
  const asked = opened.page.waitForRequest("**/LockUser");
  await button(opened, "Lock").click();
  await asked;
  expect(await textOf(opened, "access-saved")).toBe("");
  expect(await opened.page.locator("#state").textContent()).toBe("");
  expect(await button(opened, "Lock").isVisible()).toBe(true);
  answer.resolve();
  await eventually(() => textOf(opened, "access-saved")).toBe("Locked as version 2.");
});

test("a change that is stored while somebody else is shown says nothing there", async () => {
  const [first, second] = [await setting.addUser(), await setting.addUser()];
  const opened = await openUser(first);
  const answer = Promise.withResolvers<void>();
  await opened.page.route("**/UpdateUserName", async (route) => {
    await answer.promise;
    await route.continue();
  });
  await button(opened, "Change user name").click();
  await field(opened, "User name").fill(`late.${first}`);
  await opened.page.keyboard.press("Enter");
  await opened.openUser(second);
  await eventually(() => opened.page.locator("#facts").textContent()).toContain(second);
  await button(opened, "Change user name").click();
  await field(opened, "User name").fill("half typed");
  const asked: string[] = [];
  opened.page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  // The list is asked for again, because it may show the old name.
  const listed = opened.page.waitForResponse("**/ListUsers");
  answer.resolve();
  await listed;
  expect(asked.filter((path) => path.endsWith("/GetUserByID"))).toEqual([]);
  expect(await stored(first)).toMatchObject({ user: { userName: `late.${first}` } });
  expect(await field(opened, "User name").inputValue()).toBe("half typed");
  expect(await textOf(opened, "account-saved")).toBe("");
});

describe("who may only read", () => {
  test("sees the values, and no button that changes anything", async () => {
    const userId = await setting.addUser();
    await setting.call(methods.updateHumanPhone, { userId, phone: "+41446681800" });
    const opened = await openUser(userId, setting.tokens.viewer);
    expect(await textOf(opened, "phone-value")).toBe("+41446681800");
    expect(await textOf(opened, "phone-mark")).toBe("not verified");
    expect(await buttonsIn(opened)).toEqual([]);
    expect(opened.complaints).toEqual([]);
  });

  test("and who may write, but not remove, sees no button that removes", async () => {
    const opened = await openUser(await setting.addUser(), setting.tokens.login);
    expect(await buttonsIn(opened)).toEqual([
      ...["edit", "user-name-change", "email-change", "phone-change", "lock", "deactivate"],
      "metadata-add",
    ]);
  });

  test("sees no button either while the server does not say what may be done", async () => {
    const userId = await setting.addUser();
    const opened = await openUser(userId);
    await opened.page.route("**/UpdateUserName", (route) => route.abort());
    await opened.page.reload();
    await opened.page.locator("#remove").waitFor();
    expect(await buttonsIn(opened)).toEqual(["remove"]);
  });
});
