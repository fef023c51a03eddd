import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { inflate } from "@sparticuz/chromium";
import { type Browser, chromium } from "playwright-core";
import { inject } from "vitest";

/** A real Chromium, without a window. */
export type TestBrowser = Pick<Browser, "newContext"> & {
  /** Ends it. */
  close(): Promise<void>;
};

/** Flags so that it sends nothing over the network by itself, and so that root may start it. */
const switches = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** For the slowest and busiest machine: what a page never shows is found all the same. In milliseconds. */
const patienceMs = 240_000;

/** Start the Chromium that npm brought, or the one at `CHROMIUM_PATH`. */
export async function openBrowser(): Promise<TestBrowser> {
  const { CHROMIUM_PATH } = process.env;
  const program =
    CHROMIUM_PATH === undefined ? await unpacked() : { executablePath: CHROMIUM_PATH };
  const browser = await chromium.launch({ ...program, args: switches, timeout: patienceMs });
  return {
    async newContext(options) {
      const context = await browser.newContext(options);
      context.setDefaultTimeout(patienceMs);
      return context;
    },
    close: () => browser.close(),
  };
}

/** Browser, libraries and fonts, so that nothing need be installed on the machine. */
async function unpacked() {
  const shared = inject("browserFolder");
  const folder = join(shared, "unpacked");
  if (!existsSync(folder)) await unpack(shared, folder);
  return {
    executablePath: join(folder, "chromium"),
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(folder, "al2023/lib"),
      FONTCONFIG_FILE: join(folder, "fonts.conf"),
    },
  };
}

/** Test files may do so at once. The folder is there when all of it is. */
async function unpack(shared: string, folder: string): Promise<void> {
  const own = mkdtempSync(join(shared, "own-"));
  const packed = join(
    dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium")),
    "../bin",
  );
  const { TMPDIR } = process.env;
  // The package reads the folder to unpack to from the environment during the call.
  process.env.TMPDIR = own;
  const unpacking = ["chromium.br", "al2023.tar.br", "fonts.tar.br"].map((name) =>
    inflate(join(packed, name)),
  );
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
  await Promise.all(unpacking);
  writeFileSync(
    join(own, "fonts.conf"),
    fontsConfig(join(folder, "fonts"), join(folder, "fonts-cache")),
  );
  try {
    renameSync(own, folder);
  } catch (error) {
    // Another test file was faster.
    if (!existsSync(folder)) throw error;
    rmSync(own, { recursive: true });
  }
}

/** The font of the package first, then those of the machine. Without any font Chromium ends. */
function fontsConfig(folder: string, cache: string): string {
  const prefer = (family: string) =>
    `<alias><family>${family}</family><prefer><family>Open Sans</family></prefer></alias>`;
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${cache}</cachedir>
  ${prefer("sans-serif")}
  ${prefer("system-ui")}
</fontconfig>
`;
}
