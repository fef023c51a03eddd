import { beforeAll, describe, expect, test } from "vitest";
import { gigi, methods, type Setting } from "../../support/api/setting.ts";
import { type Console, eventually } from "../open-console.ts";
import { pairsIn, useConsole } from "../use-console.ts";

const { open, openUser, update, setting: started } = useConsole();
let setting: Setting;
beforeAll(() => {
  setting = started();
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

/** An answer with the bytes of one message. */
function answerWith(...message: number[]) {
  const end = new TextEncoder().encode("grpc-status:0\r\n");
  const trailers = [0x80, 0, 0, 0, end.length, ...end];
  return {
    status: 200,
    headers: { "content-type": "application/grpc-web+proto" },
    body: Buffer.of(0, 0, 0, 0, message.length, ...message, ...trailers),
  };
}

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

  const values = (opened: Console) =>
    changes(opened).evaluateAll((all) =>
      all.map((item) =>
        [...item.querySelectorAll(".values > div")].map((each) => [
          each.querySelector("dt")?.textContent,
          each.querySelector("del")?.textContent,
          each.querySelector("ins")?.textContent,
        ]),
      ),
    );

  test("shows the values before and after, in words", async () => {
    const userId = await setting.addUser();
    await update(userId, {
      firstName: "Zoë",
      nickName: "",
      preferredLanguage: "de",
      gender: "GENDER_DIVERSE",
    });
    await setting.call(methods.updateHumanPhone, { userId, phone: "+41446681800" });
    await setting.call(methods.lockUser, { id: userId });
    const set = (value: string | Uint8Array) =>
      setting.call(methods.setUserMetadata, {
        id: userId,
        key: "state",
        value: Buffer.from(value).toString("base64"),
      });
    await set("é\n");
    await set(Uint8Array.of(0xff));
    await set("x".repeat(501));
    const opened = await openUser(userId, setting.tokens.viewer);
    const all = await values(opened);
    expect(all.slice(0, -1)).toEqual([
      [["state", "1 byte", `${"x".repeat(500)}…`]],
      [["state", "é\n", "1 byte"]],
      [["state", undefined, "é\n"]],
      [["State", "Active", "Locked"]],
      [
        ["Phone", undefined, "+41446681800"],
        ["Phone verified", undefined, "No"],
      ],
      [
        ["First name", "Gigi", "Zoë"],
        ["Nick name", "Gi", "–"],
        ["Language", "English (en)", "German (de)"],
        ["Gender", "Female", "Diverse"],
      ],
    ]);
    expect(all.at(-1)).toContainEqual(["Last name", undefined, "Giraffe"]);
    expect(opened.complaints).toEqual([]);
  });

  test("is asked for again when a page of it is empty although more follow", async () => {
    const userId = await setting.addUser();
    const opened = await openUser(userId);
    let calls = 0;
    await opened.page.route("**/ListChanges", async (route) => {
      calls += 1;
      // No changes, and the next page begins behind change 2.
      if (calls > 3) await route.continue();
      else await route.fulfill(answerWith(0x10, 2));
    });
    await opened.page.reload();
    await eventually(() => changes(opened).locator(".what").allTextContents()).toEqual([
      "User added",
    ]);
    expect(calls).toBe(4);
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

  const versions = (opened: Console) => changes(opened).locator(".version").allTextContents();

  test("shows each change once, also after a second click while more is on its way", async () => {
    const userId = await setting.addUser();
    for (let count = 2; count <= 45; count += 1) await update(userId, { nickName: `Gi ${count}` });
    const opened = await openUser(userId);
    const answer = Promise.withResolvers<void>();
    await opened.page.route("**/ListChanges", async (route) => {
      await answer.promise;
      await route.continue();
    });
    const more = opened.page.getByRole("button", { name: "Show earlier changes" });
    await more.dblclick();
    answer.resolve();
    await eventually(() => changes(opened).count()).toBe(40);
    await more.click();
    const all = Array.from({ length: 45 }, (_, index) => `Version ${45 - index}`);
    await eventually(() => versions(opened)).toEqual(all);
  });

  test("goes on where it has failed", async () => {
    const userId = await setting.addUser();
    await update(userId, { nickName: "second" });
    const opened = await openUser(userId);
    let calls = 0;
    await opened.page.route("**/ListChanges", async (route) => {
      calls += 1;
      // The first answer has change 2 alone, and the next page begins behind it. The second answer does not come.
      if (calls === 1) await route.fulfill(answerWith(0x0a, 2, 0x08, 2, 0x10, 2));
      else if (calls === 2) await route.abort();
      else await route.continue();
    });
    await opened.page.reload();
    await opened.page.locator("#history-notice", { hasText: "cannot be reached" }).waitFor();
    expect(await versions(opened)).toEqual(["Version 2"]);
    await opened.page.getByRole("button", { name: "Show earlier changes" }).click();
    await eventually(() => versions(opened)).toEqual(["Version 2", "Version 1"]);
  });
});
