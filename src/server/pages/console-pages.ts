import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { type Answer, createStaticPages, jsonAnswer, type WireOptions } from "../../wire/index.ts";
import { pageHeaders } from "./page-headers.ts";

/** Where scripts/build-console.js puts the console. */
const builtFolder = fileURLToPath(new URL("../../../dist/console", import.meta.url));

/** The identity provider that people sign in with, beside tokens. The page reads it at `/console.json`. */
export type ConsoleSignIn = {
  readonly issuer: string;
  readonly clientId: string;
  readonly scope: string;
};

/**
 * The console at `/`, and what it loads. If the folder does not exist, `/` says how to build the console.
 *
 * @param signIn `undefined`: people sign in with tokens alone.
 */
export function createConsolePages(
  signIn: ConsoleSignIn | undefined,
  folder = builtFolder,
): WireOptions["pages"] {
  const origins = signIn === undefined ? [] : [new URL(signIn.issuer).origin];
  // With this directive browsers refuse to turn a string into markup or script.
  const headers = pageHeaders(["require-trusted-types-for 'script'"], origins);
  const pages = createStaticPages(folder, headers);
  if (!pages.has("/")) pages.set("/", () => notBuilt);
  const settings = jsonAnswer(200, { ...(signIn && { signIn }) });
  pages.set("/console.json", () => settings);
  return pages;
}

const notBuilt: Answer = {
  status: 404,
  headers: { "content-type": "text/plain" },
  body: Buffer.from("The console is not built: npm ci and npm start build it.\n"),
};
