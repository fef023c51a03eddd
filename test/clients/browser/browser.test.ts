import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { startSetting } from "../../support/api/setting.ts";
import { openBrowser } from "../../support/browser/browser.ts";
import { startSite } from "../../support/browser/site.ts";
import { root } from "../../support/child.ts";
import { startServer } from "../../support/server.ts";
import { type Client, describeClient, type Reply } from "../client.contract.ts";
import { toldOfExtras } from "../extras-by-connect.ts";
import type { AnyMethodName } from "../proto.ts";
import { describeUserClient } from "../user-client.contract.ts";
import { browserClients, browserUserClients, webTransports } from "./browser-clients.ts";
import type { CallFromPage, ExtrasFromPage } from "./browser-page.ts";

/** What `browser-page.ts` offers within the page. */
declare function callFromPage(json: string): Promise<Reply>;
declare function extrasFromPage(json: string): Promise<string[]>;
declare function restExtrasFromPage(
  url: string,
  token: string,
  headers: readonly Readonly<Record<string, string>>[],
): Promise<object[]>;

const browser = await openBrowser();
const site = await startPage();
const context = await browser.newContext({ ignoreHTTPSErrors: true });
const page = await context.newPage();
await page.goto(site.origin);
afterAll(async () => {
  await browser.close();
  await site.close();
});

const clientInPage =
  (client: string, api: CallFromPage["api"] = "v1") =>
  (access: CallFromPage["access"]): Client<AnyMethodName> => ({
    call(method, request, headers = {}) {
      const call: CallFromPage = { api, client, access, method, request, headers };
      return page.evaluate((json) => callFromPage(json), JSON.stringify(call));
    },
  });

const names = Object.keys(browserClients);

for (const name of names) {
  describeClient(`in Chromium, from another origin: ${name}`, clientInPage(name), [
    ...["--cors-origin", site.origin],
  ]);
}

for (const name of Object.keys(browserUserClients)) {
  describeUserClient(`in Chromium, from another origin: ${name}`, clientInPage(name, "v2"), [
    ...["--cors-origin", site.origin],
  ]);
}

describe("extras, in Chromium, from another origin", () => {
  const rows = Object.keys(webTransports).flatMap((transport) =>
    (["v1", "v2"] as const).map((api) => ({ transport, api })),
  );
  const start = async () => {
    const setting = await startSetting(["--cors-origin", site.origin]);
    onTestFinished(() => setting.close());
    return { ...setting, userId: await setting.addUser() };
  };

  test.for(rows)(
    "$transport, $api: the page may send them, and reads what comes of them",
    async ({ transport, api }) => {
      const { url, tokens, userId } = await start();
      const wish: ExtrasFromPage = {
        ...{ transport, api, userId },
        access: { url, token: tokens.editor },
      };
      const lines = await page.evaluate((json) => extrasFromPage(json), JSON.stringify(wish));
      expect(lines).toEqual(toldOfExtras);
    },
  );

  test("fetch over REST: the page may send them, and reads what comes of them", async () => {
    const { url, tokens, userId } = await start();
    const mask = { "x-giraffe-update-mask": "displayName" };
    const unchanged = { ...mask, "x-giraffe-allow-unchanged": "true", "idempotency-key": "1" };
    const answers = await page.evaluate(
      ([url, token, headers]) => restExtrasFromPage(url, token, headers),
      [
        `${url}/management/v1/users/${userId}/profile`,
        tokens.editor,
        [
          { ...mask, "x-giraffe-validate-only": "true", prefer: "handling=strict" },
          { ...mask, "if-match": '"1"' },
          { ...mask, "if-match": '"1"' },
          unchanged,
          unchanged,
        ],
      ] as const,
    );
    expect(answers).toMatchObject([
      { status: 200, "x-giraffe-validated": "true", "preference-applied": "handling=strict" },
      { status: 200 },
      { status: 412 },
      { status: 200, "x-giraffe-changed": "false" },
      { status: 200, "x-giraffe-changed": "false", "idempotent-replayed": "true" },
    ]);
  });
});

/** Start a server with the demo user; `call` updates it. */
async function startDemo(...flags: string[]) {
  const server = await startServer(["--demo", ...flags]);
  onTestFinished(() => server.close());
  return {
    server,
    call: (name: string) =>
      clientInPage(name)({ url: server.url, token: server.adminToken }).call("UpdateHumanProfile", {
        userId: "163840776835432705",
        firstName: "Gigi",
        lastName: "Giraffe",
        displayName: name,
      }),
  };
}

describe("a page of an origin that may not call", () => {
  test.for(names)("gets nothing and changes nothing: %s", async (name) => {
    const others = ["https://app.example", site.origin.replace("127.0.0.1", "localhost")];
    const { server, call } = await startDemo(
      ...others.flatMap((origin) => ["--cors-origin", origin]),
    );
    const outcome = await call(name).then((reply) => JSON.stringify(reply), String);
    expect(outcome).toMatch(/"Failed to fetch"|TypeError: Failed to fetch|http status code: 0$/m);
    // The browser has sent a preflight, and its answer did not allow the call.
    expect(server.records).toMatchObject([{ protocol: "http", status: 204, method: undefined }]);
  });
});

describe("over TLS", () => {
  test.for(names)("a browser calls by HTTP/2: %s", async (name) => {
    const [cert, key] = ["cert", "key"].map((each) =>
      join(root, "test", "support", "tls", `${each}.pem`),
    );
    const { server, call } = await startDemo(`--tls-cert=${cert}`, `--tls-key=${key}`);
    const network = await context.newCDPSession(page);
    const protocols = new Map<string, string | undefined>();
    network.on("Network.responseReceived", ({ response }) => {
      protocols.set(new URL(response.url).origin, response.protocol);
    });
    await network.send("Network.enable");
    expect(await call(name)).toMatchObject({ kind: "answered" });
    await expect.poll(() => protocols).toEqual(new Map([[server.url, "h2"]]));
    await network.detach();
  });
});

/** An empty page with the clients in it. */
async function startPage() {
  const { outputFiles } = await build({
    entryPoints: [join(root, "test", "clients", "browser", "browser-page.ts")],
    bundle: true,
    format: "esm",
    write: false,
  });
  return startSite({
    "/": {
      type: "text/html",
      body: '<!doctype html><link rel="icon" href="data:,"><script type="module" src="page.js"></script>',
    },
    "/page.js": { type: "text/javascript", body: outputFiles[0]?.text ?? "" },
  });
}
