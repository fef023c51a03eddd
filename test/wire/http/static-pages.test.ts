import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createStaticPages } from "../../../src/wire/index.ts";
import { type HttpVersion, send } from "../../support/api/http.ts";
import { startEcho } from "../echo.ts";

const style = "p { margin: 0 }\n".repeat(200);
const page = "<!doctype html><p>Привет";

function createFolder(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "assets"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const files = {
  "index.html": page,
  "assets/style-1.css": style,
  "assets/main-1.js": "export {};",
  "assets/mark-1.svg": "<svg/>",
};

const startSite = () =>
  startEcho({}, { pages: createStaticPages(createFolder(files), { "x-page": "yes" }) });

describe("a folder of files", () => {
  test.for([
    { path: "/", type: "text/html; charset=utf-8", cache: "no-cache", body: page },
    { path: "/assets/style-1.css", type: "text/css; charset=utf-8", body: style },
    { path: "/assets/main-1.js", type: "text/javascript; charset=utf-8", body: "export {};" },
    { path: "/assets/mark-1.svg", type: "image/svg+xml", body: "<svg/>" },
  ])("is served as what it is: $path", async ({ path, type, cache, body }) => {
    await using site = await startSite();
    const answer = await fetch(`${site.url}${path}`);
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": type,
      "cache-control": cache ?? "public, max-age=31536000, immutable",
      "x-page": "yes",
      vary: "Origin, Accept-Encoding",
    });
    expect(await answer.text()).toBe(body);
  });

  test.for<HttpVersion>(["HTTP/1.1", "h2c"])(
    "is not sent again to who has it: %s",
    async (version) => {
      await using site = await startSite();
      const ask = (tag: string, path = "/") =>
        send(version, site.url, { method: "GET", path, headers: { "if-none-match": tag } });
      const etag = (await ask('W/"other"')).headers.get("etag") ?? "";
      expect(etag).toMatch(/^W\/"[\w-]{43}"$/);
      for (const tag of [etag, `"other", ${etag}`]) {
        const { status, body, headers } = await ask(tag);
        expect([status, body.length, headers.get("etag")]).toEqual([304, 0, etag]);
        expect(headers.get("content-length")).toBeNull();
      }
      expect((await ask(etag, "/assets/main-1.js")).status).toBe(200);
    },
  );

  test.for([
    { accepted: "gzip, deflate, br", encoding: "gzip" },
    { accepted: "br", encoding: "br" },
    { accepted: "identity", encoding: null },
  ])("is compressed for a client that accepts $accepted", async ({ accepted, encoding }) => {
    await using site = await startSite();
    for (let round = 0; round < 2; round += 1) {
      const answer = await fetch(`${site.url}/assets/style-1.css`, {
        headers: { "accept-encoding": accepted },
      });
      expect(answer.headers.get("content-encoding")).toBe(encoding);
      expect(await answer.text()).toBe(style);
    }
  });

  test("has no body for HEAD, and cannot be written", async () => {
    await using site = await startSite();
    const head = await fetch(site.url, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([
      200,
      String(Buffer.byteLength(page)),
    ]);
    const post = await fetch(site.url, { method: "POST", body: "x" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  test.for(["/index.html", "/assets", "/assets/", "/assets/../index.html", "/..%2f", "/%2e%2e/"])(
    "has nothing else to offer: %s",
    async (path) => {
      await using site = await startSite();
      const { status } = await send("HTTP/1.1", site.url, { method: "GET", path });
      expect(status).toBe(404);
    },
  );

  test("stays as it was when the server started", async () => {
    const folder = createFolder(files);
    await using site = await startEcho({}, { pages: createStaticPages(folder, {}) });
    rmSync(folder, { recursive: true });
    expect(await (await fetch(site.url)).text()).toBe(page);
  });
});

describe("createStaticPages", () => {
  test("has no pages without a folder", () => {
    expect(createStaticPages(join(tmpdir(), "giraffe-is-not-there"), {}).size).toBe(0);
  });

  test("refuses what is no folder", () => {
    const folder = createFolder(files);
    expect(() => createStaticPages(join(folder, "index.html"), {})).toThrow("ENOTDIR");
  });

  test("refuses a file of a type that it does not know", () => {
    const folder = createFolder({ "notes.txt": "" });
    expect(() => createStaticPages(folder, {})).toThrow("no content type for /notes.txt");
  });
});
