import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createConsolePages } from "../../src/server/pages/console-pages.ts";
import { root, runProgram } from "../support/child.ts";
import { startEcho } from "../wire/echo.ts";

/** A copy of the sources of the console. */
function createCheckout(): string {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of [
    "src/console",
    "gen",
    "scripts",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
  ])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}

async function buildIn(folder: string) {
  const { code, stderr } = await runProgram(process.execPath, ["scripts/build-console.js"], {
    cwd: folder,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return readdirSync(join(folder, "dist/console/assets")).sort();
}

test("the console is bundled when it is missing or stale, and only then", async () => {
  const folder = createCheckout();
  const page = join(folder, "dist/console/index.html");
  const first = await buildIn(folder);
  expect(first).toEqual([
    expect.stringMatching(/^giraffe-\w{8}\.svg$/),
    expect.stringMatching(/^main-\w{8}\.js$/),
    expect.stringMatching(/^style-\w{8}\.css$/),
  ]);
  for (const name of first) expect(readFileSync(page, "utf8")).toContain(`"/assets/${name}"`);

  const builtAt = statSync(page).mtimeMs;
  expect(await buildIn(folder)).toEqual(first);
  expect(statSync(page).mtimeMs).toBe(builtAt);

  writeFileSync(join(folder, "src/console/style.css"), "p { margin: 0 }");
  const [mark, main, style] = first;
  const second = await buildIn(folder);
  expect(second.slice(0, 2)).toEqual([mark, main]);
  expect(second).not.toContain(style);
  expect(second).toHaveLength(3);

  rmSync(page);
  await buildIn(folder);
  expect(readFileSync(page, "utf8")).toContain(second[2]);
});

test("a console that is not built says so", async () => {
  const pages = createConsolePages(undefined, join(tmpdir(), "giraffe-is-not-there"));
  await using server = await startEcho({}, { pages });
  const answer = await fetch(server.url);
  expect(answer.status).toBe(404);
  expect(await answer.text()).toBe("The console is not built: npm ci and npm start build it.\n");
});
