import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { type Answer, createStaticPages, type WireOptions } from "../../wire/index.ts";
import { pageHeaders } from "./page-headers.ts";

/** Where scripts/build-console.js puts the console. */
const builtFolder = fileURLToPath(new URL("../../../dist/console", import.meta.url));

/** The console at `/`, and what it loads. If the folder does not exist, `/` says how to build the console. */
export function createConsolePages(folder = builtFolder): WireOptions["pages"] {
  // With this directive browsers refuse to turn a string into markup or script.
  const headers = pageHeaders(["require-trusted-types-for 'script'"]);
  const pages = createStaticPages(folder, headers);
  if (!pages.has("/")) pages.set("/", () => notBuilt);
  return pages;
}

const notBuilt: Answer = {
  status: 404,
  headers: { "content-type": "text/plain" },
  body: Buffer.from("The console is not built: npm ci and npm start build it.\n"),
};
