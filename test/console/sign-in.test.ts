import { beforeAll, describe, expect, test } from "vitest";
import { gigi, type Setting } from "../support/api/setting.ts";
import { eventually, openConsole } from "./open-console.ts";
import { focusedId, useConsole } from "./use-console.ts";

const { open, openUser, setting: started } = useConsole();
let setting: Setting;
beforeAll(() => {
  setting = started();
});

describe("signing in", () => {
  test("lasts for the tab, and leaves no trace elsewhere", async () => {
    const { page, signIn } = await open();
    await signIn(setting.tokens.editor);
    expect(page.url()).not.toContain(setting.tokens.editor);
    expect(await page.evaluate("[localStorage.length, document.cookie]")).toEqual([0, ""]);
    await page.reload();
    await page.getByRole("heading", { name: "People" }).waitFor();
    const other = await openConsole(page.context(), setting.url);
    await other.page.getByRole("heading", { name: "Sign in" }).waitFor();
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
    await page.getByText(`Organization ${setting.organizations.other}`).waitFor();
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
