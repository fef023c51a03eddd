// Long because of the tables of odd keys and values.

import { beforeAll, describe, expect, test } from "vitest";
import { methods, type Setting } from "../../support/api/setting.ts";
import { type Console, callAs, eventually } from "../open-console.ts";
import { button, field, focusedId, hands, textOf, useConsole, versionIn } from "../use-console.ts";

const { openUser, setting: started } = useConsole();
let setting: Setting;
beforeAll(() => {
  setting = started();
});

const base64 = (value: string | Uint8Array) => Buffer.from(value).toString("base64");

/** A user with metadata. Each entry is a change, after the one that has added the user. */
async function addUser(entries: Readonly<Record<string, string | Uint8Array>> = {}) {
  const id = await setting.addUser();
  for (const [key, value] of Object.entries(entries))
    await setting.call(methods.setUserMetadata, { id, key, value: base64(value) });
  return id;
}

/** What the server has stored under a key. */
async function storedValue(id: string, key: string): Promise<string> {
  const { metadata } = await setting.call(methods.getUserMetadata, { id, key });
  return Buffer.from((metadata as { value: string }).value, "base64").toString();
}

/** Keys and values of the page, in order. */
const entries = ({ page }: Console) =>
  page
    .locator("#metadata-list li")
    .evaluateAll((all) =>
      all.map((each) => [...each.querySelectorAll("dt, dd")].map(({ textContent }) => textContent)),
    );

describe.for(hands)("by %s", ([, press]) => {
  test("metadata is added, changed and removed", async () => {
    const id = await addUser();
    const opened = await openUser(id);
    const { keyboard } = opened.page;
    await eventually(() => textOf(opened, "metadata-count")).toBe("There is none.");
    await press(opened, "Add metadata");
    expect(await focusedId(opened)).toBe("metadata-key");
    await keyboard.type("department");
    await keyboard.press("Tab");
    await keyboard.type("Savanna");
    await keyboard.press("Enter");
    await keyboard.type("East");
    await press(opened, "Save");
    await eventually(() => textOf(opened, "metadata-saved")).toBe("Saved as version 2.");
    expect(await entries(opened)).toEqual([["department", "Savanna\nEast"]]);
    expect(await versionIn(opened)).toBe("2");
    expect(await focusedId(opened)).toBe("metadata-add");
    expect(await storedValue(id, "department")).toBe("Savanna\nEast");

    await press(opened, "Change department");
    expect(await focusedId(opened)).toBe("metadata-value");
    expect(await field(opened, "Key").getAttribute("readonly")).toBe("");
    await keyboard.press("Control+A");
    await keyboard.type("Lake");
    await press(opened, "Save");
    await eventually(() => textOf(opened, "metadata-saved")).toBe("Saved as version 3.");
    expect(await entries(opened)).toEqual([["department", "Lake"]]);
    expect(await opened.page.evaluate("document.activeElement.ariaLabel")).toBe(
      "Change department",
    );

    await press(opened, "Remove department");
    const dialog = opened.page.getByRole("dialog", { name: "Remove this entry?" });
    await dialog.waitFor();
    await keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    expect(await storedValue(id, "department")).toBe("Lake");
    await press(opened, "Remove department");
    await dialog.waitFor();
    await keyboard.press("Shift+Tab");
    await keyboard.press("Enter");
    await eventually(() => textOf(opened, "metadata-saved")).toBe("Saved as version 4.");
    expect(await entries(opened)).toEqual([]);
    expect(await versionIn(opened)).toBe("4");
    expect(await focusedId(opened)).toBe("metadata-title");
    expect(opened.complaints).toEqual([]);
  });
});

describe("a key", () => {
  test.for([
    `it's "quoted"`,
    "<script>globalThis.pwned=1</script>",
    `"><img src=x onerror="globalThis.pwned=1">`,
    "k".repeat(200),
    "長".repeat(200),
    "\u202Egnp.nimda",
    "_bulk",
    "a/b?c=d#e%2f",
    "../../..",
    "__proto__",
    "constructor",
  ])("is text and nothing else, and can be changed and removed: %j", async (key) => {
    const id = await addUser({ [`${key}`.slice(1) || "other"]: "stays" });
    await setting.call(methods.bulkSetUserMetadata, {
      id,
      metadata: [{ key, value: base64(`<b>${key}</b>`) }],
    });
    const opened = await openUser(id);
    await eventually(() => entries(opened)).toContainEqual([key, `<b>${key}</b>`]);
    await button(opened, `Change ${key}`).click();
    expect(await field(opened, "Key").inputValue()).toBe(key);
    await field(opened, "Value").fill(key);
    await button(opened, "Save").click();
    await eventually(() => entries(opened)).toContainEqual([key, key]);
    await button(opened, `Remove ${key}`).click();
    await opened.page.getByText(`${key} will be forgotten.`).waitFor();
    await opened.page.locator("#question-yes").click();
    await eventually(() => entries(opened)).toEqual([[expect.any(String), "stays"]]);
    expect(await opened.page.evaluate("globalThis.pwned")).toBeUndefined();
    expect(opened.complaints).toEqual([]);
  });

  test("that is wrong is refused at its field, until it is mended", async () => {
    const opened = await openUser(await addUser({ taken: "as it was" }));
    const refused = async (key: string, value: string, at: string) => {
      await field(opened, "Key").fill(key);
      await field(opened, "Value").fill(value);
      await button(opened, "Save").click();
      await opened.page.locator(`#metadata-${at}-error`).waitFor();
      expect(await focusedId(opened)).toBe(`metadata-${at}`);
      return textOf(opened, `metadata-${at}-error`);
    };
    await button(opened, "Add metadata").click();
    const length = "Must be between 1 and 200 characters long.";
    expect(await refused("", "v", "key")).toBe(length);
    expect(await refused("k".repeat(201), "v", "key")).toBe(length);
    expect(await refused("k", "", "value")).toBe("Must be between 1 and 500000 bytes long.");
    expect(await refused("taken", "v", "key")).toBe(
      "This key is there already. Change its value instead.",
    );
    expect(await entries(opened)).toEqual([["taken", "as it was"]]);
    await field(opened, "Key").fill("Taken");
    await button(opened, "Save").click();
    await eventually(() => entries(opened)).toEqual([
      ["Taken", "v"],
      ["taken", "as it was"],
    ]);
  });
});

describe("a value", () => {
  test.for([
    { name: "bytes that are not UTF-8", value: Uint8Array.of(0xff, 0xfe, 0x41), want: "3 bytes" },
    { name: "a zero", value: Uint8Array.of(0), want: "1 byte" },
    { name: "a text with a control character", value: "a\u001b[31m", want: "6 bytes" },
    { name: "UTF-8 that is cut off", value: Buffer.from("é").subarray(0, 1), want: "1 byte" },
    { name: "a surrogate in UTF-8", value: Uint8Array.of(0xed, 0xa0, 0x80), want: "3 bytes" },
  ])("that is no text is shown as its size, and can only be removed: $name", async (row) => {
    const opened = await openUser(await addUser({ binary: row.value }));
    await eventually(() => entries(opened)).toEqual([["binary", row.want]]);
    expect(await button(opened, "Change binary").count()).toBe(0);
    await button(opened, "Remove binary").click();
    await opened.page.locator("#question-yes").click();
    await eventually(() => textOf(opened, "metadata-count")).toBe("There is none.");
  });

  test.for([
    { name: "line feeds", before: "a\nb\n", typed: "a\nb\nc", want: "a\nb\nc" },
    { name: "carriage returns too", before: "a\r\nb", typed: "a\nb\nc", want: "a\r\nb\r\nc" },
    { name: "a byte order mark", before: "\ufeffa", typed: "\ufeffab", want: "\ufeffab" },
    { name: "blanks around", before: " a\t", typed: " b\t ", want: " b\t " },
    { name: "every plane", before: "🦒", typed: "🦒 e\u0301 \u202e", want: "🦒 e\u0301 \u202e" },
  ])("is stored as it was typed, with the line ends that it had: $name", async (row) => {
    const id = await addUser({ text: row.before });
    const opened = await openUser(id);
    await button(opened, "Change text").click();
    expect(await field(opened, "Value").inputValue()).toBe(row.before.replaceAll("\r\n", "\n"));
    await field(opened, "Value").fill(row.typed);
    await button(opened, "Save").click();
    await eventually(() => textOf(opened, "metadata-saved")).toBe("Saved as version 3.");
    expect(await storedValue(id, "text")).toBe(row.want);
  });

  test("that is the same is no error, and nothing is stored", async () => {
    const opened = await openUser(await addUser({ text: "a\r\nb" }));
    await button(opened, "Change text").click();
    await button(opened, "Save").click();
    await eventually(() => textOf(opened, "metadata-value-error")).toBe(
      "Nothing to save: this is the value already.",
    );
    expect(await versionIn(opened)).toBe("2");
  });

  test("that is long is shown whole, and the keyboard reaches what scrolls", async () => {
    const value = `${"long ".repeat(2_000)}end`;
    const opened = await openUser(await addUser({ long: value }), setting.tokens.viewer);
    await eventually(() => entries(opened)).toEqual([["long", value]]);
    const box = opened.page.locator("#metadata-list dd");
    await box.focus();
    await opened.page.keyboard.press("End");
    await eventually(() => box.evaluate(({ scrollTop }) => scrollTop)).toBeGreaterThan(0);
  });

  test("that the server refuses is explained, and what was typed stays", async () => {
    const opened = await openUser(await addUser({ text: "as it was" }));
    await callAs(opened, setting.tokens.viewer, "*UserMetadata");
    await button(opened, "Change text").click();
    await field(opened, "Value").fill("typed");
    await button(opened, "Save").click();
    const refusal = "No matching permissions found (AUTH-5mWD2).";
    await eventually(() => textOf(opened, "metadata-form-notice")).toBe(refusal);
    expect(await field(opened, "Value").inputValue()).toBe("typed");
    await opened.page.keyboard.press("Escape");
    await button(opened, "Throw away").click();
    await button(opened, "Remove text").click();
    await opened.page.locator("#question-yes").click();
    await eventually(() => textOf(opened, "metadata-notice")).toBe(refusal);
    expect(await entries(opened)).toEqual([["text", "as it was"]]);
    expect(await textOf(opened, "metadata-saved")).toBe("");
  });
});

test("a value that is larger than a message may be is refused in words", async () => {
  const id = await addUser({ text: "as it was" });
  const opened = await openUser(id);
  await button(opened, "Change text").click();
  await field(opened, "Value").fill("v".repeat(200_000));
  await button(opened, "Save").click();
  await eventually(() => textOf(opened, "metadata-form-notice")).toMatch(/larger|large|size/i);
  expect(await storedValue(id, "text")).toBe("as it was");
});

test("much metadata is shown page by page, in order, and stays shown after a change", async () => {
  const id = await addUser();
  const keys = Array.from({ length: 45 }, (_, index) => `key ${String(index).padStart(2, "0")}`);
  const metadata = keys.map((key) => ({ key, value: base64("v") }));
  await setting.call(methods.bulkSetUserMetadata, { id, metadata });
  const opened = await openUser(id);
  await eventually(() => textOf(opened, "metadata-count")).toBe("20 of 45 entries");
  await button(opened, "Show more metadata").click();
  await eventually(() => textOf(opened, "metadata-count")).toBe("40 of 45 entries");
  expect(await opened.page.evaluate("document.activeElement.textContent")).toContain("key 20");
  await button(opened, "Change key 30").click();
  await field(opened, "Value").fill("changed");
  await button(opened, "Save").click();
  await eventually(() => textOf(opened, "metadata-saved")).toBe("Saved as version 47.");
  expect((await entries(opened))[30]).toEqual(["key 30", "changed"]);
  expect(await textOf(opened, "metadata-count")).toBe("40 of 45 entries");
  await button(opened, "Show more metadata").click();
  await eventually(() => textOf(opened, "metadata-count")).toBe("45 entries");
  expect((await entries(opened)).map(([key]) => key)).toEqual(keys);
  expect(await button(opened, "Show more metadata").isVisible()).toBe(false);
});

test("a second click while more metadata is on its way asks for nothing", async () => {
  const id = await addUser();
  const keys = Array.from({ length: 45 }, (_, index) => `key ${String(index).padStart(2, "0")}`);
  const metadata = keys.map((key) => ({ key, value: base64("v") }));
  await setting.call(methods.bulkSetUserMetadata, { id, metadata });
  const opened = await openUser(id);
  await eventually(() => textOf(opened, "metadata-count")).toBe("20 of 45 entries");
  const answer = Promise.withResolvers<void>();
  await opened.page.route("**/ListUserMetadata", async (route) => {
    await answer.promise;
    await route.continue();
  });
  await button(opened, "Show more metadata").dblclick();
  answer.resolve();
  await eventually(() => textOf(opened, "metadata-count")).toBe("40 of 45 entries");
  await button(opened, "Show more metadata").click();
  await eventually(() => textOf(opened, "metadata-count")).toBe("45 entries");
  expect((await entries(opened)).map(([key]) => key)).toEqual(keys);
});

test("what is typed for somebody else while metadata is saved is not stored for the first", async () => {
  const first = await addUser();
  const second = await addUser({ text: "as it was" });
  const opened = await openUser(second);
  await button(opened, "Change text").click();
  await field(opened, "Value").fill("of the second");
  await opened.openUser(first);
  await eventually(() => textOf(opened, "metadata-count")).toBe("There is none.");
  const answer = Promise.withResolvers<void>();
  await opened.page.route("**/GetUserMetadata", async (route) => {
    await answer.promise;
    await route.continue();
  });
  await button(opened, "Add metadata").click();
  await field(opened, "Key").fill("key");
  await field(opened, "Value").fill("of the first");
  await button(opened, "Save").click();
  await opened.page.goBack();
  await eventually(() => field(opened, "Value").inputValue()).toBe("of the second");
  const stored = opened.page.waitForResponse("**/SetUserMetadata");
  answer.resolve();
  await stored;
  expect(await storedValue(first, "key")).toBe("of the first");
});

test("somebody who may only read sees metadata without buttons", async () => {
  const opened = await openUser(await addUser({ text: "value" }), setting.tokens.viewer);
  await eventually(() => entries(opened)).toEqual([["text", "value"]]);
  expect(await opened.page.locator("#metadata button:visible").count()).toBe(0);
});
