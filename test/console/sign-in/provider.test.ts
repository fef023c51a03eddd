import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { gigi, type Setting, startSetting } from "../../support/api/setting.ts";
import { openBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import {
  clientId,
  type Provider,
  providerAudience,
  startProvider,
} from "../../support/identity/provider.ts";
import { type Console, eventually, openConsole } from "../open-console.ts";
import { button, field, focusedId, textOf } from "../use-console.ts";

let browser: TestBrowser;
let provider: Provider;
let setting: Setting;
let context: Awaited<ReturnType<TestBrowser["newContext"]>>;
beforeAll(async () => {
  provider = await startProvider();
  [browser, setting] = await Promise.all([
    openBrowser(),
    startSetting([
      ...["--oidc-issuer", provider.url, "--oidc-audience", providerAudience],
      ...["--oidc-console-client-id", clientId, "--oidc-console-scope", "openid profile"],
    ]),
  ]);
  const { own } = setting.organizations;
  await setting.administer(
    "member",
    "add",
    "--subject",
    "sam",
    "--role",
    "ORG_OWNER",
    "--org",
    own,
  );
});
afterAll(async () => {
  await browser.close();
  await setting.close();
  await provider.close();
});
beforeEach(async () => {
  context = await browser.newContext();
  Object.assign(provider, {
    ...{ subject: "sam", refusal: undefined, isDown: false },
    ...{ idClaims: {}, accessClaims: {}, back: {}, discovery: {} },
  });
  provider.visits.length = 0;
  provider.exchanges.length = 0;
});
afterEach(() => context.close());

const open = () => openConsole(context, setting.url);
const goIn = (opened: Console) =>
  button(opened, `Sign in with ${new URL(provider.url).host}`).click();

describe("signing in with the identity provider", () => {
  test("leads back to where the link led, and leaves nothing in the address or elsewhere", async () => {
    const userId = await setting.addUser();
    const opened = await open();
    const { page } = opened;
    await page.goto(`${setting.url}/#/users/${userId}`);
    await page.reload();
    await goIn(opened);
    await page.getByRole("heading", { name: gigi.displayName }).waitFor();
    expect(page.url()).toBe(`${setting.url}/#/users/${userId}`);
    await button(opened, "Edit").waitFor();

    const [{ query = new URLSearchParams() } = {}] = provider.visits;
    const secrets = ["state", "nonce", "code_challenge"];
    for (const name of secrets) expect(query.get(name)).toMatch(/^[-\w]{43}$/);
    expect(Object.fromEntries(query)).toMatchObject({
      response_type: "code",
      client_id: clientId,
      redirect_uri: `${setting.url}/`,
      scope: "openid profile",
      code_challenge_method: "S256",
    });
    expect(provider.exchanges.map(({ origin }) => origin)).toEqual([setting.url]);

    const kept = await page.evaluate<string[]>("Object.keys(sessionStorage)");
    expect(kept.sort()).toEqual(["giraffe.organization", "giraffe.token"]);
    expect(await page.evaluate("[localStorage.length, document.cookie]")).toEqual([0, ""]);
    await page.reload();
    await page.getByRole("heading", { name: gigi.displayName }).waitFor();
    expect(provider.visits.length).toBe(1);
    expect(opened.complaints).toEqual([]);
  });

  test("takes the organization along that was typed", async () => {
    provider.subject = "boss";
    await setting.administer("member", "add", "--subject", "boss", "--role", "IAM_OWNER");
    const opened = await open();
    await field(opened, "Organization id optional").fill(setting.organizations.other);
    await goIn(opened);
    await opened.page.locator("#place", { hasText: "Zoo" }).waitFor();
    expect(opened.page.url()).toContain(`org=${setting.organizations.other}`);
  });

  test("and with a token are both possible", async () => {
    const opened = await open();
    await eventually(() => focusedId(opened)).toBe("provider-sign-in");
    await opened.signIn(setting.tokens.viewer);
    expect(provider.visits).toEqual([]);
  });

  type Row = { name: string; given: Partial<Provider>; want: string };
  test.for<Row>([
    {
      name: "somebody whom the provider refuses",
      given: { refusal: "access_denied" },
      want: "The provider did not let you in.",
    },
    {
      name: "an answer with another state",
      given: { back: { state: "forged" } },
      want: "The answer of the provider cannot be used. Try again.",
    },
    {
      name: "an answer with a code that the provider does not know",
      given: { back: { code: "forged" } },
      want: "The answer of the provider cannot be used. Try again.",
    },
    {
      name: "an answer of another issuer",
      given: { back: { iss: "https://elsewhere.example" } },
      want: "The answer of the provider cannot be used. Try again.",
    },
    {
      name: "an ID token for another sign-in",
      given: { idClaims: { nonce: "another" } },
      want: "The answer of the provider cannot be used. Try again.",
    },
    {
      name: "an ID token for another client",
      given: { idClaims: { aud: "another" } },
      want: "The answer of the provider cannot be used. Try again.",
    },
    {
      name: "an access token for another audience",
      given: { accessClaims: { aud: "another" } },
      want: "The server does not accept the tokens of this provider.",
    },
    {
      name: "somebody without a role",
      given: { subject: "nobody" },
      want: "Membership not found (AUTHZ-cdgFk).",
    },
  ])("lets nobody in with $name, and says why", async ({ given, want }) => {
    Object.assign(provider, given);
    const userId = await setting.addUser();
    const opened = await open();
    await opened.page.goto(`${setting.url}/#/users/${userId}`);
    await opened.page.reload();
    await goIn(opened);
    await opened.page.getByText(want).waitFor();
    expect(opened.page.url()).toBe(`${setting.url}/#/users/${userId}`);
    expect(await opened.page.evaluate("sessionStorage.length")).toBe(0);
    expect(await opened.page.locator("#people").isVisible()).toBe(false);
    // It works again afterwards.
    Object.assign(provider, {
      ...{ subject: "sam", refusal: undefined, idClaims: {}, accessClaims: {}, back: {} },
    });
    await goIn(opened);
    await opened.page.getByRole("heading", { name: gigi.displayName }).waitFor();
  });

  test.for<Row>([
    {
      name: "it cannot be reached",
      given: { isDown: true },
      want: "The provider cannot be reached. Try again in a moment.",
    },
    {
      name: "it says that it is another",
      given: { discovery: { issuer: "https://elsewhere.example" } },
      want: "The provider cannot be reached. Try again in a moment.",
    },
    {
      name: "it names a script as its address",
      given: { discovery: { authorization_endpoint: "javascript:globalThis.pwned=1" } },
      want: "The provider names no address for signing in.",
    },
  ])("says so, and stays, if $name", async ({ given, want }) => {
    Object.assign(provider, given);
    const opened = await open();
    await goIn(opened);
    await eventually(() => textOf(opened, "sign-in-notice")).toBe(want);
    expect(opened.page.url()).toBe(`${setting.url}/`);
    expect(await opened.page.evaluate("globalThis.pwned")).toBeUndefined();
    await opened.signIn(setting.tokens.viewer);
  });

  test("is not begun by a code that somebody else has put into the address", async () => {
    const opened = await open();
    await opened.page.goto(`${setting.url}/?code=forged&state=forged`);
    await opened.page.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(provider.exchanges).toEqual([]);
  });

  test("keeps what was typed before the token expired", async () => {
    const userId = await setting.addUser();
    const opened = await open();
    const { page } = opened;
    await goIn(opened);
    await page.getByRole("heading", { name: "People" }).waitFor();
    await opened.openUser(userId);
    await button(opened, "Edit").click();
    await page.getByLabel("Nick name").fill("typed");
    await page.route("**/UpdateHumanProfile", (route) =>
      route.continue({ headers: { ...route.request().headers(), authorization: "Bearer gone" } }),
    );
    await button(opened, "Save").click();
    await page.getByText("This token is not accepted any more.").waitFor();
    await page.unroute("**/UpdateHumanProfile");
    await goIn(opened);
    await page.getByRole("heading", { name: gigi.displayName }).waitFor();
    await eventually(() => page.getByLabel("Nick name").inputValue()).toBe("typed");
  });
});

test("the page may call the provider, and nobody else", async () => {
  const { headers } = await fetch(setting.url);
  expect(headers.get("content-security-policy")).toContain(`; connect-src 'self' ${provider.url};`);
  const settings = await (await fetch(`${setting.url}/console.json`)).json();
  expect(settings).toEqual({
    signIn: { issuer: provider.url, clientId, scope: "openid profile" },
  });
});
