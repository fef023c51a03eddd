import { beforeAll, describe, expect, test } from "vitest";
import { gigi, type Setting } from "../../support/api/setting.ts";
import { eventually, openConsole } from "../open-console.ts";
import { focusedId, useConsole } from "../use-console.ts";

const { open, openUser, setting: started } = useConsole();
let setting: Setting;
beforeAll(() => {
  setting = started();
});

describe("signing in", () => {
  test("lasts while a tab is open, and leaves no trace elsewhere", async () => {
    const { page, signIn } = await open();
    await signIn(setting.tokens.editor);
    expect(page.url()).not.toContain(setting.tokens.editor);
    expect(await page.evaluate("[localStorage.length, document.cookie]")).toEqual([0, ""]);
    await page.reload();
    await page.getByRole("heading", { name: "People" }).waitFor();
    const context = page.context();
    const other = await openConsole(context, setting.url);
    await other.page.getByRole("heading", { name: "People" }).waitFor();
    expect(await other.page.evaluate("[localStorage.length, document.cookie]")).toEqual([0, ""]);
    await page.close();
    await other.page.close();
    const third = await openConsole(context, setting.url);
    await third.page.getByRole("heading", { name: "Sign in" }).waitFor();
  });

  test.for<{ name: string; token?: string; organization?: string; at: string; want: string }>([
    {
      name: "nothing",
      token: "  ",
      at: "token",
      want: "Paste an access token: letters, digits and signs, without spaces.",
    },
    {
      name: "what no token looks like",
      token: "gir_ä",
      at: "token",
      want: "Paste an access token: letters, digits and signs, without spaces.",
    },
    {
      name: "a token that nobody has",
      token: "garbage",
      at: "token",
      want: "The server does not know this token.",
    },
    {
      name: "an organization that there is not",
      organization: "1",
      at: "organization",
      want: "Organisation doesn't exist (AUTH-Bs7Ds).",
    },
    {
      name: "what no organization id looks like",
      organization: "動物園",
      at: "organization",
      want: "An organization id has only ASCII letters, digits and signs.",
    },
  ])("is refused with $name, where it is wrong", async ({ token, organization = "", at, want }) => {
    const opened = await open();
    const { page } = opened;
    await page.getByLabel("Access token").fill(token ?? setting.tokens.editor);
    await page.getByLabel("Organization id").fill(organization);
    await page.getByRole("button", { name: "Sign in" }).click();
    await eventually(() => page.locator(`#${at}-error`).textContent()).toBe(want);
    expect(
      await page.locator("[aria-invalid]").evaluateAll((all) => all.map(({ id }) => id)),
    ).toEqual([at]);
    expect(await focusedId(opened)).toBe(at);
  });

  test("is refused to somebody who has no role in the organization, with the reason", async () => {
    const { page } = await open();
    await page.getByLabel("Access token").fill(setting.tokens.editor);
    await page.getByLabel("Organization id").fill(setting.organizations.other);
    await page.keyboard.press("Enter");
    await eventually(() => page.locator("#organization-error").textContent()).toBe(
      "Membership not found (AUTHZ-cdgFk).",
    );
  });

  test("may choose another organization", async () => {
    const { page, signIn, openUser } = await open();
    await signIn(setting.tokens.owner, setting.organizations.other);
    await page.locator("#place", { hasText: "Zoo" }).waitFor();
    await openUser(setting.users.foreign);
    await page.getByRole("heading", { name: gigi.displayName }).waitFor();
  });

  test("ends with signing out: nothing remains", async () => {
    const { page } = await openUser(await setting.addUser());
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(await page.evaluate("sessionStorage.length")).toBe(0);
    expect(await page.content()).not.toContain(gigi.displayName);
  });

  test("ends when the token is not accepted any more", async () => {
    const { page } = await openUser(await setting.addUser());
    await page.evaluate("sessionStorage.setItem('giraffe.token', 'garbage')");
    await page.reload();
    await page
      .getByRole("alert")
      .filter({ hasText: "This token is not accepted any more. Sign in again." })
      .waitFor();
    await page.reload();
    expect(await page.getByRole("alert").count()).toBe(0);
  });
});

describe("several tabs", () => {
  test("need one sign-in: a link to somebody opens in another tab", async () => {
    const userId = await setting.addUser();
    const { page } = await openUser(await setting.addUser());
    const second = await openConsole(page.context(), `${setting.url}/#/users/${userId}`);
    await second.page.locator("#facts", { hasText: userId }).waitFor();
    expect(second.complaints).toEqual([]);
  });

  test("that wait for a sign-in are let in by the one that has signed in", async () => {
    const opened = await open();
    const { page } = opened;
    const second = await openConsole(page.context(), setting.url);
    await second.page.getByRole("heading", { name: "Sign in" }).waitFor();
    await opened.signIn(setting.tokens.editor);
    await second.page.getByRole("heading", { name: "People" }).waitFor();
    expect(await second.page.getByRole("heading", { name: "Sign in" }).isVisible()).toBe(false);
  });

  test("are signed out together, and what was typed in another one stays", async () => {
    const userId = await setting.addUser();
    const opened = await openUser(userId);
    const second = await openConsole(opened.page.context(), `${setting.url}/#/users/${userId}`);
    await second.page.getByRole("button", { name: "Edit" }).click();
    await second.page.getByLabel("Nick name").fill("typed");
    await opened.page.getByRole("button", { name: "Sign out" }).click();
    await opened.page.getByRole("heading", { name: "Sign in" }).waitFor();
    await second.page
      .getByText("You have signed out in another tab. What you typed is still here.")
      .waitFor();
    expect(await second.page.evaluate("sessionStorage['giraffe.token']")).toBeUndefined();
    await second.page.getByLabel("Access token").fill(setting.tokens.owner);
    await second.page.keyboard.press("Enter");
    await eventually(() => second.page.getByLabel("Nick name").inputValue()).toBe("typed");
    await opened.page.getByRole("heading", { name: "People" }).waitFor();
  });

  test("do not give each other a token that is not accepted any more", async () => {
    const { page } = await openUser(await setting.addUser());
    const second = await openConsole(page.context(), setting.url);
    await second.page.getByRole("heading", { name: "People" }).waitFor();
    await second.page.route("**/ListUsers", (route) =>
      route.continue({ headers: { ...route.request().headers(), authorization: "Bearer gone" } }),
    );
    await second.page.getByLabel("Find by").fill("x");
    await second.page.getByText("This token is not accepted any more.").waitFor();
    await second.page.waitForTimeout(600);
    expect(await second.page.getByRole("heading", { name: "Sign in" }).isVisible()).toBe(true);
  });
});

describe("organizations", () => {
  const links = ({ page }: Awaited<ReturnType<typeof open>>) =>
    page.locator("#organization-list a").allTextContents();

  test("are listed for whoever may read several, and links lead into them", async () => {
    const opened = await open();
    const { page, signIn } = opened;
    await signIn(setting.tokens.owner);
    await page.locator("#place", { hasText: "Giraffe" }).click();
    await eventually(async () => (await links(opened)).sort()).toEqual(["Giraffe", "Zoo"]);
    const here = page.locator("#organization-list [aria-current]");
    expect(await here.allTextContents()).toEqual(["Giraffe"]);
    await page.getByRole("link", { name: "Zoo" }).click();
    await page.locator("#place", { hasText: "Zoo" }).waitFor();
    await opened.page.locator(".result-name").first().click();
    await page.locator("#facts", { hasText: setting.users.foreign }).waitFor();
    const link = page.url();
    expect(link).toContain(`org=${setting.organizations.other}`);
    const second = await openConsole(page.context(), link);
    await second.page.locator("#facts", { hasText: setting.users.foreign }).waitFor();
    await page.locator("#place").click();
    await page.locator("#organization-list").getByRole("link", { name: "Giraffe" }).click();
    await page.locator("#place", { hasText: "Giraffe" }).waitFor();
    expect(opened.complaints).toEqual([]);
  });

  test("are listed once when the list is opened again while it is made", async () => {
    const opened = await openUser(await setting.addUser(), setting.tokens.owner);
    const { page } = opened;
    const answer = Promise.withResolvers<void>();
    await page.route("**/zitadel.user.v2.UserService/ListUsers", async (route) => {
      await answer.promise;
      await route.continue();
    });
    const place = page.locator("#place");
    const openList = () =>
      Promise.all([page.waitForRequest("**/zitadel.user.v2.UserService/ListUsers"), place.click()]);
    await openList();
    await place.click();
    await openList();
    answer.resolve();
    await eventually(() => page.locator("#organization-status").textContent()).toBe("");
    expect((await links(opened)).sort()).toEqual(["Giraffe", "Zoo"]);
  });

  test.for(["動物園", "a\r\nb"])(
    "in an address are not there if no header can carry their ids: %j",
    async (organization) => {
      const opened = await openUser(await setting.addUser(), setting.tokens.viewer);
      await opened.page.goto(`${setting.url}/#/?org=${encodeURIComponent(organization)}`);
      await opened.page.reload();
      await eventually(() => opened.page.locator("#found").textContent()).toMatch(/people$/);
      expect(await opened.page.locator("#place").textContent()).toBe("Giraffe");
      expect(opened.complaints).toEqual([]);
    },
  );

  test("of others are not listed", async () => {
    const opened = await open();
    await opened.signIn(setting.tokens.viewer);
    await opened.page.locator("#place").click();
    await eventually(() => links(opened)).toEqual(["Giraffe"]);
    await eventually(() => opened.page.locator("#organization-status").textContent()).toBe("");
  });
});
