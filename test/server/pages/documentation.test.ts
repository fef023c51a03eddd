import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createStaticPage } from "../../../src/wire/index.ts";
import { openBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import { startServer, type TestServer } from "../../support/server.ts";

let browser: TestBrowser;
let server: TestServer;
beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(), startServer()]);
});
afterAll(async () => {
  await browser.close();
  await server.close();
});

describe("/openapi.json", () => {
  test("is the committed document, for whoever asks", async () => {
    const answer = await fetch(`${server.url}/openapi.json`);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(await answer.text()).toBe(
      readFileSync(new URL("../../../gen/openapi.json", import.meta.url), "utf8"),
    );
  });
});

describe("/docs", () => {
  test("lets people try what it shows", async () => {
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const complaints: string[] = [];
    const origins = new Set<string>();
    page.on("request", (request) => origins.add(new URL(request.url()).origin));
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`${server.url}/docs`);

    await page.locator("button.authorize").first().click();
    await page.locator(".auth-container input").fill(server.adminToken);
    await page.locator(".auth-container button.authorize").click();
    await page.locator(".auth-container button.btn-done").click();

    const update = page.locator(
      "#operations-ManagementService-ManagementService_UpdateHumanProfile",
    );
    await update.locator(".opblock-summary-control").click();
    await update
      .locator("textarea.body-param__text")
      .fill(
        JSON.stringify({ firstName: "Gigi", lastName: "Giraffe", displayName: "Gigi by hand" }),
      );
    await update.locator("button.execute").click();
    const live = update.locator(".live-responses-table tbody");
    expect(await live.locator(".response-col_status").textContent()).toContain("200");
    expect(await live.locator(".highlight-code").first().textContent()).toContain(
      `"resourceOwner": "${server.organization}"`,
    );

    expect([...origins]).toEqual([server.url]);
    expect(complaints).toEqual([]);
    expect(server.records.at(-1)).toMatchObject({
      method: "zitadel.management.v1.ManagementService/UpdateHumanProfile",
      protocol: "rest",
      status: 200,
    });
  });

  test.for([
    { width: 390, colorScheme: "light" },
    { width: 390, colorScheme: "dark" },
    { width: 1440, colorScheme: "dark" },
  ] as const)("fits a window of $width pixels, $colorScheme", async ({ width, colorScheme }) => {
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(`${server.url}/docs`);
    const first = page.locator(".opblock").first();
    await first.locator(".opblock-summary-control").click();
    await first.locator("textarea").waitFor();
    expect(await first.getAttribute("id")).toBe(
      "operations-ManagementService-ManagementService_UpdateHumanProfile",
    );
    const second = page.locator(".opblock").nth(1);
    expect(await second.getAttribute("id")).toContain("Healthz");
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
    const [ground = ""] = await page.evaluate<string[]>(
      "getComputedStyle(document.documentElement).backgroundColor.match(/[0-9]+/g)",
    );
    expect(Number(ground) > 0 && Number(ground) < 128).toBe(colorScheme === "dark");
    // Words of the text that introduces a service are whole.
    const words = page.locator(".opblock-tag small").first();
    expect((await words.boundingBox())?.width).toBeGreaterThan(250);
    await page.getByRole("link", { name: "Console" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.getByRole("link", { name: "API" }).click();
    await first.waitFor();
    await page.emulateMedia({ colorScheme: colorScheme === "dark" ? "light" : "dark" });
    await expect
      .poll(() => page.evaluate("document.documentElement.className"))
      .toBe(colorScheme === "dark" ? "" : "dark-mode");
  });

  test("runs no script and loads nothing but what the server has", async () => {
    const answer = await fetch(`${server.url}/docs`);
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(await answer.text()).not.toMatch(/<script(?![^>]* src=)|<style|\bon\w+=/);
  });

  test.for([
    { path: "/docs", type: "text/html; charset=utf-8" },
    { path: "/docs/page.css", type: "text/css; charset=utf-8" },
    { path: "/docs/start.js", type: "text/javascript; charset=utf-8" },
    { path: "/docs/swagger-ui.css", type: "text/css; charset=utf-8" },
    { path: "/docs/swagger-ui-bundle.js", type: "text/javascript; charset=utf-8" },
    { path: "/docs/favicon.png", type: "image/png" },
  ])("is sent once: $path", async ({ path, type }) => {
    const answer = await fetch(server.url + path);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": type,
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
    });
    const etag = answer.headers.get("etag") ?? "";
    const again = await fetch(server.url + path, { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  test("has no other file of the package", async () => {
    for (const path of [
      "/docs/",
      "/docs/package.json",
      "/docs/../package.json",
      "/docs/index.html",
    ])
      expect((await fetch(server.url + path)).status).toBe(404);
  });
});

describe("a page whose file is not there", () => {
  test("is looked for again", async () => {
    let name = "no-such-file.json";
    const page = createStaticPage(() => new URL(`../../../gen/${name}`, import.meta.url), {});
    const head = {
      httpVersion: "1.1",
      method: "GET",
      path: "/",
      query: "",
      headers: {},
      peer: "",
    } as const;
    await expect(page(head)).rejects.toThrow("ENOENT");
    name = "openapi.json";
    expect(await page(head)).toMatchObject({ status: 200 });
  });
});
