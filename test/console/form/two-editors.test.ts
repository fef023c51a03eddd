import { beforeAll, describe, expect, test } from "vitest";
import { gigi, methods, type Setting } from "../../support/api/setting.ts";
import { type Console, eventually, openConsole } from "../open-console.ts";
import { button, field, focusedId, textOf, useConsole, versionIn } from "../use-console.ts";

const { openUser, update, setting: started } = useConsole();
let setting: Setting;
beforeAll(() => {
  setting = started();
});

const base64 = (value: string) => Buffer.from(value).toString("base64");

/** The choices that a form offers: the field, then each choice, the one that is taken marked. */
const choices = ({ page }: Console) =>
  page
    .locator("#person fieldset")
    .evaluateAll((all) =>
      all.map((each) => [
        each.querySelector("legend")?.textContent,
        ...[...each.querySelectorAll("label")].map(
          (label) =>
            `${label.querySelector("input")?.checked ? "(x)" : "( )"} ${label.innerText.trim()}`,
        ),
      ]),
    );

const choose = ({ page }: Console, name: string, choice: RegExp) =>
  page.getByRole("group", { name, exact: true }).getByLabel(choice).check();

test("two tabs change one profile: nothing is lost, and nothing that was typed is gone", async () => {
  const userId = await setting.addUser();
  const first = await openUser(userId);
  const second = await openConsole(first.page.context(), setting.url);
  await second.openUser(userId);
  for (const tab of [first, second]) await button(tab, "Edit").click();

  await field(first, "Last name").fill("Okapi");
  await first.page.getByLabel("Nick name").fill("first");
  await first.page.getByLabel("Gender").selectOption("Diverse");
  await button(first, "Save").click();
  await eventually(() => textOf(first, "profile-saved")).toBe("Saved as version 2.");

  await field(second, "Display name").fill("Second");
  await second.page.getByLabel("Nick name").fill("second");
  await button(second, "Save").click();
  await second.page.getByText("Somebody else has changed this meanwhile.").waitFor();
  expect(await choices(second)).toEqual([
    ["Last name", "(x) Theirs: Okapi", "( ) As it was: Giraffe"],
    ["Nick name", "( ) Theirs: first", "(x) Yours: second"],
    ["Gender", "(x) Theirs: Diverse", "( ) As it was: Female"],
  ]);
  expect(await setting.readProfile(userId)).toMatchObject({ details: { sequence: "2" } });
  expect(await second.page.getByLabel("Nick name").inputValue()).toBe("second");
  expect(await field(second, "Display name").inputValue()).toBe("Second");
  expect(await field(second, "Last name").inputValue()).toBe("Okapi");

  // Each choice can be changed, and typing is a choice, too.
  await choose(second, "Nick name", /Theirs/);
  expect(await second.page.getByLabel("Nick name").inputValue()).toBe("first");
  await choose(second, "Nick name", /Yours/);
  expect(await second.page.getByLabel("Nick name").inputValue()).toBe("second");
  await second.page.getByLabel("Nick name").fill("both");
  await choose(second, "Gender", /As it was/);
  expect(await choices(second)).toEqual([
    ["Last name", "(x) Theirs: Okapi", "( ) As it was: Giraffe"],
    ["Nick name", "( ) Theirs: first", "(x) Yours: both"],
    ["Gender", "( ) Theirs: Diverse", "(x) As it was: Female"],
  ]);
  await button(second, "Save").click();
  await eventually(() => textOf(second, "profile-saved")).toBe("Saved as version 3.");
  expect(await choices(second)).toEqual([]);
  expect(await setting.readProfile(userId)).toMatchObject({
    profile: {
      ...gigi,
      lastName: "Okapi",
      nickName: "both",
      displayName: "Second",
    },
  });
  expect(second.complaints).toEqual([]);
});

test("a third change while somebody chooses is shown, too", async () => {
  const userId = await setting.addUser();
  const opened = await openUser(userId);
  await button(opened, "Edit").click();
  await opened.page.getByLabel("Nick name").fill("mine");
  await update(userId, { nickName: "second" });
  await button(opened, "Save").click();
  await eventually(() => choices(opened)).toEqual([
    ["Nick name", "( ) Theirs: second", "(x) Yours: mine"],
  ]);
  expect(await opened.page.evaluate("document.activeElement.type")).toBe("radio");
  await update(userId, { nickName: "third" });
  await button(opened, "Save").click();
  await eventually(() => choices(opened)).toEqual([
    ["Nick name", "( ) Theirs: third", "(x) Yours: mine"],
  ]);
  await choose(opened, "Nick name", /Theirs/);
  await button(opened, "Save").click();
  await opened.page.getByText("Nothing to save: this is what the profile says").waitFor();
  expect(await setting.readProfile(userId)).toMatchObject({
    details: { sequence: "3" },
    profile: { nickName: "third" },
  });
});

test("what somebody else has changed elsewhere is no matter for a question", async () => {
  const userId = await setting.addUser();
  const opened = await openUser(userId);
  await button(opened, "Edit").click();
  await opened.page.getByLabel("Nick name").fill("mine");
  await setting.call(methods.updateHumanEmail, { userId, email: "other@giraffe.example" });
  await setting.call(methods.setUserMetadata, { id: userId, key: "k", value: base64("v") });
  await button(opened, "Save").click();
  await eventually(() => textOf(opened, "profile-saved")).toBe("Saved as version 4.");
  expect(await setting.call(methods.getUserByID, { id: userId })).toMatchObject({
    user: {
      human: { profile: { nickName: "mine" }, email: { email: "other@giraffe.example" } },
    },
  });
});

describe("a form of the account", () => {
  test("shows the e-mail of somebody else, and whether it is verified", async () => {
    const userId = await setting.addUser();
    const opened = await openUser(userId);
    await button(opened, "Change e-mail").click();
    await field(opened, "E-mail").fill("mine@giraffe.example");
    const email = "theirs@giraffe.example";
    await setting.call(methods.updateHumanEmail, { userId, email, isEmailVerified: true });
    await button(opened, "Save").click();
    await eventually(() => choices(opened)).toEqual([
      ["E-mail", "( ) Theirs: theirs@giraffe.example", "(x) Yours: mine@giraffe.example"],
      ["This address is verified", "(x) Theirs: Yes", "( ) As it was: No"],
    ]);
    await choose(opened, "This address is verified", /As it was/);
    expect(await field(opened, "This address is verified").isChecked()).toBe(false);
    await button(opened, "Save").click();
    await eventually(() => textOf(opened, "email-value")).toBe("mine@giraffe.example");
    expect(await textOf(opened, "email-mark")).toBe("not verified");
  });

  test("for the user name, too", async () => {
    const userId = await setting.addUser();
    const opened = await openUser(userId);
    await button(opened, "Change user name").click();
    await field(opened, "User name").fill(`mine.${userId}`);
    await setting.call(methods.updateUserName, { userId, userName: `theirs.${userId}` });
    await button(opened, "Save").click();
    await eventually(() => choices(opened)).toEqual([
      ["User name", `( ) Theirs: theirs.${userId}`, `(x) Yours: mine.${userId}`],
    ]);
    await button(opened, "Save").click();
    await eventually(() => textOf(opened, "user-name-value")).toBe(`mine.${userId}`);
  });
});

test("the text of metadata that somebody else has changed is shown beside what was typed", async () => {
  const id = await setting.addUser();
  const set = (key: string, value: string) =>
    setting.call(methods.setUserMetadata, { id, key, value: base64(value) });
  await set("text", "as it was");
  const opened = await openUser(id);
  await button(opened, "Change text").click();
  await field(opened, "Value").fill("mine");
  await set("text", "theirs");
  await button(opened, "Save").click();
  await eventually(() => choices(opened)).toEqual([
    ["Value", "( ) Theirs: theirs", "(x) Yours: mine"],
  ]);
  await choose(opened, "Value", /Theirs/);
  expect(await field(opened, "Value").inputValue()).toBe("theirs");
  await button(opened, "Cancel").click();

  await button(opened, "Add metadata").click();
  await field(opened, "Key").fill("new");
  await field(opened, "Value").fill("mine");
  await set("new", "theirs");
  await button(opened, "Save").click();
  await eventually(() => textOf(opened, "metadata-key-error")).toBe(
    "This key is there already. Change its value instead.",
  );
});

describe("a button", () => {
  test.for([
    { name: "Lock", at: "access-notice", confirm: false },
    { name: "Deactivate", at: "access-notice", confirm: false },
    { name: "Remove person", at: "access-notice", confirm: true },
    { name: "Remove phone", at: "account-notice", confirm: true },
    { name: "Remove text", at: "metadata-notice", confirm: true },
  ])("does nothing to what was not seen: $name", async ({ name, at, confirm }) => {
    const id = await setting.addUser();
    await setting.call(methods.updateHumanPhone, { userId: id, phone: "+41446681800" });
    await setting.call(methods.setUserMetadata, { id, key: "text", value: base64("v") });
    const opened = await openUser(id);
    await button(opened, name).waitFor();
    await update(id, { displayName: "Changed" });
    await button(opened, name).click();
    if (confirm) await opened.page.locator("#question-yes").click();
    await eventually(() => textOf(opened, at)).toMatch(/^Somebody else has changed this person/);
    expect(await opened.page.locator("#name").textContent()).toBe("Changed");
    expect(await versionIn(opened)).toBe("4");
    await button(opened, name).click();
    if (confirm) await opened.page.locator("#question-yes").click();
    await eventually(() =>
      setting.call(methods.getUserByID, { id }).catch(() => "gone"),
    ).not.toMatchObject({
      user: { details: { sequence: "4" } },
    });
  });
});

test.for([
  { first: "Remove text", second: "Remove other", at: "metadata" },
  { first: "Remove phone", second: "Remove phone", at: "account" },
  { first: "Remove text", second: "Lock", at: "metadata" },
])("$second while $first is under way is not begun", async ({ first, second, at }) => {
  const id = await setting.addUser();
  await setting.call(methods.updateHumanPhone, { userId: id, phone: "+41446681800" });
  for (const key of ["other", "text"])
    await setting.call(methods.setUserMetadata, { id, key, value: base64("v") });
  const opened = await openUser(id);
  const { page } = opened;
  const reached = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  let calls = 0;
  await page.route(/RemoveUserMetadata|RemoveHumanPhone|LockUser/, async (route) => {
    calls += 1;
    const response = await route.fetch();
    reached.resolve();
    await answer.promise;
    await route.fulfill({ response });
  });
  await button(opened, first).click();
  await page.locator("#question-yes").click();
  await reached.promise;
  await button(opened, second).click();
  expect(await page.locator("#question").isVisible()).toBe(false);
  answer.resolve();
  await eventually(() => textOf(opened, `${at}-saved`)).toBe("Saved as version 5.");
  expect(calls).toBe(1);
  expect(await page.getByText("Somebody else has changed").isVisible()).toBe(false);
});

test("a change of one tab is no obstacle for a form that is open in it", async () => {
  const opened = await openUser(await setting.addUser());
  await button(opened, "Edit").click();
  await opened.page.getByLabel("Nick name").fill("mine");
  await button(opened, "Lock").click();
  await eventually(() => textOf(opened, "access-saved")).toBe("Locked as version 2.");
  await button(opened, "Save").click();
  await eventually(() => textOf(opened, "profile-saved")).toBe("Saved as version 3.");
  expect(await focusedId(opened)).toBe("edit");
});
