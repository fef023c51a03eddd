import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inflate } from "@sparticuz/chromium";
import { type Browser, chromium } from "playwright-core";

/** A real Chromium, without a window. */
export type TestBrowser = Pick<Browser, "newContext"> & {
  /** Ends it, and removes what was unpacked for it. */
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

/** Start the Chromium that npm brought, or the one at `CHROMIUM_PATH`. */
export async function openBrowser(): Promise<TestBrowser> {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-browser-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const { CHROMIUM_PATH } = process.env;
    const program =
      CHROMIUM_PATH === undefined ? await unpack(folder) : { executablePath: CHROMIUM_PATH };
    const browser = await chromium.launch({ ...program, args: switches });
    return {
      newContext: (options) => browser.newContext(options),
      async close() {
        await browser.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Browser, libraries and fonts, so that nothing need be installed on the machine. */
async function unpack(folder: string) {
  const packed = join(
    dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium")),
    "../bin",
  );
  const { TMPDIR } = process.env;
  // The package reads the folder to unpack to from the environment during the call.
  process.env.TMPDIR = folder;
  const unpacking = ["chromium.br", "al2023.tar.br", "fonts.tar.br"].map((name) =>
    inflate(join(packed, name)),
  );
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
  const [executablePath = "", libraries = "", fonts = ""] = await Promise.all(unpacking);

  const fontsFile = join(folder, "fonts.conf");
  writeFileSync(fontsFile, fontsConfig(fonts, join(folder, "fonts-cache")));
  return {
    executablePath,
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(libraries, "lib"),
      FONTCONFIG_FILE: fontsFile,
    },
  };
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
