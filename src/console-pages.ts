import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { type Answer, createStaticPages, type WireOptions } from "./wire/index.ts";

/** Where scripts/build-console.js puts the console. */
const builtFolder = fileURLToPath(new URL("../dist/console", import.meta.url));

/** The page may load its own script and style, and call its own server; nothing else. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  // No string becomes markup or script, whoever would try.
  "require-trusted-types-for 'script'",
].join("; ");

/** The console at `/`, and what it loads. Without the folder, `/` tells how to get one. */
export function createConsolePages(folder = builtFolder): WireOptions["pages"] {
  const pages = createStaticPages(folder, {
    "content-security-policy": policy,
    "referrer-policy": "no-referrer",
    // Of the headers of every answer, those that forbid caching.
    expires: undefined,
    pragma: undefined,
  });
  if (!pages.has("/")) pages.set("/", () => notBuilt);
  return pages;
}

const notBuilt: Answer = {
  status: 404,
  headers: { "content-type": "text/plain" },
  body: Buffer.from("The console is not built: npm ci and npm start build it.\n"),
};
