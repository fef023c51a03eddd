import { beforeAll, describe, expect, test } from "vitest";
import { gigi, methods, type Setting } from "../../support/api/setting.ts";
import { type Console, eventually, openConsole } from "../open-console.ts";
import { useConsole } from "../use-console.ts";

const { open, setting: started } = useConsole();
let setting: Setting;
beforeAll(() => {
  setting = started();
});

describe("finding people", () => {
  const names = ({ page }: Console) => page.locator(".result-name").allTextContents();
  const found = ({ page }: Console) => page.locator("#found").textContent();
  const herd = Array.from({ length: 145 }, (_, index) => `Herd ${String(index).padStart(3, "0")}`);
  beforeAll(async () => {
    await Promise.all(herd.map((displayName) => setting.addUser({ ...gigi, displayName })));
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
    ...["  queen  ", "savanna lea", "AMELIE", "lowe amelie", "löwé", "que amel mane"],
  ])("finds who is meant by %j", async (text) => {
    const opened = await open();
    await opened.signIn(setting.tokens.viewer);
    await opened.page.getByLabel("Find by name, user name, e-mail or id").fill(text);
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
    await opened.page.getByLabel("Find by name, user name, e-mail or id").fill("<b>nobody</b>%_");
    await eventually(() => found(opened)).toBe("Nobody found.");
    expect(await names(opened)).toEqual([]);
  });

  test("shows them page by page, in order, and moves on to the new ones", async () => {
    const opened = await open();
    const { page, signIn } = opened;
    await signIn(setting.tokens.viewer);
    await page.getByLabel("Find by name, user name, e-mail or id").fill("herd");
    await eventually(() => found(opened)).toBe("100 of 145 people");
    const more = page.getByRole("button", { name: "Show more" });
    await more.click();
    await eventually(() => found(opened)).toBe("145 people");
    expect(await page.evaluate("document.activeElement.textContent")).toContain("Herd 100");
    expect(await names(opened)).toEqual(herd);
    expect(await more.isVisible()).toBe(false);
  });

  test("says that it is looking while it waits for an answer", async () => {
    const opened = await open();
    const { page, signIn } = opened;
    await signIn(setting.tokens.viewer);
    const answer = Promise.withResolvers<void>();
    await page.route("**/ListUsers", async (route) => {
      await answer.promise;
      await route.continue();
    });
    await page.getByLabel("Find by name, user name, e-mail or id").fill("queen");
    await eventually(() => found(opened)).toBe("Looking…");
    answer.resolve();
    await eventually(() => found(opened)).toBe("1 person");
  });

  test("marks users who are locked", async () => {
    const userId = await setting.addUser({ ...gigi, displayName: "Prisoner" });
    await setting.call(methods.lockUser, { id: userId });
    const { page, signIn } = await open();
    await signIn(setting.tokens.viewer);
    await page.getByLabel("Find by name, user name, e-mail or id").fill("prisoner");
    await page.getByRole("link", { name: "Prisoner Locked" }).click();
    await page.getByRole("heading", { name: "Prisoner" }).waitFor();
    expect(await page.locator("#state").textContent()).toBe("Locked");
  });

  test("finds somebody by the id, and only by the whole id", async () => {
    const userId = await setting.addUser({ ...gigi, displayName: "Numbered" });
    const opened = await open();
    await opened.signIn(setting.tokens.viewer);
    const field = opened.page.getByLabel("Find by");
    await field.fill(userId);
    await eventually(() => names(opened)).toEqual(["Numbered"]);
    await field.fill(userId.slice(0, -1));
    await eventually(() => found(opened)).toBe("Nobody found.");
  });

  test("keeps people and service accounts apart", async () => {
    const opened = await open();
    const { page, signIn } = opened;
    await signIn(setting.tokens.owner);
    await eventually(() => found(opened)).toMatch(/people$/);
    expect(await names(opened)).not.toContain("viewer");
    await page.locator("#kind-accounts").check();
    await page.getByRole("heading", { name: "Service accounts" }).waitFor();
    await eventually(() => names(opened)).toContain("viewer");
    await eventually(() => found(opened)).toMatch(/service accounts$/);
    expect(await names(opened)).not.toContain("Queen");
    await page.getByLabel("Find by").fill("VIEW");
    await eventually(() => found(opened)).toBe("1 service account");
    await page.getByRole("link", { name: "viewer" }).click();
    await page.getByRole("heading", { name: "viewer" }).waitFor();
  });

  test("finds users by state", async () => {
    const userId = await setting.addUser({ ...gigi, displayName: "Idle" });
    await setting.call(methods.deactivateUser, { id: userId });
    const opened = await open();
    await opened.signIn(setting.tokens.viewer);
    await opened.page.getByLabel("State").selectOption("Inactive");
    await eventually(() => names(opened)).toEqual(["Idle"]);
    await opened.page.getByLabel("Find by").fill("nobody");
    await eventually(() => found(opened)).toBe("Nobody found.");
    await opened.page.getByLabel("State").selectOption("Locked");
    await opened.page.getByLabel("Find by").fill("");
    await eventually(() => names(opened)).not.toContain("Idle");
  });
});

describe("the search is in the address", () => {
  const found = ({ page }: Console) => page.locator("#found").textContent();
  const terms = async ({ page }: Console) => [
    await page.getByLabel("Find by").inputValue(),
    await page.getByLabel("State").inputValue(),
    await page.locator("#kind-accounts").isChecked(),
  ];

  test("so back, forward, a reload and a link lead to it", async () => {
    await setting.addUser({ ...gigi, displayName: "Adela Äß & co" });
    const opened = await open();
    const { page, signIn } = opened;
    await signIn(setting.tokens.viewer);
    await eventually(() => found(opened)).toMatch(/person|people/);
    await page.getByLabel("Find by").pressSequentially("adela äß &", { delay: 20 });
    await eventually(() => found(opened)).toBe("1 person");
    await page.keyboard.press("Enter");
    await page.getByLabel("State").selectOption("Active");
    await eventually(() => page.url()).toContain("state=active");
    await page.getByRole("link", { name: "Adela" }).click();
    await page.getByRole("heading", { name: "Adela" }).waitFor();
    const link = page.url();
    expect(await terms(opened)).toEqual(["adela äß &", "active", false]);

    await page.goBack();
    await page.goBack();
    await eventually(() => terms(opened)).toEqual(["adela äß &", "", false]);
    await eventually(() => found(opened)).toBe("1 person");
    await page.goBack();
    await eventually(() => terms(opened)).toEqual(["", "", false]);
    await eventually(() => found(opened)).not.toBe("1 person");
    await page.goForward();
    await page.goForward();
    await eventually(() => terms(opened)).toEqual(["adela äß &", "active", false]);
    await page.reload();
    await eventually(() => terms(opened)).toEqual(["adela äß &", "active", false]);
    await eventually(() => found(opened)).toBe("1 person");

    await page.goto(`${setting.url}/#/?kind=service-accounts&state=nonsense&q=a&other=b`);
    await eventually(() => terms(opened)).toEqual(["a", "", true]);
    const second = await openConsole(page.context(), link);
    await second.page.getByRole("heading", { name: "Adela" }).waitFor();
    expect(await terms(second)).toEqual(["adela äß &", "active", false]);
    expect(opened.complaints).toEqual([]);
  });

  test("and a person who is clicked while somebody types does not lose it", async () => {
    await setting.addUser({ ...gigi, displayName: "Clicked" });
    const opened = await open();
    const { page, signIn } = opened;
    await signIn(setting.tokens.viewer);
    await page.getByLabel("Find by").fill("clicked");
    await eventually(() => found(opened)).toBe("1 person");
    const link = page.getByRole("link", { name: "Clicked" });
    // Both at once, before the form asks.
    await page.evaluate(`
      query.value = "clicked gi";
      query.dispatchEvent(new Event("input"));
      document.querySelector("#results a").click();
    `);
    await page.getByRole("heading", { name: "Clicked" }).waitFor();
    expect(await terms(opened)).toEqual(["clicked gi", "", false]);
    expect(page.url()).toContain("q=clicked+gi");
    await page.goBack();
    await eventually(() => page.url()).not.toContain("/users/");
    expect(await terms(opened)).toEqual(["clicked gi", "", false]);

    // The list is still that of the last words.
    const answer = Promise.withResolvers<void>();
    await page.route("**/ListUsers", async (route) => {
      await answer.promise;
      await route.continue();
    });
    await page.getByLabel("Find by").fill("nobody");
    await eventually(() => page.url()).toContain("q=nobody");
    await link.click();
    await page.getByRole("heading", { name: "Clicked" }).waitFor();
    expect(await terms(opened)).toEqual(["nobody", "", false]);
    answer.resolve();
    await eventually(() => found(opened)).toBe("Nobody found.");
  });

  test("and looking at somebody and going back does not lose it", async () => {
    const opened = await open({ viewport: { width: 390, height: 800 } });
    const { page, signIn } = opened;
    await signIn(setting.tokens.viewer);
    await page.getByLabel("Find by").fill("queen");
    await page.getByRole("link", { name: "Queen" }).click();
    await page.getByRole("link", { name: "All people" }).click();
    await eventually(() => found(opened)).toBe("1 person");
    expect(await page.getByLabel("Find by").inputValue()).toBe("queen");
  });
});
