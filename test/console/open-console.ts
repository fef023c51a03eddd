import type { Page } from "playwright-core";
import { expect } from "vitest";
import type { TestBrowser } from "../support/browser/browser.ts";

/** The console in a browser, as one person has it open. */
export type Console = {
  readonly page: Page;
  /** The origins of all requests, also of those that failed. */
  readonly origins: ReadonlySet<string>;
  /** What the browser complained about: policies broken, errors in scripts. */
  readonly complaints: readonly string[];
  /** Paste a token, and wait until it is accepted. */
  signIn(token: string, organization?: string): Promise<void>;
  /** Open the page of a user, as a link to it would. */
  openUser(userId: string): Promise<void>;
};

type Context = Awaited<ReturnType<TestBrowser["newContext"]>>;

/** @param context Closed by whoever made it. */
export async function openConsole(context: Context, url: string): Promise<Console> {
  const page = await context.newPage();
  const origins = new Set<string>();
  const complaints: string[] = [];
  page.on("request", (request) => origins.add(new URL(request.url()).origin));
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  return {
    page,
    origins,
    complaints,
    async signIn(token, organization = "") {
      await page.getByLabel("Access token").fill(token);
      await page.getByLabel("Organization id").fill(organization);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "People" }).waitFor();
    },
    async openUser(userId) {
      await page.goto(`${url}/#/users/${encodeURIComponent(userId)}`);
      await page.locator("#name").waitFor();
      await page.locator("#timeline li").first().waitFor();
    },
  };
}

/** From now on the page makes calls of one method with another token, as if the caller's role had changed. */
export async function callAs({ page }: Console, token: string, method: string): Promise<void> {
  await page.route(`**/${method}`, (route) =>
    route.continue({
      headers: { ...route.request().headers(), authorization: `Bearer ${token}` },
    }),
  );
}

/** Look again and again until the page shows what is expected. Fails after the time that polls may take. */
export function eventually<Value>(look: () => Promise<Value> | Value) {
  return expect.poll(look);
}
