import type { JsonObject } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import type { Route } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { gigi, methods, type Setting, startSetting } from "../support/api/setting.ts";
import { openBrowser, type TestBrowser } from "../support/browser.ts";
import { type Console, eventually, openConsole } from "./open-console.ts";

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

/** Signed in as somebody who may edit, looking at a user. */
async function openUser(userId: string, token = setting.tokens.editor): Promise<Console> {
  const opened = await open();
  await opened.signIn(token);
  await opened.openUser(userId);
  return opened;
}

/** Terms and values of a list, in order. */
const pairsIn = ({ page }: Console, id: string) =>
  page
    .locator(`#${id} > div`)
    .evaluateAll((pairs) =>
      pairs.map((pair) => [...pair.children].map((each) => each.textContent)),
    );

const focusedId = ({ page }: Console) => page.evaluate<string>("document.activeElement.id");

const update = (userId: string, profile: JsonObject) =>
  setting.call(methods.updateHumanProfile, { userId, ...gigi, ...profile });

describe("signing in", () => {
  test("lasts for the tab, and leaves no trace elsewhere", async () => {
    const { page, signIn } = await open();
    await signIn(setting.tokens.editor);
    expect(page.url()).not.toContain(setting.tokens.editor);
    expect(await page.evaluate("[localStorage.length, document.cookie]")).toEqual([0, ""]);
    await page.reload();
    await page.getByRole("heading", { name: "People" }).waitFor();
    const other = await openConsole(context, setting.url);
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

describe("finding people", () => {
  const names = ({ page }: Console) => page.locator(".result-name").allTextContents();
  const found = ({ page }: Console) => page.locator("#found").textContent();
  const herd = Array.from({ length: 45 }, (_, index) => `Herd ${String(index).padStart(2, "0")}`);
  beforeAll(async () => {
    for (const displayName of herd) await setting.addUser({ ...gigi, displayName });
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
    ...["  queen  ", "savanna lea"],
  ])("finds who is meant by %j", async (text) => {
    const opened = await open();
    await opened.signIn(setting.tokens.viewer);
    await opened.page.getByLabel("Find by name, user name or e-mail").fill(text);
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
    await opened.page.getByLabel("Find by name, user name or e-mail").fill("<b>nobody</b>%_");
    await eventually(() => found(opened)).toBe("Nobody found.");
    expect(await names(opened)).toEqual([]);
  });

  test("shows them page by page, in order, and moves on to the new ones", async () => {
    const opened = await open();
    const { page, signIn } = opened;
    await signIn(setting.tokens.viewer);
    await page.getByLabel("Find by name, user name or e-mail").fill("herd");
    await eventually(() => found(opened)).toBe("20 of 45 people");
    const more = page.getByRole("button", { name: "Show more people" });
    await more.click();
    await eventually(() => found(opened)).toBe("40 of 45 people");
    expect(await page.evaluate("document.activeElement.textContent")).toContain("Herd 20");
    await more.click();
    await eventually(() => found(opened)).toBe("45 people");
    expect(await names(opened)).toEqual(herd);
    expect(await more.isVisible()).toBe(false);
  });

  test("looks for names that begin with the words if there are too many users, and says so", async () => {
    const opened = await open();
    const { page, signIn } = opened;
    await signIn(setting.tokens.viewer);
    // Wait for the first list, because only the search after it should be refused.
    await eventually(() => names(opened)).not.toEqual([]);
    await page.route("**/ListUsers", refuse, { times: 1 });
    await page.getByLabel("Find by name, user name or e-mail").fill("amél");
    await eventually(() => found(opened)).toBe(
      "1 person. There are too many people to look inside names: only how they begin counts.",
    );
    expect(await names(opened)).toEqual(["Queen"]);
    await page.route("**/ListUsers", refuse, { times: 1 });
    await page.getByLabel("Find by name, user name or e-mail").fill("mélie");
    await eventually(() => found(opened)).toMatch(/^Nobody found. There are too many/);
  });

  /** As a server with some million users would. */
  async function refuse(route: Route): Promise<void> {
    const headers = new Headers({ "content-type": "application/grpc-web+proto" });
    const value = { reason: "SEARCH_TOO_BROAD", domain: "giraffe" };
    const details = [{ desc: ErrorInfoSchema, value }];
    const { FailedPrecondition } = Code;
    setTrailerStatus(
      headers,
      new ConnectError("too broad", FailedPrecondition, undefined, details),
    );
    await route.fulfill({ status: 200, headers: Object.fromEntries(headers) });
  }

  test("says that it is looking while it waits for an answer", async () => {
    const opened = await open();
    const { page, signIn } = opened;
    await signIn(setting.tokens.viewer);
    const answer = Promise.withResolvers<void>();
    await page.route("**/ListUsers", async (route) => {
      await answer.promise;
      await route.continue();
    });
    await page.getByLabel("Find by name, user name or e-mail").fill("queen");
    await eventually(() => found(opened)).toBe("Looking…");
    answer.resolve();
    await eventually(() => found(opened)).toBe("1 person");
  });

  test("marks users who are locked", async () => {
    const userId = await setting.addUser({ ...gigi, displayName: "Prisoner" });
    await setting.call(methods.lockUser, { id: userId });
    const { page, signIn } = await open();
    await signIn(setting.tokens.viewer);
    await page.getByLabel("Find by name, user name or e-mail").fill("prisoner");
    await page.getByRole("link", { name: "Prisoner Locked" }).click();
    await page.getByRole("heading", { name: "Prisoner" }).waitFor();
    expect(await page.locator("#state").textContent()).toBe("Locked");
  });
});

describe("a user", () => {
  test("is shown with the whole profile", async () => {
    const opened = await openUser(await setting.addUser(), setting.tokens.viewer);
    expect(await opened.page.locator("#name").textContent()).toBe("Gigi G.");
    expect(await pairsIn(opened, "fields")).toEqual([
      ["First name", "Gigi"],
      ["Last name", "Giraffe"],
      ["Display name", "Gigi G."],
      ["Nick name", "Gi"],
      ["Language", "English (en)"],
      ["Gender", "Female"],
    ]);
    const date = expect.stringMatching(/^\d{1,2} \w+ 20\d\d, \d\d:\d\d$/);
    expect(await pairsIn(opened, "facts")).toEqual([
      ["User name", expect.stringMatching(/^user-\d+$/)],
      ["E-mail", expect.stringMatching(/^user-\d+@giraffe\.example$/)],
      ["Id", expect.stringMatching(/^\d{18}$/)],
      ["Created", date],
      ["Changed", date],
      ["Version", "1"],
    ]);
  });

  test("without a nick name, a language and a gender has none", async () => {
    const { nickName: _, preferredLanguage: __, gender: ___, ...profile } = gigi;
    const opened = await openUser(await setting.addUser(profile));
    expect((await pairsIn(opened, "fields")).slice(3)).toEqual([
      ["Nick name", "–"],
      ["Language", "–"],
      ["Gender", "Not specified"],
    ]);
  });

  test("that is a service account has neither profile nor history", async () => {
    const { page, signIn } = await open();
    await signIn(setting.tokens.editor);
    await page.goto(`${setting.url}/#/users/${setting.users.machine}`);
    await page.getByRole("heading", { name: "viewer" }).waitFor();
    await page
      .getByText("A service account has no profile, and its history is not kept.")
      .waitFor();
    for (const name of ["Profile", "History"])
      expect(await page.getByRole("heading", { name }).isVisible()).toBe(false);
  });

  test.for(["unknown", "removed", "foreign"] as const)(
    "that is %s is said not to be found",
    async (whom) => {
      const { page, signIn } = await open();
      await signIn(setting.tokens.editor);
      await page.goto(`${setting.url}/#/users/${setting.users[whom]}`);
      const alert = page.getByRole("alert").filter({ hasText: "User could not be found" });
      await alert.waitFor();
      expect(await page.locator("#name").isVisible()).toBe(false);
    },
  );

  test("cannot be shown while the server is out of reach, and can again later", async () => {
    const userId = await setting.addUser();
    const { page, signIn } = await open();
    await signIn(setting.tokens.editor);
    await page.context().setOffline(true);
    await page.goto(`${setting.url}/#/users/${userId}`);
    await page.getByText("The server cannot be reached. Try again in a moment.").waitFor();
    await page.context().setOffline(false);
    await page.reload();
    await page.getByRole("heading", { name: gigi.displayName }).waitFor();
  });
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
    const rule = "Value length must be between 1 and 200 runes, inclusive.";
    expect(await errorAt("Last name")).toEqual(["true", rule]);
    expect(await errorAt("Nick name")).toEqual(["true", "Value length must be at most 200 runes."]);
    expect(await errorAt("Language")).toEqual(["true", "Value length must be at most 10 runes."]);
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

  test("is refused to somebody who may only read, and keeps what was typed", async () => {
    const opened = await openUser(await setting.addUser(), setting.tokens.viewer);
    await edit(opened).click();
    await opened.page.getByLabel("Nick name").fill("Long neck");
    await save(opened).click();
    await opened.page.getByText("No matching permissions found (AUTH-5mWD2).").waitFor();
    expect(await opened.page.getByLabel("Nick name").inputValue()).toBe("Long neck");
  });

  test("tells when somebody else has edited, too", async () => {
    const userId = await setting.addUser();
    const opened = await openUser(userId);
    await edit(opened).click();
    await update(userId, { nickName: "meanwhile" });
    await opened.page.getByLabel("Nick name").fill("at last");
    await save(opened).click();
    await opened.page.getByText(/^Saved as version 3\. Somebody else had changed it/).waitFor();
  });

  test.for(["Escape", "Cancel"])("is left by %s, without a change", async (way) => {
    const opened = await openUser(await setting.addUser());
    const { page } = opened;
    await edit(opened).click();
    await page.getByLabel("First name").fill("Never");
    if (way === "Escape") await page.keyboard.press("Escape");
    else await page.getByRole("button", { name: way }).click();
    expect(await page.getByLabel("First name").isVisible()).toBe(false);
    expect(await focusedId(opened)).toBe("edit");
    await edit(opened).click();
    expect(await page.getByLabel("First name").inputValue()).toBe("Gigi");
  });
});

describe("the history", () => {
  const changes = ({ page }: Console) => page.locator("#timeline li");

  test("tells what happened, by whom and when", async () => {
    const userId = await setting.addUser();
    await setting.call(methods.lockUser, { id: userId });
    const opened = await openUser(userId);
    expect(await changes(opened).locator(".what").allTextContents()).toEqual([
      "User locked",
      "User added",
    ]);
    const when = /^by admin, \d{1,2} \w+ 20\d\d, \d\d:\d\d$/;
    expect(await changes(opened).locator(".who").allTextContents()).toEqual([
      expect.stringMatching(when),
      expect.stringMatching(when),
    ]);
    expect(await opened.page.locator("time").first().getAttribute("datetime")).toMatch(/Z$/);
  });

  test("goes back to the beginning, page by page, without a gap", async () => {
    const userId = await setting.addUser();
    for (let count = 2; count <= 45; count += 1) await update(userId, { nickName: `Gi ${count}` });
    const opened = await openUser(userId);
    const more = opened.page.getByRole("button", { name: "Show earlier changes" });
    await more.click();
    await eventually(() => changes(opened).count()).toBe(40);
    // What happens meanwhile does not shift the pages.
    await update(userId, { nickName: "another" });
    expect(await opened.page.evaluate("document.activeElement.textContent")).toContain(
      "Version 25",
    );
    await more.click();
    await eventually(() => changes(opened).count()).toBe(45);
    expect(await more.isVisible()).toBe(false);
    expect(await changes(opened).locator(".version").allTextContents()).toEqual(
      Array.from({ length: 45 }, (_, index) => `Version ${45 - index}`),
    );
  });
});

test("everything can be done with the keyboard alone", async () => {
  const userId = await setting.addUser({ ...gigi, displayName: "Keyboard Kea" });
  const opened = await open();
  const { keyboard } = opened.page;
  const press = async (...keys: string[]) => {
    for (const key of keys) await keyboard.press(key);
  };
  await keyboard.type(setting.tokens.editor);
  await press("Enter");
  await eventually(() => focusedId(opened)).toBe("query");
  await keyboard.type("keyboard kea");
  await press("Enter");
  await eventually(() => opened.page.locator("#found").textContent()).toBe("1 person");
  await press("Tab", "Enter");
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
