import { beforeAll, describe, expect, test } from "vitest";
import { gigi, methods, type Setting } from "../../support/api/setting.ts";
import { eventually } from "../open-console.ts";
import {
  buttonsIn,
  field,
  focusedId,
  hands,
  textOf,
  useConsole,
  versionIn,
} from "../use-console.ts";

const { openUser, setting: started } = useConsole();
let setting: Setting;
beforeAll(() => {
  setting = started();
});

const stored = (userId: string) => setting.call(methods.getUserByID, { id: userId });

describe.for(hands)("by %s", ([hand, press]) => {
  test("the user name is changed", async () => {
    const userId = await setting.addUser();
    const opened = await openUser(userId);
    await press(opened, "Change user name");
    expect(await focusedId(opened)).toBe("user-name");
    const userName = `Renamed.${userId}`;
    await opened.page.keyboard.press("Control+A");
    await opened.page.keyboard.type(userName);
    await press(opened, "Save");
    await eventually(() => textOf(opened, "account-saved")).toBe("Saved as version 2.");
    expect(await textOf(opened, "user-name-value")).toBe(userName);
    expect(await versionIn(opened)).toBe("2");
    expect(await focusedId(opened)).toBe("user-name-change");
    expect(await stored(userId)).toMatchObject({ user: { userName, details: { sequence: "2" } } });
  });

  test("the e-mail is changed, then verified", async () => {
    const userId = await setting.addUser();
    const opened = await openUser(userId);
    await press(opened, "Change e-mail");
    await opened.page.keyboard.press("Control+A");
    await opened.page.keyboard.type("new@giraffe.example");
    await press(opened, "Save");
    await eventually(() => textOf(opened, "account-saved")).toBe("Saved as version 2.");
    expect(await textOf(opened, "email-value")).toBe("new@giraffe.example");
    expect(await textOf(opened, "email-mark")).toBe("not verified");

    await press(opened, "Change e-mail");
    expect(await field(opened, "This address is verified").isChecked()).toBe(false);
    await opened.page.keyboard.press("Tab");
    await opened.page.keyboard.press("Space");
    await press(opened, "Save");
    await eventually(() => textOf(opened, "account-saved")).toBe("Saved as version 3.");
    expect(await textOf(opened, "email-mark")).toBe("verified");
    expect(await focusedId(opened)).toBe("email-change");
    expect(await stored(userId)).toMatchObject({
      user: { human: { email: { email: "new@giraffe.example", isEmailVerified: true } } },
    });

    // Another address is not verified because the last one was. A tick that was set stays.
    await press(opened, "Change e-mail");
    const verified = field(opened, "This address is verified");
    expect(await verified.isChecked()).toBe(true);
    await opened.page.keyboard.type("x");
    expect(await verified.isChecked()).toBe(false);
    await verified.check();
    await field(opened, "E-mail").focus();
    await opened.page.keyboard.type("y");
    expect(await verified.isChecked()).toBe(true);
  });

  test("a phone is set, stored in one form whatever was typed, and removed after a question", async () => {
    const userId = await setting.addUser();
    const opened = await openUser(userId);
    expect(await textOf(opened, "phone-value")).toBe("–");
    expect(await buttonsIn(opened)).not.toContain("phone-remove");
    await press(opened, "Change phone");
    await opened.page.keyboard.type("+41 44 668 18 00");
    await opened.page.keyboard.press("Tab");
    await opened.page.keyboard.press("Space");
    await press(opened, "Save");
    // The number, and that it is verified.
    await eventually(() => textOf(opened, "account-saved")).toBe("Saved as version 3.");
    expect(await textOf(opened, "phone-value")).toBe("+41446681800");
    expect(await textOf(opened, "phone-mark")).toBe("verified");

    await press(opened, "Remove phone");
    await opened.page.getByRole("dialog", { name: "Remove the phone?" }).waitFor();
    await press(opened, "Cancel");
    expect(await focusedId(opened)).toBe("phone-remove");
    await press(opened, "Remove phone");
    await opened.page.keyboard.press("Shift+Tab");
    await opened.page.keyboard.press("Enter");
    await eventually(() => textOf(opened, "account-saved")).toBe("Saved as version 4.");
    expect(await textOf(opened, "phone-value")).toBe("–");
    expect(await opened.page.locator("#phone-mark").isVisible()).toBe(false);
    expect(await focusedId(opened)).toBe("phone-change");
    expect((await stored(userId)).user).not.toHaveProperty("human.phone.phone");
  });

  test("a user is locked, unlocked, deactivated and reactivated", async () => {
    const userId = await setting.addUser();
    const opened = await openUser(userId);
    const steps = [
      ["Lock", "Locked as version 2.", "Locked", ["lock", "deactivate", "remove"]],
      ["Unlock", "Unlocked as version 3.", "", ["lock", "deactivate", "remove"]],
      ["Deactivate", "Deactivated as version 4.", "Inactive", ["deactivate", "remove"]],
      ["Reactivate", "Reactivated as version 5.", "", ["lock", "deactivate", "remove"]],
    ] as const;
    for (const [name, said, state, buttons] of steps) {
      await press(opened, name);
      await eventually(() => textOf(opened, "access-saved")).toBe(said);
      expect(await opened.page.locator("#state").textContent()).toBe(state);
      const others = ["edit", "user-name-change", "email-change", "phone-change"];
      expect(await buttonsIn(opened)).toEqual([...others, ...buttons, "metadata-add"]);
      expect(await focusedId(opened)).toBe(name.endsWith("ock") ? "lock" : "deactivate");
    }
    expect(await versionIn(opened)).toBe("5");
    await eventually(() => opened.page.locator("#timeline .what").allTextContents()).toEqual([
      ...["User reactivated", "User deactivated", "User unlocked", "User locked", "User added"],
    ]);
  });

  test("a user is removed, after a question that says whom", async () => {
    const displayName = "Gone <b>Soon</b>";
    const userId = await setting.addUser({ ...gigi, displayName });
    const opened = await openUser(userId);
    await press(opened, "Remove person");
    const dialog = opened.page.getByRole("dialog", { name: "Remove this person?" });
    await dialog.getByText(`${displayName} will be removed`).waitFor();
    expect(await focusedId(opened)).toBe("question-no");
    await opened.page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    expect(await focusedId(opened)).toBe("remove");
    expect(await stored(userId)).toMatchObject({ user: { details: { sequence: "1" } } });

    await press(opened, "Remove person");
    await dialog.waitFor();
    await opened.page.keyboard.press("Shift+Tab");
    expect(await focusedId(opened)).toBe("question-yes");
    if (hand === "mouse") await dialog.getByRole("button", { name: "Remove" }).click();
    else await opened.page.keyboard.press("Enter");
    const notice = opened.page.locator("#person-notice");
    await eventually(() => notice.textContent()).toBe(`${displayName} was removed as version 2.`);
    expect(await focusedId(opened)).toBe("person-notice");
    expect(await opened.page.locator("#person-content").isVisible()).toBe(false);
    await eventually(() => opened.page.getByRole("link", { name: "Soon" }).count()).toBe(0);
    await expect(stored(userId)).rejects.toThrow("User could not be found");
    expect(opened.complaints).toEqual([]);
  });
});
